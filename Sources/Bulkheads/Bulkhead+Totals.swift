internal import ResilienceCore

extension Bulkhead {
    /// The totals of a bulkhead since it was created. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that were let through and have ended, however they did.
        public internal(set) var finished = 0
        /// Calls that were not let through: they found no slot and no place in the queue, lost it to a call that goes
        /// first, or got no slot in time.
        public internal(set) var rejected = 0
        /// Of those rejected, the calls that had a place in the queue and lost it to a call that goes first.
        public internal(set) var displaced = 0
        /// Of those rejected, the calls that got no slot within their longest wait.
        public internal(set) var timedOut = 0
        /// Calls that were cancelled while they waited.
        public internal(set) var cancelled = 0
        /// Calls whose wait in the queue has ended, in whatever way. They are among the others, or run.
        public internal(set) var waited = 0
        /// How long all of those have waited, together.
        public internal(set) var waitingTime = Duration.zero

        /// Every call that is over: it has ended, was not let through, or was cancelled before.
        public var calls: Int {
            finished.addingSaturated(rejected).addingSaturated(cancelled)
        }

        /// How long a call waited, on average over those that did; `nil` if none has.
        public var averageWait: Duration? { waited == 0 ? nil : waitingTime / waited }

        /// The sums of two totals, for example of several bulkheads.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

extension Bulkhead.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.finished, \.rejected, \.displaced, \.timedOut, \.cancelled, \.waited]
    }

    package static var durations: [WritableKeyPath<Self, Duration>] { [\.waitingTime] }
}
