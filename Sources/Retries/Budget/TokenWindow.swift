internal import ResilienceCore
internal import Synchronization

/// Remembers what was earned and spent in each tenth of a window, to take it back when the window has passed it.
///
/// The sum of the parts is the balance of a budget: a change of one goes with the same change of the other. No decision
/// is made here.
final class TokenWindow: Sendable {
    private final class Part: Sendable {
        let amount = Atomic<Int64>(0)
    }

    private static let parts: Int64 = 10

    private let time: TimeSource
    /// In nanoseconds; changed under the lock of the rotation.
    private let partLength: Atomic<Int64>
    private let parts: [Part]
    /// The number of the present part, counted from the clock's origin; the last to be published, once those that have
    /// expired are empty.
    private let current: Atomic<Int64>
    private let rotation = Lock(())

    /// The length is at least 1 ms.
    init(_ time: TimeSource, length: Duration) {
        self.time = time
        let partLength = length.saturatedNanoseconds / Self.parts
        self.partLength = Atomic(partLength)
        parts = (0..<Self.parts).map { _ in Part() }
        current = Atomic(time.now.nanoseconds / partLength)
    }

    /// The present moment.
    var now: TimeSource.Instant { time.now }

    /// Changes the length, at least 1 ms. What is remembered starts its time again, or is forgotten.
    ///
    /// A caller that adds meanwhile may add to a part that is not the present one: what it adds then lives for another
    /// time, at most that of the window, but is not lost.
    func setLength(_ length: Duration, now: TimeSource.Instant, keeping keeps: Bool) {
        rotation.withLock { _ in
            let partLength = length.saturatedNanoseconds / Self.parts
            guard !keeps || partLength != self.partLength.load(ordering: .relaxed) else { return }
            self.partLength.store(partLength, ordering: .relaxed)
            begin(at: now.nanoseconds / partLength, keeping: keeps)
        }
    }

    /// Adds to the present part.
    ///
    /// A caller that is held up between reading the number and adding may add to a part that has started over
    /// meanwhile: its amount then lives longer, but is not lost.
    func add(_ amount: Int64) {
        part(current.load(ordering: .acquiring)).amount.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum of what has expired since the last time, to be subtracted from the balance by the caller.
    func expired() -> Int64 {
        let instant = time.now.nanoseconds
        let (number, last) = (instant / partLength.load(ordering: .relaxed), current.load(ordering: .acquiring))
        guard number > last || number < last - Self.parts else { return 0 }
        return rotation.withLock { _ in
            // Read again: the length may have changed.
            let now = instant / partLength.load(ordering: .relaxed)
            let last = current.load(ordering: .relaxed)
            // The clock was wrong when it led there, a whole window ahead.
            if now < last - Self.parts { begin(at: now, keeping: true) }
            guard now > last else { return 0 }
            var sum: Int64 = 0
            for number in (last + 1)...min(now, last + Self.parts) {
                sum += part(number).amount.exchange(0, ordering: .relaxed)
            }
            current.store(now, ordering: .releasing)
            return sum
        }
    }

    /// Makes a part the present one. What is remembered starts its time again, or is forgotten.
    private func begin(at number: Int64, keeping keeps: Bool) {
        var sum: Int64 = 0
        for part in parts { sum += part.amount.exchange(0, ordering: .relaxed) }
        if keeps { part(number).amount.wrappingAdd(sum, ordering: .relaxed) }
        current.store(number, ordering: .releasing)
    }

    private func part(_ number: Int64) -> Part {
        parts[Int(((number % Self.parts) + Self.parts) % Self.parts)]
    }
}
