internal import ResilienceCore

extension CircuitBreaker {
    /// The state of a breaker.
    public enum State: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
        /// Calls go through and are counted.
        case closed
        /// Calls are rejected until the break is over.
        case open
        /// A few probes go through; other calls are rejected.
        case halfOpen
        /// Forced open: calls are rejected until somebody decides otherwise.
        case isolated
        /// Calls go through and only the totals count them.
        case disabled
        /// Calls go through and are counted; what would have opened the breaker is only reported.
        case observing

        /// `half-open` for ``halfOpen``, otherwise the case's name.
        public var description: String { self == .halfOpen ? "half-open" : rawValue }
    }

    /// What the breaker's rule looks at: the calls of the window or, half-open, the probes.
    public struct Counts: Sendable, Hashable, Codable {
        /// Calls that succeeded.
        public internal(set) var successes = 0
        /// Calls that failed.
        public internal(set) var failures = 0
        /// Calls that took longer than ``Configuration/slowCallDuration``, whether they succeeded or failed.
        public internal(set) var slow = 0
        /// Calls whose outcome was ignored. A window of calls does not forget them before the state changes.
        public internal(set) var ignored = 0
        /// Successes since the last failure.
        public internal(set) var consecutiveSuccesses = 0
        /// Failures since the last success.
        public internal(set) var consecutiveFailures = 0
        /// Probes that are running. Other calls are counted when they end.
        public internal(set) var running = 0

        /// Successes and failures: what rates are shares of.
        public var calls: Int { successes.addingSaturated(failures) }

        /// All calls: successes, failures, ignored ones and probes that are running.
        public var requests: Int { calls.addingSaturated(ignored).addingSaturated(running) }

        /// Failures among the calls, 0 to 1; `nil` if there are none.
        public var failureRate: Double? { calls == 0 ? nil : Double(failures) / Double(calls) }

        /// Slow calls among the calls, 0 to 1; `nil` if there are none.
        public var slowCallRate: Double? { calls == 0 ? nil : Double(slow) / Double(calls) }
    }

    /// What a breaker has seen in its life. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that succeeded.
        public internal(set) var successes = 0
        /// Calls that failed.
        public internal(set) var failures = 0
        /// Calls whose outcome was ignored.
        public internal(set) var ignored = 0
        /// Calls that the caller cancelled.
        public internal(set) var cancelled = 0
        /// Calls that were not let through.
        public internal(set) var rejected = 0
        /// Calls that were slow; they are among the successes and failures.
        public internal(set) var slow = 0
        /// Calls that ended after the state they were admitted in; they are among the others but in no window.
        public internal(set) var late = 0
        /// How often the breaker opened.
        public internal(set) var opened = 0

        /// Every call that has ended or was rejected.
        public var asks: Int {
            successes.addingSaturated(failures).addingSaturated(ignored).addingSaturated(cancelled)
                .addingSaturated(rejected)
        }

        /// The sums of two totals, for example of several breakers.
        public static func + (lhs: Totals, rhs: Totals) -> Totals {
            var sum = Totals()
            for path: WritableKeyPath<Totals, Int> in [
                \.successes, \.failures, \.ignored, \.cancelled, \.rejected, \.slow, \.late, \.opened,
            ] {
                sum[keyPath: path] = lhs[keyPath: path].addingSaturated(rhs[keyPath: path])
            }
            return sum
        }
    }
}
