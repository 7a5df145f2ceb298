import Foundation
import Resilience
import ResilienceCore
import ResilienceTesting
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

    @Test("X-20 saved as JSON mid-break and restored elsewhere: what is left of the break, and the window, stay")
    func restored() async throws {
        let store = MemoryStore()
        let first = try Fixture { registrations }
        first.module.keepState(in: store)
        let running = run(first.module)
        while first.module.state == .idle { await Task.yield() }
        let policy = try first.module.policy("x")
        await fail(policy, times: 3)
        try first.module.circuitBreaker("y").isolate()
        first.clock.advance(by: .seconds(12))
        await first.module.shutdown()
        try await running.value
        let saved = try #require(store.data)

        let second = try Fixture { registrations }
        second.clock.advance(by: .seconds(1_000_000))
        second.module.keepState(in: MemoryStore(saved))
        let again = run(second.module)
        let y = try second.module.circuitBreaker("y")
        while second.module.state == .idle || y.state != .isolated {
            await Task.yield()
        }
        let breakers = try second.module.policy("x").circuitBreakers
        #expect(breakers[0].state == .open && breakers[0].remainingBreak == .seconds(18))
        #expect(breakers[1].state == .closed && breakers[1].counts.failures == 3)
        #expect(second.module.savedState == (try JSON.decode(ResilienceModule.SavedState.self, saved)))
        again.cancel()
        try await again.value
    }

    @Test("a store that fails is reported, and the module runs and ends all the same")
    func failing() async throws {
        let fixture = try Fixture { registrations }
        fixture.module.keepState(in: FailingStore())
        let running = run(fixture.module)
        while !fixture.events.contains(where: { $0.name == "module.state_store_failed" }) { await Task.yield() }
        await fixture.module.shutdown()
        try await running.value
        #expect(fixture.events.filter { $0.name == "module.state_store_failed" }.count == 2)
        #expect(fixture.module.state == .stopped)
    }

    @Test("a state that cannot be used is refused as it is read, and what it holds for others is not used")
    func faulty() throws {
        let fixture = try Fixture { registrations }
        let breaker = try fixture.module.circuitBreaker("y")
        breaker.open()
        var state = fixture.module.savedState
        breaker.close()
        let text = String(decoding: try JSON.encode(state), as: UTF8.self)
        let bad = text.replacing("\"version\":1", with: "\"version\":9", maxReplacements: 1)
        #expect(throws: (any Error).self) { try JSON.decode(ResilienceModule.SavedState.self, Data(bad.utf8)) }
        state.circuitBreakers = ["policies/gone/gone": breaker.snapshot, "circuitBreakers/z": breaker.snapshot]
        try fixture.module.restore(state)
        #expect(breaker.state == .closed)
    }
}

private final class MemoryStore: ModuleStateStore {
    private let stored: Lock<Data?>
    init(_ data: Data? = nil) { stored = Lock(data) }
    var data: Data? { stored.withLock { $0 } }
    func load() async throws -> ResilienceModule.SavedState? {
        try data.map { try JSON.decode(ResilienceModule.SavedState.self, $0) }
    }
    func save(_ state: ResilienceModule.SavedState) async throws {
        let data = try JSON.encode(state)
        stored.withLock { $0 = data }
    }
}

private struct FailingStore: ModuleStateStore {
    func load() async throws -> ResilienceModule.SavedState? { throw InjectedFailure("load") }
    func save(_ state: ResilienceModule.SavedState) async throws { throw InjectedFailure("save") }
}
