/// The word that admission and the end of a call change: the slots in use, the limit, and how calls are to be treated.
struct BulkheadGate: Sendable {
    let word: UInt64

    /// Only the holder of the lock may change the word.
    static let guardedFlag: UInt64 = 1 << 60
    /// The clock is read when a call is let through.
    static let timedFlag: UInt64 = 1 << 61
    /// There is a queue.
    static let queueFlag: UInt64 = 1 << 62

    /// Calls are marked, so that one within another is known.
    static let markFlag: UInt64 = 1 << 63

    private static let mask: UInt64 = 1 << 30 - 1

    @inline(__always)
    init(word: UInt64) {
        self.word = word
    }

    /// Both numbers are at most `Bulkhead.Limit.range.upperBound`, which is less than 2^30.
    init(inUse: Int, limit: Int, isGuarded: Bool, isTimed: Bool, hasQueue: Bool, marksCalls: Bool) {
        var word = UInt64(truncatingIfNeeded: limit) << 30 | UInt64(truncatingIfNeeded: inUse)
        if isGuarded { word |= Self.guardedFlag }
        if isTimed { word |= Self.timedFlag }
        if hasQueue { word |= Self.queueFlag }
        if marksCalls { word |= Self.markFlag }
        self.word = word
    }

    @inline(__always) var inUse: Int { Int(truncatingIfNeeded: word & Self.mask) }
    @inline(__always) var limit: Int { Int(truncatingIfNeeded: word >> 30 & Self.mask) }
    @inline(__always) var isGuarded: Bool { word & Self.guardedFlag != 0 }
    @inline(__always) var isTimed: Bool { word & Self.timedFlag != 0 }
    @inline(__always) var hasQueue: Bool { word & Self.queueFlag != 0 }
    @inline(__always) var marksCalls: Bool { word & Self.markFlag != 0 }

    /// With one slot more in use, and one fewer.
    @inline(__always) var taken: BulkheadGate { BulkheadGate(word: word &+ 1) }
    @inline(__always) var returned: BulkheadGate { BulkheadGate(word: word &- 1) }
}
