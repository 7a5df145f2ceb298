internal import ResilienceCore

extension CircuitBreaker {
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
        /// Successes since the last failure, in the order in which calls ended. No window shortens it.
        public internal(set) var consecutiveSuccesses = 0
        /// Failures since the last success, in the order in which calls ended. No window shortens it.
        public internal(set) var consecutiveFailures = 0
        /// Calls among the successes and failures whose duration is known: all, where calls are timed. That is so with
        /// a window of time, with ``Configuration/slowCallDuration``, while an observer listens or measures, and of
        /// probes.
        public internal(set) var timed = 0
        /// What the timed calls took together, up to 146 years.
        var totalNanoseconds: Int64 = 0
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

        /// The total duration of the timed calls.
        public var totalDuration: Duration { .nanoseconds(totalNanoseconds) }

        /// The mean duration of the timed calls; `nil` if there are none.
        public var meanDuration: Duration? {
            timed == 0 ? nil : .nanoseconds(totalNanoseconds / Int64(clamping: timed))
        }
    }
}
