internal import ResilienceCore

extension CircuitBreaker {
    /// The totals of a breaker since it was created. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that succeeded.
        public internal(set) var succeeded = 0
        /// Calls that failed.
        public internal(set) var failed = 0
        /// Calls whose outcome was ignored.
        public internal(set) var ignored = 0
        /// Calls that the caller cancelled.
        public internal(set) var cancelled = 0
        /// Calls that were not let through.
        public internal(set) var rejected = 0
        /// Calls that were slow; they are among those that succeeded and failed.
        public internal(set) var slow = 0
        /// Calls that ended after the state they were admitted in, or after their time as a probe; they are among the
        /// others but in no window.
        public internal(set) var late = 0
        /// How often the breaker opened.
        public internal(set) var opened = 0
        /// How often a rule would have opened it while it only observed.
        public internal(set) var wouldOpen = 0

        /// Every call that has ended or was rejected.
        public var calls: Int {
            succeeded.addingSaturated(failed).addingSaturated(ignored).addingSaturated(cancelled)
                .addingSaturated(rejected)
        }

        /// The sums of two totals, for example of several breakers.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

extension CircuitBreaker.Totals {
    mutating func count(_ outcome: CircuitBreaker.Outcome, isSlow: Bool) {
        switch outcome {
        case .success: succeeded.increment()
        case .failure: failed.increment()
        case .ignored: ignored.increment()
        case .cancelled: cancelled.increment()
        }
        if isSlow { slow.increment() }
    }
}

extension CircuitBreaker.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.succeeded, \.failed, \.ignored, \.cancelled, \.rejected, \.slow, \.late, \.opened, \.wouldOpen]
    }
}
