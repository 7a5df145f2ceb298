import ResilienceCore
import ResilienceTesting
import Synchronization
import TestSupport
import Testing

@testable import Resilience

@Suite("Policy families", .timeLimit(.minutes(30)))
struct FamilyTests {
    private let clock = ManualClock()

    private func family(_ limit: Int, observers: [any PolicyObserver] = []) throws -> PolicyFamily<Int> {
        try PolicyFamily("hosts", maxKeys: limit, idleLimit: .seconds(60), clock: clock, observers: observers) {
            Retry.layer(.immediate, maxAttempts: 1)
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(1), breakLength: .fixed(.seconds(600))))
        }
    }

    @Test("X-21: 10 000 keys used once: idle ones are forgotten, an open breaker is kept until its break is over")
    func manyKeys() async throws {
        let hosts = try family(20_000)
        await fail(hosts[-1], times: 1)
        // An expectation takes longer than a call.
        for key in 0..<10_000 {
            let answer = try await hosts.execute(for: key) { key }
            if answer != key { Issue.record("\(answer) for \(key)") }
        }
        #expect(hosts.count == 10_001)
        clock.advance(by: .seconds(59))
        #expect(hosts.removeIdle() == 0)
        clock.advance(by: .seconds(1))
        #expect(hosts.removeIdle() == 10_000 && hosts.members.map(\.key) == [-1])
        #expect(hosts[-1].circuitBreakers[0].state == .open && hosts.openKeyCount == 1)
        clock.advance(by: .seconds(539))
        #expect(hosts.removeIdle() == 0)
        clock.advance(by: .seconds(60))
        #expect(hosts.removeIdle() == 1 && hosts.count == 0)
    }

    @Test("there are never more keys than allowed; what is in a break is not displaced")
    func bounded() async throws {
        let hosts = try family(10)
        for key in 0..<5 { await fail(hosts[key], times: 1) }
        for key in 5..<1000 {
            clock.advance(by: .milliseconds(1))
            try await hosts.execute(for: key) {}
            #expect(hosts.count <= 10)
        }
        #expect(hosts.openKeyCount == 5)
        for key in 5..<10 { await fail(hosts[key], times: 1) }
        // All are in a break: a new key has to do with the policy that such keys share.
        try await hosts.execute(for: 5000) {}
        #expect(hosts.count <= 10 && !hosts.members.contains { $0.key == 5000 })
    }

    @Test("one policy for each key, however many tasks ask for it at once")
    func concurrent() async throws {
        let hosts = try family(100)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for key in 0..<100 { _ = try? await hosts.execute(for: key) {} }
                }
            }
        }
        #expect(hosts.count == 100)
        #expect(hosts.members.allSatisfy { $0.policy.circuitBreakers[0].totals.succeeded == 8 })
        #expect(Set(hosts.members.map { $0.policy.name }).count == 100)
    }

    @Test("the faults of a family's layers are known at once")
    func faulty() throws {
        #expect(
            faults { _ = try PolicyFamily<Int>("f", maxKeys: 5) { Retry.layer(.immediate, maxAttempts: 0) } } == [
                "f.retry.maxAttempts: 0 is below 1"
            ])
    }

    @Test("registered, its members pass the gate, also those that were there before; and hear the module's observers")
    func adopted() async throws {
        let hosts = try family(10)
        _ = hosts[1]
        let stage = try Stage(["families": ["hosts": ["retry": ["maxAttempts": 2]]]]) {
            Registration("hosts", hosts)
        }
        #expect(try stage.module.family("hosts", by: Int.self) === hosts)
        let calls = Counter()
        for key in 1...2 {
            _ =
                await hosts[key].run {
                    #expect(stage.module.callsInFlight == 1)
                    calls.add()
                    throw InjectedFailure()
                } as Execution<Int>
        }
        #expect(calls.value == 2)
        #expect(stage.recorder.names.filter { $0 == "retry.gave_up" }.count == 2)
        #expect(
            stage.module.health.reasons.map(\.description) == [
                "policy family \"hosts\" has an open circuit breaker for 2 of 2 keys"
            ])
        let later = EventRecorder()
        stage.module.addObserver(later)
        await stage.module.shutdown()
        for key in 1...3 {
            let error = await #expect(throws: ResilienceModule.ShutdownError.self) {
                try await hosts.execute(for: key) {}
            }
            #expect(error?.policyName == "hosts/\(key)")
        }
        #expect(later.events(of: Policy.Event.self).count == 3)
    }

    @Test("a family is in one module")
    func twoModules() throws {
        let hosts = try family(10)
        let first = try Stage { Registration("hosts", hosts) }
        #expect(
            faults { _ = try Stage { Registration("hosts", hosts) } } == [
                "registrations: policy family \"hosts\" is in another module"
            ])
        #expect(throws: ResilienceModule.UnknownNameError.self) { try first.module.family("hosts", by: String.self) }
    }

    @Test("members made while a document, an observer or a module comes know of it")
    func races() async throws {
        // Threads meet here: some rounds beside the thread sanitizer, too.
        for seed in 0..<max(10, inputs(30)) {
            let hosts = try family(1000)
            let stage = try Stage()
            let recorder = EventRecorder()
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<4 {
                    group.addTask { for key in 0..<100 { _ = hosts[key &* 4 &+ task] } }
                }
                group.addTask {
                    for _ in 0..<seed { await Task.yield() }
                    try? stage.module.register(Registration("hosts", hosts))
                    try? stage.module.update(.init(["families": ["hosts": ["retry": ["maxAttempts": 9]]]]))
                    hosts.addObserver(recorder)
                }
            }
            #expect(hosts.members.count == 400)
            #expect(hosts.members.allSatisfy { $0.policy.retries[0].configuration.maxAttempts == 9 }, "\(seed)")
            #expect(hosts.members.allSatisfy { $0.policy.entrance != nil }, "\(seed)")
            for (_, policy) in hosts.members { policy.circuitBreakers[0].open() }
            #expect(recorder.events(of: CircuitBreaker.Event.self).count == 400, "\(seed)")
        }
    }

    @Test("after the shutdown of a module no fallback of a family runs, nor any form of a policy that was kept")
    func afterShutdown() async throws {
        let ran = Atomic(0)
        let module = try ResilienceModule("m", clock: clock) {
            Registration(family: "f", by: Int.self, maxKeys: 2, for: Int.self) {
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(1)))
            } fallback: {
                .step("x") { _ in
                    ran.wrappingAdd(1, ordering: .relaxed); return 1
                }
            }
        }
        let both = try module.fallbackFamily("f", for: Int.self, by: Int.self)
        let family = both.family
        for key in 0..<5 { _ = try? await both.execute(for: key) { throw InjectedFailure() } }
        let overflow = family[77]
        let known = family[0]
        let hedged = try known.hedged(.init(delay: .fixed(.seconds(1))))
        let abandoning = try known.abandoning(after: .seconds(1))
        let withFallback = both[0]
        await module.shutdown()
        ran.store(0, ordering: .relaxed)
        typealias E = ResilienceModule.ShutdownError
        let op: @Sendable () async throws -> Int = {
            ran.wrappingAdd(1, ordering: .relaxed); return 2
        }
        await #expect(throws: E.self) { _ = try await both.execute(for: 0, op) }
        await #expect(throws: E.self) { _ = try await both.execute(for: 0) { _ in try await op() } }
        await #expect(throws: E.self) { _ = try await both.execute(for: 999, op) }
        await #expect(throws: E.self) { _ = try await both.run(for: 0, op).get() }
        await #expect(throws: E.self) { _ = try await both.run(for: 998) { _ in try await op() }.get() }
        await #expect(throws: E.self) { _ = try await family.execute(for: 0, op, fallback: { _ in try await op() }) }
        await #expect(throws: E.self) {
            _ = try await family.execute(for: 0, { _ in try await op() }, fallback: { _ in try await op() })
        }
        await #expect(throws: E.self) { _ = try await family.run(for: 0, op, fallback: { _ in try await op() }).get() }
        await #expect(throws: E.self) {
            _ = try await family.run(for: 97, { _ in try await op() }, fallback: { _ in try await op() }).get()
        }
        await #expect(throws: E.self) { _ = try await overflow.execute(op) }
        await #expect(throws: E.self) { _ = try await known.execute(op, fallback: { _ in 3 }) }
        await #expect(throws: E.self) { _ = try await hedged.execute(op) }
        await #expect(throws: E.self) { _ = try await abandoning.execute(op) }
        await #expect(throws: E.self) { _ = try await withFallback.execute(for: 0, op) }
        await #expect(throws: E.self) { _ = try await known.idempotent(true).execute(op) }
        #expect(ran.load(ordering: .relaxed) == 0)
    }
}
