import Foundation
import Resilience
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite("Breaker state across processes", .timeLimit(.minutes(30)))
struct StateTests {
    @RegistrationBuilder
    private var registrations: [Registration] {
        Registration("x") {
            CircuitBreaker.layer("twin", .init(trip: .consecutiveFailures(3), breakLength: .fixed(.seconds(30))))
            CircuitBreaker.layer("twin", .init(trip: .failureRate(1, minimumCalls: 50)))
        }
        Registration("y", CircuitBreaker.layer())
    }

    private func run(_ module: ResilienceModule) -> Task<Void, any Error> { Task { try await module.run() } }

    @Test("X-20: saved as JSON mid-break and restored elsewhere: what is left of the break, and the window, stay")
    func restored() async throws {
        let store = MemoryStore()
        let first = try Stage { registrations }
        first.module.keepState(in: store)
        let running = run(first.module)
        try await first.waitForState(.running)
        let policy = try first.module.policy("x")
        await fail(policy, times: 3)
        try first.module.circuitBreaker("y").isolate()
        first.clock.advance(by: .seconds(12))
        await first.module.shutdown()
        try await running.value
        let saved = try #require(store.data)

        let second = try Stage { registrations }
        second.clock.advance(by: .seconds(1_000_000))
        second.module.keepState(in: MemoryStore(saved))
        let executor = SteppingExecutor()
        let again = Task(executorPreference: executor) { try await second.module.run() }
        executor.drain()
        #expect(try second.module.circuitBreaker("y").state == .isolated)
        let breakers = try second.module.policy("x").circuitBreakers
        #expect(breakers[0].state == .open && breakers[0].remainingBreak == .seconds(18))
        #expect(breakers[1].state == .closed && breakers[1].counts.failures == 3)
        #expect(second.module.savedState == (try JSON.decode(ResilienceModule.SavedState.self, saved)))
        again.cancel()
        executor.drain()
        try await again.value
    }

    @Test("a store that fails is reported, and the module runs and ends all the same")
    func failing() async throws {
        let stage = try Stage { registrations }
        stage.module.keepState(in: FailingStore())
        let running = run(stage.module)
        try await stage.recorder.waitForEvent { $0.name == "module.state_store_failed" }
        await stage.module.shutdown()
        try await running.value
        #expect(stage.events.filter { $0.name == "module.state_store_failed" }.count == 2)
        #expect(stage.module.state == .stopped)
    }

    /// The state of a process whose breaker was open when it ended.
    private func openState() throws -> Data {
        let stage = try Stage { registrations }
        try stage.module.circuitBreaker("y").open()
        return try JSON.encode(stage.module.savedState)
    }

    @Test("a shutdown before the start keeps what was stored, and adds what calls have learned")
    func shutdownBeforeRun() async throws {
        let stored = try openState()
        let store = MemoryStore(stored)
        let first = try Stage { registrations }
        first.module.keepState(in: store)
        await first.module.shutdown()
        #expect(store.data == stored && store.saves == 0)

        let second = try Stage { registrations }
        second.module.keepState(in: store)
        await fail(try second.module.policy("x"), times: 3)
        await second.module.shutdown()
        let state = try JSON.decode(ResilienceModule.SavedState.self, try #require(store.data))
        #expect(state.circuitBreakers["circuitBreakers/y"]?.state == .open)
        #expect(state.circuitBreakers["policies/x/twin"]?.state == .open)
        #expect(state.circuitBreakers["policies/x/twin'"]?.counts.failures == 3)
    }

    @Test("a shutdown while the state is being loaded keeps what was stored")
    func shutdownWhileLoading() async throws {
        let stored = try openState()
        let store = MemoryStore(stored)
        let loading = Waiter<Void>()
        let (go, isGone) = (Waiter<Void>(), Waiter<Void>())
        store.willLoad = { number in
            guard number == 1 else { return }
            loading.finish()
            try? await go.value()
            isGone.finish()
        }
        let stage = try Stage { registrations }
        stage.module.keepState(in: store)
        let running = run(stage.module)
        try await loading.value()
        await stage.module.shutdown()
        go.finish()
        try await isGone.value()
        try await running.value
        #expect(store.data == stored)
        #expect(try stage.module.circuitBreaker("y").state == .closed)
    }

    @Test("restoring does not undo what calls before the start have learned")
    func learnedBefore() async throws {
        let store = MemoryStore(try openState())
        let restored = Waiter<Void>()
        let stage = try Stage {
            registrations
            Registration("z") { CircuitBreaker.layer() }
        }
        store.didLoad = { restored.finish() }
        stage.module.keepState(in: store)
        let y = try stage.module.circuitBreaker("y")
        try await y.execute {}
        let running = run(stage.module)
        try await restored.value()
        await stage.module.shutdown()
        try await running.value
        #expect(y.state == .closed && y.totals.succeeded == 1)
        // What it has learned is kept, and no call has to find it out again.
        let state = try JSON.decode(ResilienceModule.SavedState.self, try #require(store.data))
        #expect(state.circuitBreakers["circuitBreakers/y"]?.state == .closed)
    }

    @Test("what is done to a breaker by hand before the start is not undone either", arguments: 0..<4)
    func changedByHand(_ way: Int) async throws {
        let store = MemoryStore(try openState())
        let stage = try Stage { registrations }
        stage.module.keepState(in: store)
        let y = try stage.module.circuitBreaker("y")
        switch way {
        case 0: y.isolate()
        case 1: y.disable()
        case 2: _ = try? await y.execute { throw InjectedFailure() }
        default:
            y.open()
            y.close()
        }
        let before = y.state
        let restored = Waiter<Void>()
        store.didLoad = { restored.finish() }
        let running = run(stage.module)
        try await restored.value()
        await stage.module.shutdown()
        try await running.value
        #expect(y.state == before)
    }

    @Test("a state that could not be loaded at the start is not lost at the end")
    func loadedLate() async throws {
        let stored = try openState()
        let store = MemoryStore(stored)
        store.failingLoads = 1
        let stage = try Stage { registrations }
        stage.module.keepState(in: store)
        let running = run(stage.module)
        try await stage.recorder.waitForEvent { $0.name == "module.state_store_failed" }
        try await stage.module.policy("x").execute {}
        await stage.module.shutdown()
        try await running.value
        let state = try JSON.decode(ResilienceModule.SavedState.self, try #require(store.data))
        #expect(state.circuitBreakers["circuitBreakers/y"]?.state == .open)
        #expect(state.circuitBreakers["policies/x/twin"]?.totals.succeeded == 1)
    }

    @Test("a state that cannot be used is refused as it is read, and what it holds for others is not used")
    func faulty() throws {
        let stage = try Stage { registrations }
        let breaker = try stage.module.circuitBreaker("y")
        breaker.open()
        var state = stage.module.savedState
        breaker.close()
        let text = String(decoding: try JSON.encode(state), as: UTF8.self)
        let bad = text.replacing("\"version\":1", with: "\"version\":9", maxReplacements: 1)
        #expect(throws: (any Error).self) { try JSON.decode(ResilienceModule.SavedState.self, Data(bad.utf8)) }
        state.circuitBreakers = ["policies/gone/gone": breaker.snapshot, "circuitBreakers/z": breaker.snapshot]
        try stage.module.restore(state)
        #expect(breaker.state == .closed)
    }
}

private final class MemoryStore: ModuleStateStore {
    private struct State {
        var data: Data?
        var loads = 0
        var saves = 0
        var failingLoads = 0
        var willLoad: (@Sendable (Int) async -> Void)?
        var didLoad: (@Sendable () -> Void)?
    }
    private let state: Lock<State>
    init(_ data: Data? = nil) { state = Lock(State(data: data)) }
    var data: Data? { state.withLock { $0.data } }
    var saves: Int { state.withLock { $0.saves } }
    /// How many loads fail before one succeeds.
    var failingLoads: Int {
        get { state.withLock { $0.failingLoads } }
        set { state.withLock { $0.failingLoads = newValue } }
    }
    /// Called with the number of the load, before it looks.
    var willLoad: (@Sendable (Int) async -> Void)? {
        get { nil }
        set { state.withLock { $0.willLoad = newValue } }
    }
    var didLoad: (@Sendable () -> Void)? {
        get { nil }
        set { state.withLock { $0.didLoad = newValue } }
    }
    func load() async throws -> ResilienceModule.SavedState? {
        let (number, willLoad) = state.withLock { state in
            state.loads += 1
            return (state.loads, state.willLoad)
        }
        await willLoad?(number)
        let (data, isFailing, didLoad) = state.withLock { state in
            state.failingLoads -= 1
            return (state.data, state.failingLoads >= 0, state.didLoad)
        }
        if isFailing { throw InjectedFailure("load") }
        defer { didLoad?() }
        return try data.map { try JSON.decode(ResilienceModule.SavedState.self, $0) }
    }
    func save(_ saved: ResilienceModule.SavedState) async throws {
        let data = try JSON.encode(saved)
        state.withLock { state in
            state.data = data
            state.saves += 1
        }
    }
}

private struct FailingStore: ModuleStateStore {
    func load() async throws -> ResilienceModule.SavedState? { throw InjectedFailure("load") }
    func save(_ state: ResilienceModule.SavedState) async throws { throw InjectedFailure("save") }
}
