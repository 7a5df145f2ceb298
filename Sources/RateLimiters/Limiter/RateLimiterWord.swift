internal import ResilienceCore
internal import Synchronization

/// The state of a paced rule in one atomic word: its theoretical arrival time, and the lowest bits of the number of the
/// update by which its parameters came.
///
/// The holder of the limiter's lock takes the word out (``takeOutLocked()``), which leaves ``isOut`` in its place, and
/// puts it back unless a call waits or an observer listens. Without the lock, permits are taken by a
/// compare-and-exchange. Why that is safe:
///
/// - The word is all that a request depends on, beside the parameters and the clock. An exchange that finds the word as
///   it was read makes one step of a decision that was right for it. One that was read before it was taken out fails,
///   or, if the same word was put back meanwhile, is right again.
/// - The parameters change only while the word is out. A reader loads the word, the parameters, and the word again:
///   finding the same, it has parameters that belong together, because of the fences between them, here and in
///   ``useLocked(_:mayWait:)``. If the exchange then succeeds, no update has begun before
///   it: an update takes the word out by an exchange that would come first in the word's order, and a word put back
///   after an update differs from those before it in its lowest bits.
/// - Three bits tell eight updates apart. A thread would have to be stopped between two instructions for exactly eight
///   updates, in which no permit is taken or returned and the arrival time comes out as the same number, to take one
///   permit at the price of an earlier rate.
struct RateLimiterWord: ~Copyable, Sendable {
    enum Outcome {
        case granted
        /// The time after which so many permits are there, and whether a call may wait for them.
        case refused(retryAfter: Int64, mayWait: Bool)
        /// To be decided under the lock.
        case undecided
    }

    private static let isOut = Int64.max
    private static let updateBits: Int64 = 3
    private static let updateMask: Int64 = 7

    private let word = Atomic<Int64>(isOut)
    private let cost = Atomic<Int64>(1)
    private let capacity = Atomic<Int64>(1)
    private let units = Atomic<Int64>(1)
    private let nanoseconds = Atomic<Int64>(1)
    private let mayWait = Atomic<Bool>(false)
    /// Changed under the limiter's lock.
    private let update = Atomic<Int64>(0)

    // MARK: Without the lock

    func take(_ permits: Int, at now: Int64) -> Outcome {
        // None are always there, also for one whose reading of the clock others have overtaken.
        guard permits > 0 else { return .undecided }
        var seen = word.load(ordering: .acquiring)
        while seen != Self.isOut {
            let meter = PacedMeter(
                cost: cost.load(ordering: .relaxed), capacity: capacity.load(ordering: .relaxed),
                units: units.load(ordering: .relaxed), nanoseconds: nanoseconds.load(ordering: .relaxed),
                isUnbounded: false)
            let mayWait = mayWait.load(ordering: .relaxed)
            atomicMemoryFence(ordering: .acquiring)
            let again = word.load(ordering: .relaxed)
            guard again == seen else {
                seen = again
                continue
            }
            let present = meter.position(now)
            let arrival = seen >> Self.updateBits
            let (price, overflow) = Int64(permits).multipliedReportingOverflow(by: meter.cost)
            guard !overflow, price <= meter.capacity else { return .undecided }
            let (new, isBeyond) = max(arrival, present).addingReportingOverflow(price)
            guard !isBeyond, Self.fits(new) else { return .undecided }
            guard new.subtractingSaturated(present) <= meter.capacity else {
                // No reading of the clock that is right leads so far ahead: the lock's holder looks into it.
                guard arrival.subtractingSaturated(present) <= meter.capacity,
                    let due = meter.moment(new - meter.capacity)
                else { return .undecided }
                return .refused(retryAfter: due.subtractingSaturated(now), mayWait: mayWait)
            }
            let desired = new << Self.updateBits | seen & Self.updateMask
            let (exchanged, original) = word.compareExchange(
                expected: seen, desired: desired, successOrdering: .acquiringAndReleasing,
                failureOrdering: .acquiring)
            if exchanged { return .granted }
            seen = original
        }
        return .undecided
    }

    // MARK: Under the lock

    /// Takes the word out; `nil` if it is out, and the state under the lock holds.
    func takeOutLocked() -> Int64? {
        let seen = word.exchange(Self.isOut, ordering: .acquiringAndReleasing)
        return seen == Self.isOut ? nil : seen >> Self.updateBits
    }

    /// The arrival time, which stays where it is; `nil` if the word is out.
    var arrival: Int64? {
        let seen = word.load(ordering: .acquiring)
        return seen == Self.isOut ? nil : seen >> Self.updateBits
    }

    /// Puts an arrival time back, if it fits: until then every request goes to the lock.
    func putBackLocked(_ arrival: Int64, at now: Int64, _ meter: PacedMeter) {
        // An arrival time that has passed is no other than the present.
        let arrival = max(arrival, meter.position(now))
        guard Self.fits(arrival) else { return }
        word.store(
            arrival << Self.updateBits | update.load(ordering: .relaxed) & Self.updateMask, ordering: .releasing)
    }

    /// Changes the parameters, while the word is out.
    func useLocked(_ meter: PacedMeter, mayWait: Bool) {
        // Pairs with the reader's fence: a reader that has read one of the values below finds that the word was taken
        // out.
        atomicMemoryFence(ordering: .releasing)
        update.wrappingAdd(1, ordering: .relaxed)
        cost.store(meter.cost, ordering: .relaxed)
        capacity.store(meter.capacity, ordering: .relaxed)
        units.store(meter.units, ordering: .relaxed)
        nanoseconds.store(meter.nanoseconds, ordering: .relaxed)
        self.mayWait.store(mayWait, ordering: .relaxed)
    }

    /// 36 years to either side of the clock's origin. The largest would be read as ``isOut``.
    private static func fits(_ arrival: Int64) -> Bool {
        arrival > -(1 << (63 - updateBits)) && arrival < 1 << (63 - updateBits) - 1
    }
}
