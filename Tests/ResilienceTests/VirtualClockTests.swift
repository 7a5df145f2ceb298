import Foundation
import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization
import Testing

/// A simulation with a clock and an executor of its own: nothing of the library runs anywhere else.
///
/// The tests are synchronous, and so stay on their thread; whatever asks the clock on another one is counted.
@Suite("A virtual clock of the user's", .timeLimit(.minutes(30)))
struct VirtualClockTests {
    @Test("a module with every layer, its waits, limits and breaks runs on the simulation's thread alone")
    func module() throws {
        let simulation = Simulation()
        let module = try ResilienceModule(
            "m", clock: simulation.clock, random: .constant(0.5), observers: [simulation]
        ) {
            Registration("p") {
                Timeout.layer("call", .seconds(60))
                Retry.layer(.constant(.seconds(1)), maxAttempts: 2)
                CircuitBreaker.layer(
                    .init(
                        trip: .consecutiveFailures(3), breakLength: .fixed(.seconds(30)), endsBreakByTimer: true))
                RateLimiter.layer(.tokenBucket(1, per: .seconds(1)), maxWait: .seconds(20))
                Bulkhead.layer(.init(limit: .fixed(1), queue: .init(capacity: 10, maxWait: .seconds(20))))
                Timeout.layer("attempt", .seconds(2))
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
        #expect(breaker.totals.failed >= 3)
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

    @Test("so do the refreshes and first loads of stale-while-revalidate, keyed limiters, throttles and families")
    func background() throws {
        let simulation = Simulation()
        let clock = simulation.clock
        let module = try ResilienceModule("m", clock: clock, random: .constant(0.5), observers: [simulation]) {
            Registration("p") {
                AdaptiveThrottle.layer(.init())
                KeyedRateLimiter<Int>.layer(.init(rule: .tokenBucket(1, per: .seconds(1)), maxWait: .seconds(20))) {
                    _ in
                    1
                }
                Timeout.layer(.seconds(3))
            }
            Registration(family: "f", by: Int.self, maxKeys: 10, for: Int.self) {
                Bulkhead.layer(.init(limit: .fixed(1), queue: .init(capacity: 10, maxWait: nil)))
            } fallback: {
                .lastGood(maxAge: .seconds(10)).value(1)
            }
        }
        let pages = try KeyedStaleWhileRevalidate<Int, Int>(
            "pages", .init(freshFor: .seconds(5), staleFor: .seconds(50)), through: module.policy("p"),
            observers: [simulation])
        let load: @Sendable () async throws -> Int = {
            simulation.note()
            try await clock.sleep(for: .seconds(1))
            simulation.note()
            return 1
        }
        for _ in 0..<2 {
            for key in 0..<3 { simulation.start { _ = try await pages.execute(for: key, load) } }
            for key in 3..<5 { simulation.start { _ = await pages.run(for: key, load) } }
            simulation.advance(by: .seconds(20))
        }
        #expect(simulation.ended == 10 && pages.totals.refreshesSucceeded == 5 && pages.totals.loaded == 5)
        let hosts = try module.fallbackFamily("f", for: Int.self, by: Int.self)
        for _ in 0..<4 { simulation.start { _ = try await hosts.execute(for: 1, load) } }
        simulation.advance(by: .seconds(20))
        #expect(simulation.ended == 14)
        simulation.start {
            _ = try await pages.execute(for: 1) {
                try await clock.sleep(for: .seconds(100)); return 2
            }
        }
        simulation.start { await pages.shutdown(gracePeriod: .seconds(1)) }
        simulation.advance(by: .seconds(5))
        #expect(simulation.ended == 16 && pages.refreshing == 0)
        #expect(simulation.uses.elsewhere == 0)
    }

    @Test("so does the module's life: its run, drain delay, cancelled calls and end")
    func life() throws {
        let simulation = Simulation()
        let clock = simulation.clock
        let module = try ResilienceModule(
            "m", options: .init(drainDelay: .seconds(5), gracePeriod: .seconds(10)), clock: clock,
            observers: [simulation]
        ) {
            Registration("p") { Timeout.layer(.seconds(1000)) }
        }
        simulation.start { try await module.run() }
        simulation.start {
            try await module.execute("p") {
                defer { simulation.note() }
                try await clock.sleep(for: .seconds(500))
            }
        }
        simulation.start { await module.close() }
        simulation.start { await module.shutdown() }
        #expect(module.state == .closing)
        simulation.advance(by: .seconds(5))
        #expect(module.state == .draining)
        simulation.advance(by: .seconds(10))
        #expect(module.state == .stopped && simulation.ended == 4)
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
