internal import ResilienceCore
internal import Synchronization

/// Successes of calls that were timed, counted without the breaker's lock and not in its state yet: one atomic word,
/// with their number and the sum of their durations.
///
/// For windows of time, whose parts keep no more of a call than that; see ``PendingSuccesses`` for why calls may be
/// brought in later. What is different:
///
/// - The word is open for one part of the window, and for the calls that start and end in it: all of them count there,
///   and while the part lasts nothing leaves the window, so that no rule comes to hold by that. The first call that
///   ends in the next part takes the lock, moves the window on, and opens the word again.
/// - Not for slow calls, which may trip the breaker, nor for those whose duration the word has no room for.
/// - Each opening has another tag, so that a compare-and-exchange that succeeds finds the word of the opening whose
///   limits were read: they are written while the word is closed. A call that reads them early, before an exchange
///   closes the word, exchanges before that too, releasing, and that exchange is acquiring; so the limits that are
///   written after it are not those that were read. Two openings with one tag are 2^23 apart: a thread would have to
///   stand still between two instructions during all of them, and find the same number and sum.
struct PendingTimedSuccesses: ~Copyable, Sendable {
    /// Which calls may be counted without the lock.
    struct Limits: Equatable {
        var generation: UInt64
        /// The part of the window, from its first nanosecond to the first of the next.
        var part: Range<Int64>
        /// In nanoseconds; what takes longer is slow.
        var longest: Int64
    }

    /// What was in the word.
    struct Taken: Equatable {
        var number: Int
        var nanoseconds: Int64
    }

    /// Bit 63: open. 23 bits: which opening. 8 bits: the number of calls. 32 bits: the sum of their nanoseconds.
    private let word = Atomic<UInt64>(0)
    private let generation = Atomic<UInt64>(0)
    private let from = Atomic<Int64>(0)
    private let until = Atomic<Int64>(0)
    private let longest = Atomic<UInt64>(0)
    private let openings = Atomic<UInt64>(0)

    private static let open: UInt64 = 1 << 63
    private static let tagShift: UInt64 = 40
    private static let one: UInt64 = 1 << 32
    private static let most: UInt64 = 1 << 8 - 1
    private static let mostNanoseconds: UInt64 = 1 << 32 - 1

    /// Whether some success may be counted now.
    @inline(__always)
    var isOpen: Bool { word.load(ordering: .relaxed) & Self.open != 0 }

    /// Counts a success, if the word is open to it.
    @inline(__always)
    borrowing func add(_ generation: UInt64, from start: Int64, to now: Int64) -> Bool {
        var seen = word.load(ordering: .acquiring)
        guard seen & Self.open != 0, self.generation.load(ordering: .relaxed) == generation,
            start >= from.load(ordering: .relaxed), now < until.load(ordering: .relaxed), start <= now
        else { return false }
        let duration = UInt64(bitPattern: now &- start)
        guard duration <= longest.load(ordering: .relaxed) else { return false }
        let tag = seen >> Self.tagShift
        while seen >> Self.tagShift == tag {
            let nanoseconds = seen & Self.mostNanoseconds &+ duration
            guard seen >> 32 & Self.most < Self.most, nanoseconds <= Self.mostNanoseconds else { return false }
            let (isExchanged, original) = word.weakCompareExchange(
                expected: seen, desired: seen &+ Self.one &+ duration, ordering: .releasing)
            if isExchanged { return true }
            seen = original
        }
        return false
    }

    /// Closes the word, and returns what was in it.
    @inline(__always)
    borrowing func takeLocked() -> Taken? {
        let taken = word.exchange(0, ordering: .acquiring)
        let number = Int(truncatingIfNeeded: taken >> 32 & Self.most)
        guard number > 0 else { return nil }
        return Taken(number: number, nanoseconds: Int64(truncatingIfNeeded: taken & Self.mostNanoseconds))
    }

    /// Opens the word, which is closed.
    @inline(__always)
    borrowing func openLocked(_ limits: Limits) {
        generation.store(limits.generation, ordering: .relaxed)
        from.store(limits.part.lowerBound, ordering: .relaxed)
        until.store(limits.part.upperBound, ordering: .relaxed)
        longest.store(min(UInt64(clamping: limits.longest), Self.mostNanoseconds), ordering: .relaxed)
        let opening = openings.load(ordering: .relaxed) &+ 1
        openings.store(opening, ordering: .relaxed)
        word.store(Self.open | (opening & (1 << 23 - 1)) << Self.tagShift, ordering: .releasing)
    }
}
