internal import ResilienceCore
internal import Synchronization

/// Successes that were counted without the breaker's lock and are not in its state yet: one atomic word, with the
/// generation of the state and their number.
///
/// Why nothing is lost, counted twice or judged too late:
///
/// - The word is open only while a success has no consequence but to be counted: no rule can come to hold by it
///   (``CircuitBreakerState/deferral``), no observer listens or measures, and no clock is read. A success lowers rates
///   and ends streaks of failures, and that it did so matters when the next failure is judged, not before.
/// - The holder of the lock takes the word out first, by an exchange that leaves it closed, and brings what was in it
///   into the state: so each success is brought in once, before anything else is counted, judged, shown or changed. A
///   success that finds the word closed takes the lock.
/// - A success is added by a compare-and-exchange that finds the word open, with the tag of the generation that let the
///   call through. The word is opened under the lock with the tag of the present generation, so that it is this one.
///   Two generations with one tag are 2^23 changes of state apart: a call would have to run during all of them.
/// - The successes between two holders of the lock are counted as one run, in the order in which the holders come: any
///   order of calls that end at the same time is as good.
/// - Releasing when a success is added and acquiring when the word is taken, so that a reader of totals sees what calls
///   did before they ended.
struct PendingSuccesses: ~Copyable, Sendable {
    private let word = Atomic<UInt64>(0)

    private static let mask: UInt64 = 1 << 40 - 1
    private static let most: UInt64 = 1 << 39

    /// Bit 63: open; then 23 bits of the generation. Never zero.
    @inline(__always)
    private static func tag(_ generation: UInt64) -> UInt64 { 1 << 23 | generation & (1 << 23 - 1) }

    /// Counts a success, if the word is open to calls of a generation.
    @inline(__always)
    borrowing func add(_ generation: UInt64) -> Bool {
        let tag = Self.tag(generation)
        var seen = word.load(ordering: .relaxed)
        while seen >> 40 == tag, seen & Self.mask < Self.most {
            let (isExchanged, original) = word.weakCompareExchange(
                expected: seen, desired: seen &+ 1, ordering: .releasing)
            if isExchanged { return true }
            seen = original
        }
        return false
    }

    /// Closes the word, and returns how many successes were in it.
    @inline(__always)
    borrowing func takeLocked() -> Int {
        Int(truncatingIfNeeded: word.exchange(0, ordering: .acquiring) & Self.mask)
    }

    /// Opens the word to calls of a generation.
    @inline(__always)
    borrowing func openLocked(_ generation: UInt64) {
        word.store(Self.tag(generation) << 40, ordering: .releasing)
    }
}
