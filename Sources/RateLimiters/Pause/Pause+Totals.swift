internal import ResilienceCore
internal import Synchronization

extension Pause {
    /// What a pause has seen since it was made. Calls that came while there was no pause are not counted. Every number
    /// only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Pauses, each time one began or was made longer.
        public internal(set) var pauses = 0
        /// Calls that waited for the end of a pause and went on.
        public internal(set) var waited = 0
        /// Calls that were rejected.
        public internal(set) var rejected = 0
        /// Calls that were given up during the wait.
        public internal(set) var cancelled = 0

        /// The sums of two totals, for example of several pauses.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }

    /// The numbers of calls, each counted by itself: calls that overlap a reading may be in it or not.
    final class Counters: Sendable {
        let waiting = Atomic(0)
        let pauses = Atomic(0)
        let waited = Atomic(0)
        let rejected = Atomic(0)
        let cancelled = Atomic(0)

        var totals: Totals {
            var totals = Totals()
            totals.pauses = pauses.load(ordering: .relaxed)
            totals.waited = waited.load(ordering: .relaxed)
            totals.rejected = rejected.load(ordering: .relaxed)
            totals.cancelled = cancelled.load(ordering: .relaxed)
            return totals
        }
    }
}

extension Pause.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] { [\.pauses, \.waited, \.rejected, \.cancelled] }
}
