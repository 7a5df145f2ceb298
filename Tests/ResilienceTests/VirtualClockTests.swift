import Foundation
import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization
import Testing

/// A simulation with a clock and an executor of its own: nothing of the library runs anywhere else.
///
/// The tests are synchronous, and so stay on their thread; whatever asks the clock on another one is counted.
@Suite("A virtual clock of the user's", .timeLimit(.minutes(5)))
struct VirtualClockTests {
    @Test("a module with every layer, its waits, limits and breaks runs on the simulation's thread alone")
    func module() throws {
        let simulation = Simulation()
        let module = try ResilienceModule(
            "m", clock: simulation.clock, random: .constant(0.5), observers: [simulation]
        ) {
            Registration("p") {
                Timeout.layer(.seconds(60), name: "call")
                Retry.layer(.constant(.seconds(1)), maxAttempts: 2)
                CircuitBreaker.layer(
                    .init(
                        trip: .consecutiveFailures(3), breakLength: .fixed(.seconds(30)), endsBreakByTimer: true))
                RateLimiter.layer(.tokenBucket(1, per: .seconds(1)), maxWait: .seconds(20))
                Bulkhead.layer(.init(limit: .fixed(1), queue: .init(capacity: 10, maxWait: .seconds(20))))
                Timeout.layer(.seconds(2), name: "attempt")
            }
        }
        let policy = try module.policy("p")
        // Longer than an attempt may take: cut off, retried, until the breaker opens.
        for _ in 0..<4 {
            simulation.start {
                try await policy.execute {
                    simulation.note()
                    try await simulation.clock.sleep(for: .seconds(3))
                }
            }
        }
        simulation.advance(by: .seconds(200))
        #expect(simulation.ended == 4)
        let breaker = try #require(policy.circuitBreakers.first)
        #expect(breaker.totals.failures >= 3)
        breaker.open()
        simulation.advance(by: .seconds(30))
        #expect(breaker.state == .halfOpen, "the break has ended by its timer")
        let (number, numberElsewhere) = simulation.uses
        #expect(number > 50 && numberElsewhere == 0)
    }

    @Test("so do hedges, fallbacks with a time limit, and work that is left running")
    func others() throws {
        let simulation = Simulation()
        let clock = simulation.clock
        let policy = try Policy("p", clock: clock, observers: [simulation]) { Timeout.layer(.seconds(10)) }
        let hedged = try policy.hedged(.init(delay: .fixed(.seconds(1)), maxHedges: 2))
        simulation.start {
            _ = try await hedged.execute { context in
                simulation.note()
                try await clock.sleep(for: .seconds(context.hedge == 0 ? 9 : 2))
                return context.hedge
            }
        }
        let abandoning = try policy.abandoning(after: .seconds(2), observers: [simulation])
        simulation.start {
            try await abandoning.execute {
                simulation.note()
                await withCheckedContinuation { continuation in
                    _ = clock.schedule(at: clock.now.advanced(by: .seconds(5))) { continuation.resume() }
                }
                simulation.note()
            }
        }
        let fallback = try Fallback<Int>("f", clock: clock, observers: [simulation]) {
            .step("slow", timeout: .seconds(1)) { _ in
                simulation.note()
                try await clock.sleep(for: .seconds(5))
                return 1
            }
            .value(2)
        }
        simulation.start {
            let value = try await fallback.execute { throw InjectedFailure() }
            #expect(value == 2)
        }
        simulation.advance(by: .seconds(3))
        #expect(simulation.ended == 3)
        #expect(abandoning.abandonedRunning == 1)
        simulation.advance(by: .seconds(10))
        #expect(abandoning.abandonedRunning == 0)
        #expect(simulation.uses.elsewhere == 0)
    }
}

/// One thread, one executor, one clock.
private final class Simulation: PolicyObserver {
    let clock = SimulatedClock()
    private let executor = SteppingExecutor()
    private let endedCalls = Atomic(0)

    var ended: Int { endedCalls.load(ordering: .relaxed) }
    var uses: (number: Int, elsewhere: Int) { clock.uses }

    /// Counts that something runs, here or elsewhere.
    func note() { clock.note() }

    func observe(_ event: some PolicyEvent) { note() }

    func start(_ body: @escaping @Sendable () async throws -> Void) {
        _ = Task(executorPreference: executor) {
            do { try await body() } catch {}
            self.note()
            self.endedCalls.wrappingAdd(1, ordering: .relaxed)
        }
        executor.drain()
    }

    func advance(by duration: Duration) {
        let target = clock.now.advanced(by: duration)
        while let action = clock.takeDue(until: target) {
            action()
            executor.drain()
        }
    }
}

/// A clock that its owner moves, written for the test as a user would.
private final class SimulatedClock: TimerClock {
    struct Instant: InstantProtocol {
        var offset = Duration.zero

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }
    }

    struct Timer: ScheduledTimer {
        let clock: SimulatedClock
        let number: Int

        func cancel() { _ = clock.remove(number) }
    }

    private struct State {
        var now = Instant()
        var timers: [(instant: Instant, number: Int, action: @Sendable () -> Void)] = []
        var lastNumber = 0
    }

    private let state = Lock(State())
    private let thread = ObjectIdentifier(Thread.current)
    private let number = Atomic(0)
    private let numberElsewhere = Atomic(0)

    var uses: (number: Int, elsewhere: Int) {
        (number.load(ordering: .relaxed), numberElsewhere.load(ordering: .relaxed))
    }

    func note() {
        number.wrappingAdd(1, ordering: .relaxed)
        if ObjectIdentifier(Thread.current) != thread { numberElsewhere.wrappingAdd(1, ordering: .relaxed) }
    }

    var now: Instant {
        note()
        return state.withLock { $0.now }
    }

    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        note()
        let waiter = Waiter<Void>()
        let timer = schedule(at: deadline) { waiter.finish() }
        try await waiter.value { (timer as? Timer).map { self.remove($0.number) } ?? false }
    }

    func schedule(at instant: Instant, _ action: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        note()
        let number = state.withLock { state in
            state.lastNumber += 1
            state.timers.append((instant, state.lastNumber, action))
            return state.lastNumber
        }
        return Timer(clock: self, number: number)
    }

    func remove(_ number: Int) -> Bool {
        note()
        let removed = state.withLock { state in
            state.timers.firstIndex { $0.number == number }.map { state.timers.remove(at: $0).action }
        }
        return removed != nil
    }

    /// Moves the clock to the next timer, and takes it.
    func takeDue(until target: Instant) -> (@Sendable () -> Void)? {
        state.withLock { state in
            let next = state.timers.indices.filter { state.timers[$0].instant <= target }
                .min { (state.timers[$0].instant, $0) < (state.timers[$1].instant, $1) }
            guard let next else {
                state.now = max(state.now, target)
                return nil
            }
            let timer = state.timers.remove(at: next)
            state.now = max(state.now, timer.instant)
            return timer.action
        }
    }
}
