internal import Synchronization

/// How far a full ``KeyedTable`` looks for a key that can give way, so that any number of new keys for which there is
/// none, which may be made up, cost little.
///
/// Looking wide takes up to 2048 entries: all of a table that is not larger. After such a search that found none, the
/// next 256, within 200 ms, look at 16 each, going on where the last one ended. So a search costs 24 looks on average,
/// or five wide ones a second; in a table of up to 16 keys none is overlooked, and in one of up to 2048 none for longer
/// than that.
final class KeyedSearch: Sendable {
    /// Entries that are looked at, and those of a wide search; of each shard, and of so many shards.
    static var steps: Int { 16 }
    static var stepsWide: Int { 2048 }
    static var stepsOfShard: Int { 128 }
    static var shards: Int { 32 }
    /// How many searches, and nanoseconds, until a search is wide again after a wide one that found nothing.
    static var rest: Int { 256 }
    static var restLength: Int64 { 200_000_000 }

    /// The shard that the next search begins with.
    let cursor = Atomic<Int>(0)
    /// Searches that are not wide, still.
    private let resting = Atomic<Int>(0)
    private let restedFrom = Atomic<Int64>(0)

    /// Begins a search, and returns whether it is a wide one. Of several that begin at once, more than one may be: that
    /// costs time and nothing else, so that relaxed loads and stores are enough.
    func begin(at now: TimeSource.Instant) -> Bool {
        let since = now.nanoseconds.subtractingSaturated(restedFrom.load(ordering: .relaxed))
        let left = resting.load(ordering: .relaxed)
        // Also where the clock has gone back.
        if left > 0, since.magnitude < Self.restLength {
            resting.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        guard resting.compareExchange(expected: left, desired: Self.rest, ordering: .relaxed).exchanged else {
            return false
        }
        restedFrom.store(now.nanoseconds, ordering: .relaxed)
        return true
    }

    /// A wide search has found something: the next one is wide, too.
    func hasFound() { resting.store(0, ordering: .relaxed) }
}
