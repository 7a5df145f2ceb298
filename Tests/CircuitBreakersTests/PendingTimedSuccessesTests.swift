import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Successes of timed calls that are counted without the lock.
@Suite(.timeLimit(.minutes(30)))
struct PendingTimedSuccessesTests {
    typealias Limits = PendingTimedSuccesses.Limits
    typealias Taken = PendingTimedSuccesses.Taken

    private static let limits = Limits(generation: 7, part: 100..<200, longest: 40)

    /// The word where macros can capture it.
    private final class Word: Sendable {
        private let pending = PendingTimedSuccesses()

        func add(_ generation: UInt64, from start: Int64, to end: Int64) -> Bool {
            pending.add(generation, from: start, to: end)
        }
        func takeLocked() -> Taken? { pending.takeLocked() }
        func openLocked(_ limits: Limits) { pending.openLocked(limits) }
    }

    @Test(
        "only calls of the generation that start and end in the part, and are not slow, are counted",
        arguments: [
            (7, 100, 140, true), (7, 150, 150, true), (7, 160, 199, true), (7, 100, 141, false), (7, 99, 110, false),
            (7, 190, 200, false), (7, 150, 149, false), (8, 150, 160, false), (7, .min, .max, false),
        ] as [(UInt64, Int64, Int64, Bool)])
    func limits(generation: UInt64, start: Int64, end: Int64, isCounted: Bool) {
        let pending = Word()
        #expect(!pending.add(generation, from: start, to: end), "closed at first")
        pending.openLocked(Self.limits)
        #expect(pending.add(generation, from: start, to: end) == isCounted)
        #expect(pending.takeLocked() == (isCounted ? Taken(number: 1, nanoseconds: end - start) : nil))
        #expect(!pending.add(generation, from: start, to: end), "closed again")
        #expect(pending.takeLocked() == nil)
    }

    @Test("no more calls, and no more time, than there is room for")
    func room() {
        let pending = Word()
        pending.openLocked(Limits(generation: 1, part: .min..<(.max), longest: .max))
        var counted = 0
        while pending.add(1, from: -1, to: 0) { counted += 1 }
        #expect(counted == 255)
        #expect(pending.takeLocked() == Taken(number: 255, nanoseconds: 255))
        pending.openLocked(Limits(generation: 1, part: .min..<(.max), longest: .max))
        let most: Int64 = 1 << 32 - 1
        #expect(!pending.add(1, from: .min, to: .max))
        #expect(!pending.add(1, from: 0, to: most + 1))
        #expect(pending.add(1, from: 0, to: most - 1))
        #expect(!pending.add(1, from: 0, to: 2))
        #expect(pending.add(1, from: 0, to: 1))
        #expect(pending.takeLocked() == Taken(number: 2, nanoseconds: most))
    }

    @Test("each success is taken once, by the call that closes the word, while parts and generations change")
    func contention() async {
        let shared = Shared()
        let counted = await withTaskGroup(of: Taken.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var own = Taken(number: 0, nanoseconds: 0)
                    for step in 0..<50_000 as Range<Int64> {
                        let limits = shared.limits.withLock { $0 }
                        let start = limits.part.lowerBound
                        if shared.pending.add(limits.generation, from: start, to: start + step % 7) {
                            own.number += 1
                            own.nanoseconds += step % 7
                        }
                        if step % 16 == 0 { shared.change() }
                    }
                    return own
                }
            }
            return await group.reduce(Taken(number: 0, nanoseconds: 0)) {
                Taken(number: $0.number + $1.number, nanoseconds: $0.nanoseconds + $1.nanoseconds)
            }
        }
        shared.change()
        #expect(shared.taken.withLock { $0 } == counted)
        #expect(counted.number > 0)
    }

    private final class Shared: Sendable {
        let pending = PendingTimedSuccesses()
        let limits = Lock(Limits(generation: 0, part: 0..<10, longest: 100))
        let taken = Lock(Taken(number: 0, nanoseconds: 0))

        func change() {
            limits.withLock { limits in
                if let more = pending.takeLocked() {
                    taken.withLock {
                        $0.number += more.number
                        $0.nanoseconds += more.nanoseconds
                    }
                }
                limits.generation += 1
                limits.part = (limits.part.lowerBound + 10)..<(limits.part.upperBound + 10)
                pending.openLocked(limits)
            }
        }
    }

    @Test("a call counts in the part in which it started, whatever brings it in", arguments: [true, false])
    func parts(isObserved: Bool) throws {
        let configuration = Configuration(
            trip: .failureRate(0.5, minimumCalls: 4), window: .time(.seconds(10), buckets: 10))
        let stage = try Stage(configuration, observed: isObserved)
        try stage.play("SSS", taking: .milliseconds(100))
        #expect(stage.breaker.counts.successes == 3)
        stage.clock.advance(by: .milliseconds(600))
        // From one part into the next.
        try stage.play("S", taking: .milliseconds(400))
        try stage.play("SS", taking: .milliseconds(50))
        #expect(stage.breaker.counts.successes == 6)
        #expect(stage.breaker.counts.totalDuration == .milliseconds(800))
        stage.clock.advance(by: .milliseconds(8_500))
        #expect(stage.breaker.counts.successes == 6)
        stage.clock.advance(by: .milliseconds(100))
        #expect(stage.breaker.counts.successes == 2)
        #expect(stage.breaker.counts.totalDuration == .milliseconds(100))
    }

    @Test("a slow call is slow, and one that ends in time is not, at the nanosecond", arguments: [true, false])
    func slow(isObserved: Bool) throws {
        var configuration = Configuration(
            trip: .any(.failureRate(0.5, minimumCalls: 10), .slowCallRate(0.5, minimumCalls: 3)),
            window: .time(.seconds(10)))
        configuration.slowCallDuration = .milliseconds(10)
        let stage = try Stage(configuration, observed: isObserved)
        try stage.play("SS", taking: .milliseconds(10))
        try stage.play("S", taking: .nanoseconds(10_000_001))
        #expect(stage.breaker.counts.slow == 1)
        #expect(stage.state == .closed)
        try stage.play("S", taking: .nanoseconds(10_000_001))
        #expect(stage.state == .open)
    }

    @Test("many threads lose no success and no time of a window of time")
    func exact() async throws {
        let configuration = Configuration(
            trip: .failureRate(0.9, minimumCalls: 1_000_000), window: .time(.seconds(10)))
        let stage = try Stage(configuration, observed: false)
        await withTaskGroup { group in
            for worker in 0..<4 {
                group.addTask {
                    for step in 0..<5_000 {
                        guard let permit = try? stage.breaker.tryAcquirePermit() else { continue }
                        permit.complete(as: step % 50 == worker ? .failure : .success)
                        if step % 1_000 == 0 { stage.clock.advance(by: .milliseconds(1)) }
                    }
                }
            }
        }
        let totals = stage.breaker.totals
        #expect(totals.failed == 400 && totals.succeeded == 19_600)
        #expect(stage.breaker.counts.calls == 20_000)
        #expect(stage.breaker.counts.timed == 20_000)
    }
}
