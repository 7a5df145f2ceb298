internal import CircuitBreakers
internal import ResilienceCore
internal import Retries
internal import Timeouts

/// The patterns that configuration documents know, by the key of their configuration.
enum DocumentPatterns {
    static let all: [any Pattern.Type] = [Timeout.self, Retry.self, CircuitBreaker.self]

    static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.documentKey, $0) })
}

extension Pattern {
    static var documentKey: String { Settings.documentKey }

    /// Notes what is wrong with the form of a part of a document. Whether its values fit shows where it is used.
    static func checkForm(_ reader: ConfigurationReader) {
        var settings = Settings.documentBase
        settings.read(reader)
    }

    /// A strategy made from parts of a document, the later over the earlier; `nil` if there are faults.
    static func made(
        from layers: [ConfigurationReader], _ findings: Findings, in environment: PolicyEnvironment
    ) -> MadePattern? {
        var settings = Settings.documentBase
        guard findings.read(layers, onto: &settings), let strategy = try? recipe(settings).build(in: environment) else {
            return nil
        }
        return MadePattern(strategy: strategy, tuning: Tuning(strategy, declared: Settings.documentBase))
    }
}

/// A strategy that a document describes.
struct MadePattern {
    let strategy: any Pattern
    let tuning: Tuning
}
