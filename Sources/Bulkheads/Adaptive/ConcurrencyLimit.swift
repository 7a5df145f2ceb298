public import ResilienceCore

/// A limit on calls in flight that learns from the calls: a pure value, told how each call went.
///
/// A bulkhead holds one, admits no more calls at once than ``limit``, and records every call that it let through and
/// that ended. This module has ``AIMDLimit``, ``VegasLimit`` and ``Gradient2Limit``, and ``WindowedLimit`` to feed one
/// of them a summary in place of single calls; write your own by conforming a type to this protocol.
///
/// The methods are called under the bulkhead's lock, so they have to be short and must not call the bulkhead.
public protocol ConcurrencyLimit: Sendable {
    /// How many calls may be in flight at once. The bulkhead reads anything below 1 as 1.
    var limit: Int { get }

    /// The round-trip time that the limit compares others with, for metrics; `nil` if there is none, or none yet. `nil`
    /// by default.
    var baselineRoundTripTime: Duration? { get }

    /// Takes notice of a call that has ended.
    ///
    /// Calls that say nothing about the service, such as those that the caller cancelled, are not recorded.
    ///
    /// - Parameters:
    ///   - roundTripTime: How long the call took, without the time it waited for admission.
    ///   - inFlight: The calls in flight when this one was let through, itself included.
    ///   - isDropped: Whether the call failed as calls of an overloaded service do: it timed out, or was refused.
    ///   - now: When it ended. Of two calls, the one that ended later may be recorded first.
    mutating func record(roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant)

    /// Checks the parameters. By default there is nothing to check.
    ///
    /// - Throws: All faults, each with its field, value and range.
    func validate() throws(ConfigurationError)

    /// Takes a seed from a source of randomness. A bulkhead calls it once, before the first call, with its own source;
    /// nothing is drawn from the source after that. Does nothing by default.
    mutating func seed(from random: RandomSource)

    /// Takes over what another limit has learned, as far as it can. A bulkhead that is retuned calls it on the new
    /// limit, with the old one. Does nothing by default.
    mutating func resume(from previous: any ConcurrencyLimit)
}

extension ConcurrencyLimit {
    /// There is none.
    public var baselineRoundTripTime: Duration? { nil }

    /// Finds no fault.
    public func validate() throws(ConfigurationError) {}

    /// Does nothing.
    public mutating func seed(from random: RandomSource) {}

    /// Does nothing.
    public mutating func resume(from previous: any ConcurrencyLimit) {}
}

extension ConfigurationCheck {
    /// Adds the faults of a limit to those of what holds it.
    mutating func require(_ limit: some ConcurrencyLimit) {
        do {
            try limit.validate()
        } catch {
            for fault in error.faults { require(false, fault.field, fault.value, fault.violation) }
        }
    }
}

/// The range that a limit stays in, whatever it was given.
struct LimitRange: Sendable, Hashable {
    static let largest = 1_000_000

    let lowest: Double
    let highest: Double

    init(_ minimum: Int, _ maximum: Int) {
        lowest = Double(min(max(1, minimum), Self.largest))
        highest = max(lowest, Double(min(maximum, Self.largest)))
    }

    /// The value within the range; the lower end for what is not a number.
    func clamp(_ value: Double) -> Double { value >= lowest ? min(value, highest) : lowest }
}

extension TimeSource.Instant {
    /// When a call that ends now was admitted.
    func admission(of roundTripTime: Duration) -> TimeSource.Instant {
        TimeSource.Instant(nanoseconds: nanoseconds.subtractingSaturated(max(1, roundTripTime.saturatedNanoseconds)))
    }
}

extension ConfigurationCheck {
    mutating func require(initial: Int, minimum: Int, maximum: Int) {
        require("minimum", minimum, in: 1...LimitRange.largest)
        require("maximum", maximum, in: 1...LimitRange.largest)
        require(
            initial >= minimum && initial <= maximum, "initial", "\(initial)",
            "is outside minimum...maximum (\(minimum)...\(maximum))")
    }
}

extension Duration {
    /// A round-trip time to compute with: at least a nanosecond.
    var positiveNanoseconds: Double { Double(max(1, saturatedNanoseconds)) }
}
