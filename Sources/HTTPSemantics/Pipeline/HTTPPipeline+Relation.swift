internal import Resilience
internal import ResilienceCore

/// What in a pipeline contradicts other things in it, wherever its numbers are said.
extension HTTPPipeline.Configuration {
    /// What the parts are called where they are said.
    struct Fields {
        var totalLimit = "totalLimit"
        var attemptLimit = "attemptLimit"
        var window = "circuitBreaker.window"
        var longestRetry = "retry.maxDuration"

        /// In the part of a document for the policies of a pipeline.
        static func ofDocument(_ name: String, _ configuration: HTTPPipeline.Configuration) -> Fields {
            let path = "families.\(name)"
            let hasBoth = configuration.totalLimit != nil && configuration.attemptLimit != nil
            return Fields(
                totalLimit: "\(path).timeout" + (hasBoth ? "[0]" : ""),
                attemptLimit: "\(path).timeout" + (hasBoth ? "[1]" : ""), window: "\(path).circuitBreaker.window",
                longestRetry: "\(path).retry.maxDuration")
        }
    }

    /// What contradicts itself.
    func contradictions(_ fields: Fields = Fields()) -> [ConfigurationError.Fault] {
        var check = ConfigurationCheck()
        if let totalLimit, let attemptLimit {
            check.require(
                attemptLimit <= totalLimit, fields.attemptLimit, "\(attemptLimit)",
                "is longer than totalLimit, \(totalLimit)")
        }
        if let attemptLimit, let window = circuitBreaker?.window.length {
            check.require(
                window >= attemptLimit.multipliedSaturated(by: 2), fields.window, "\(window)",
                "is shorter than two attempts of attemptLimit, \(attemptLimit)")
        }
        if let totalLimit, let longest = retry?.maxDuration {
            check.require(
                longest <= totalLimit, fields.longestRetry, "\(longest)", "is longer than totalLimit, \(totalLimit)")
        }
        return check.faults
    }

    /// The same with the settings of its layers as a document has them, outermost first.
    func replacing(_ layers: [any Sendable]) -> HTTPPipeline.Configuration {
        var new = self
        // A limit that a document has made depend on the caller's deadline contradicts nothing.
        var limits = layers.compactMap { $0 as? Timeout.Configuration }.map(\.fixedLimit)[...]
        if totalLimit != nil, let limit = limits.popFirst() { new.totalLimit = limit }
        if attemptLimit != nil, let limit = limits.popFirst() { new.attemptLimit = limit }
        for layer in layers {
            switch layer {
            case let layer as Retry.Configuration: new.retry = layer
            case let layer as CircuitBreaker.Configuration: new.circuitBreaker = layer
            default: break
            }
        }
        return new
    }
}

extension Timeout.Configuration {
    /// The limit, if it is the same for all calls.
    var fixedLimit: Duration? { duration(of: Context(name: "", time: .continuous)) }
}
