internal import ResilienceCore

/// The totals of a ``KeyedStaleWhileRevalidate`` since it was created. Each number only grows.
public struct StaleWhileRevalidateTotals: Sendable, Hashable, Codable {
    /// Calls that a fresh value answered.
    public internal(set) var fresh = 0
    /// Calls that a stale value answered.
    public internal(set) var stale = 0
    /// Calls that were made, and returned a value that was accepted.
    public internal(set) var loaded = 0
    /// Calls that waited for one that another caller had begun, and got what it brought: a value or an error.
    public internal(set) var joined = 0
    /// Calls that were made and failed, or returned a value that was not accepted.
    public internal(set) var failed = 0
    /// Calls that the caller cancelled.
    public internal(set) var cancelled = 0
    /// Refreshes that brought a new value which was kept.
    public internal(set) var refreshesSucceeded = 0
    /// Refreshes that failed, or brought a value that was not accepted.
    public internal(set) var refreshesFailed = 0
    /// Refreshes whose value was not kept: meanwhile its key was forgotten or dropped, or a call that began later had
    /// brought another.
    public internal(set) var refreshesDiscarded = 0
    /// Refreshes that were cancelled by a shutdown.
    public internal(set) var refreshesCancelled = 0
    /// Refreshes that were due but not begun: as many ran as may, or it was shut down.
    public internal(set) var refreshesRefused = 0

    /// Every call.
    public var calls: Int { [fresh, stale, loaded, joined, failed, cancelled].reduce(0) { $0.addingSaturated($1) } }

    /// The sums of two totals, for example of several caches.
    public static func + (lhs: Self, rhs: Self) -> Self { lhs.adding(rhs) }

    @usableFromInline
    mutating func countFresh() { fresh.increment() }

    @usableFromInline
    mutating func countStale() { stale.increment() }
}

extension StaleWhileRevalidateTotals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [
            \.fresh, \.stale, \.loaded, \.joined, \.failed, \.cancelled, \.refreshesSucceeded, \.refreshesFailed,
            \.refreshesDiscarded, \.refreshesCancelled, \.refreshesRefused,
        ]
    }
}
