import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Values set for a call")
struct ContextSettingTests {
    private enum Tenant: ContextKey { typealias Value = String }
    private enum Weight: ContextKey { typealias Value = Int }

    @Test("they reach the operation, through a policy and with every form of call")
    func reachTheOperation() async throws {
        let policy = try Policy("p") { Trying(times: 1) }
        let calls = policy.setting(Tenant.self, to: "acme").setting(Weight.self, to: 3)
        try await calls.execute { context in
            #expect(context[Tenant.self] == "acme")
            #expect(context[Weight.self] == 3)
            #expect(context.policyName == "p")
        }
        let execution = await calls.run { context in (context[Tenant.self], context[Weight.self]) }
        #expect(execution.value?.0 == "acme")
        #expect(execution.value?.1 == 3)
        #expect(execution.policyName == "p")
        let served = try await calls.execute { context -> String in
            #expect(context[Weight.self] == 3)
            throw InjectedFailure()
        } fallback: { _ in
            "fallback"
        }
        #expect(served == "fallback")
        #expect(policy.rootContext[Tenant.self] == nil)
    }

    @Test("as a layer, it replaces what was set outside of it, and keeps the rest")
    func asLayer() async throws {
        let inner = try Policy("inner") { Trying(times: 1) }
        let outer = try Policy("outer") {
            inner.setting(Tenant.self, to: "inner")
        }
        let calls = outer.setting(Tenant.self, to: "outer").setting(Weight.self, to: 3)
        let execution = await calls.run { context in (context[Tenant.self], context[Weight.self]) }
        #expect(execution.value?.0 == "inner")
        #expect(execution.value?.1 == 3)
    }

    @Test("the latest value for a key counts")
    func latest() async throws {
        let policy = try Policy("p") { Trying(times: 1) }
        let calls = policy.setting(Tenant.self, to: "first").setting(Tenant.self, to: "second")
        #expect(try await calls.execute { context in context[Tenant.self] } == "second")
    }

    @Test("layers, observers and rules for values are those of the strategy")
    func passesOn() async throws {
        let recorder = EventRecorder()
        let policy = try Policy("p") { Trying(times: 2) }.accepting(Int.self) { $0 > 1 }
        let calls = policy.setting(Tenant.self, to: "acme")
        calls.addObserver(recorder)
        #expect(calls.layers.map(\.pattern) == policy.layers.map(\.pattern))
        var values = [1, 2].makeIterator()
        #expect(try await calls.execute { values.next() ?? 0 } == 2)
        #expect(recorder.events.map(\.name) == ["policy.succeeded"])
    }
}
