internal import ResilienceCore
internal import Synchronization

/// The batch of permits that is in use, in one atomic word: how many are left, and until when they may be used.
///
/// The holder of the quota's lock takes the word out, which leaves zero in its place, and puts it back unless a call
/// waits or an observer listens. Without the lock, permits are taken by a compare-and-exchange of the whole word: one
/// that succeeds has found as many permits of a lease that has not ended by its reading of the clock. A word that was
/// taken out and put back in between is right again, whatever it holds: all that the decision depends on is in it.
struct LeaseWord: ~Copyable, Sendable {
    enum Outcome {
        /// Whether few are left now, and more before.
        case granted(isLow: Bool)
        /// To be decided under the lock.
        case undecided
    }

    /// As many fit into 24 bits.
    static let mostPermits = 1 << 24 - 1

    private static let permitBits: Int64 = 24
    /// 2²⁰ ns, so that the other 39 bits reach 18 years.
    private static let unitBits: Int64 = 20

    private let word = Atomic<Int64>(0)
    private let low = Atomic<Int>(0)

    /// Takes permits, 1 or more.
    ///
    /// - Parameter now: Nanoseconds from the quota's origin.
    func take(_ permits: Int, at now: Int64) -> Outcome {
        var seen = word.load(ordering: .relaxed)
        while true {
            let left = Int(seen & Int64(Self.mostPermits))
            guard left >= permits, now < (seen >> Self.permitBits) << Self.unitBits else { return .undecided }
            let (exchanged, original) = word.weakCompareExchange(
                expected: seen, desired: seen - Int64(permits), ordering: .relaxed)
            if exchanged {
                let low = low.load(ordering: .relaxed)
                return .granted(isLow: left - permits <= low && left > low)
            }
            seen = original
        }
    }

    // MARK: Under the lock

    /// Takes the word out.
    ///
    /// - Returns: How many permits are left in it.
    func takeOutLocked() -> Int { Int(word.exchange(0, ordering: .relaxed) & Int64(Self.mostPermits)) }

    /// Puts permits in, at most ``mostPermits``, to be used until a moment from the quota's origin on.
    func putBackLocked(_ permits: Int, until end: Int64, low: Int) {
        self.low.store(low, ordering: .relaxed)
        let units = min(max(0, end >> Self.unitBits), 1 << 39 - 1)
        word.store(units << Self.permitBits | Int64(permits), ordering: .relaxed)
    }
}
