import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Reloading", .timeLimit(.minutes(30)))
struct ReloadTests {
    private func document(_ attempts: Int) -> ResilienceModule.Configuration {
        .init(["policies": ["x": ["retry": ["maxAttempts": .integer(attempts)]]]])
    }

    @Test("a source is asked at intervals while the module runs, and a bad answer is reported once and changes nothing")
    func polling() async throws {
        let stage = try Stage { Registration("x") { Retry.layer() } }
        let (module, clock) = (stage.module, stage.clock)
        let source = ScriptedOperation<ResilienceModule.Configuration?>(
            clock: clock,
            [
                .success(document(4)), .success(nil), .success(document(0)), .success(document(0)),
                .failure(InjectedFailure("gone")), .failure(InjectedFailure("gone")), .success(document(5)),
                .success(document(0)),
            ])
        module.reload(every: .seconds(10)) { try await source() }
        let running = Task { try await module.run() }
        var attempts: [Int] = []
        var failures: [Int] = []
        for load in 1...8 {
            try await source.waitForCalls(load)
            try await clock.waitForSleepers(1)
            attempts.append(try module.retry("x").configuration.maxAttempts)
            failures.append(stage.events.filter { $0.name == "module.reload_failed" }.count)
            clock.advance(by: .seconds(10) - .nanoseconds(1))
            #expect(source.calls == load)
            clock.advance(by: .nanoseconds(1))
        }
        #expect(attempts == [4, 4, 4, 4, 4, 4, 5, 5])
        #expect(failures == [0, 0, 1, 1, 2, 2, 2, 3])
        let told = stage.events.compactMap { if case .reloadFailed = $0.kind { $0.description } else { nil } }
        #expect(
            told.first
                == "resilience module \"test\" kept its configuration: policies.x.retry.maxAttempts: 0 is below 1")
        running.cancel()
        try await running.value
        #expect(clock.sleeperCount == 0)
    }

    private func counted(_ module: ResilienceModule, _ result: String) -> MetricValue? {
        MetricCollection(of: [module]).samples(of: "resilience.module.configurations")
            .first { $0.labels == ["test", result] }?.value
    }

    @Test("each document that is refused or cannot be loaded is counted once, however often it is looked at")
    func refusals() async throws {
        let stage = try Stage { Registration("x") { Retry.layer() } }
        let (module, clock) = (stage.module, stage.clock)
        let first = ScriptedOperation<ResilienceModule.Configuration?>(
            clock: clock,
            [
                .success(document(0)), .success(document(0)), .success(document(-1)), .failure(InjectedFailure("gone")),
                .failure(InjectedFailure("gone")), .success(document(4)), .success(nil), .success(document(0)),
            ])
        // Another source, with a fault of its own all the time: neither takes the other's place.
        let second = ScriptedOperation<ResilienceModule.Configuration?>(
            clock: clock, (0..<8).map { _ in .failure(InjectedFailure("malformed")) })
        module.reload(every: .seconds(10)) { try await first() }
        module.reload(every: .seconds(10)) { try await second() }
        let running = Task { try await module.run() }
        var refused: [MetricValue?] = []
        for load in 1...8 {
            try await first.waitForCalls(load)
            try await second.waitForCalls(load)
            try await clock.waitForSleepers(2)
            refused.append(counted(module, "refused"))
            clock.advance(by: .seconds(10))
        }
        #expect(refused == [2, 2, 3, 4, 4, 4, 4, 5].map { .integer($0) })
        #expect(counted(module, "applied") == .integer(2))
        #expect(stage.events.filter { $0.name == "module.reload_failed" }.count == 5)
        #expect(throws: ConfigurationError.self) { try module.update(document(0)) }
        #expect(counted(module, "refused") == .integer(6))
        running.cancel()
        try await running.value
    }

    @Test("a sequence of configurations is followed to its end")
    func sequence() async throws {
        let stage = try Stage { Registration("x") { Retry.layer() } }
        let (updates, feed) = AsyncStream<ResilienceModule.Configuration>.makeStream()
        stage.module.reload(from: updates)
        let executor = SteppingExecutor()
        let running = Task(executorPreference: executor) { [module = stage.module] in try await module.run() }
        for attempts in [4, 0, 6] { feed.yield(document(attempts)) }
        executor.drain()
        #expect(try stage.module.retry("x").configuration.maxAttempts == 6)
        #expect(stage.events.filter { $0.name == "module.reload_failed" }.count == 1)
        feed.finish()
        running.cancel()
        executor.drain()
        try await running.value
    }

    @Test("100 reloads while calls run: no call fails because of it")
    func underLoad() async throws {
        let stage = try Stage {
            Registration("x") {
                Retry.layer(.immediate, maxAttempts: 2)
                CircuitBreaker.layer()
                RateLimiter.layer(.tokenBucket(1_000_000, per: .seconds(1)))
            }
        }
        let module = stage.module
        let (succeeded, failed, done) = (Counter(), Counter(), Counter())
        let callers = (0..<8).map { _ in
            Task {
                while done.value == 0 {
                    do {
                        try await module.execute("x") { await Task.yield() }
                        succeeded.add()
                    } catch {
                        failed.add()
                    }
                }
            }
        }
        let layers: [ConfigurationValue] = [
            ["retry": ["maxAttempts": 3], "circuitBreaker": ["breakLength": "1s"]],
            ["layers": ["circuitBreaker", ["timeout": "1h"]]],
            ["layers": ["retry", "circuitBreaker", "rateLimiter"], "retry": ["maxAttempts": 5]],
            [:],
        ]
        let breaker = try module.circuitBreaker("x")
        for reload in 0..<100 {
            let before = succeeded.value
            try module.update(.init(["policies": ["x": layers[reload % 4]]]))
            while succeeded.value < before + 10 { await Task.yield() }
        }
        done.add()
        for caller in callers { await caller.value }
        #expect(failed.value == 0 && succeeded.value >= 1000)
        #expect(breaker.totals.succeeded == succeeded.value && breaker.totals.calls == succeeded.value)
    }

    @Test("of updates at the same time, from several tasks and with registrations, all of one holds in the end")
    func concurrent() async throws {
        for round in 0..<40 {
            let stage = try Stage { Registration("x") { Retry.layer() } }
            let module = stage.module
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        let attempts = task + 4
                        for _ in 0..<5 {
                            try? module.update(
                                .init([
                                    "policies": [
                                        "x": ["retry": ["maxAttempts": .integer(attempts)]],
                                        "p\(task)": ["layers": [["retry": ["maxAttempts": .integer(attempts)]]]],
                                    ]
                                ]))
                        }
                    }
                }
                group.addTask {
                    for index in 0..<5 { try? module.register(Registration("r\(index)") { Retry.layer() }) }
                }
            }
            let attempts = try module.retry("x").configuration.maxAttempts
            #expect(
                module.configuration.document["policies"]?["x"]?["retry"]?["maxAttempts"] == .integer(attempts),
                "\(round)")
            #expect(Set(module.policyNames) == Set(["x", "p\(attempts - 4)"] + (0..<5).map { "r\($0)" }), "\(round)")
        }
    }

    @Test("X-23: layers replaced while 100 calls run: all end on the old ones, which are released after the last")
    func replacement() async throws {
        let stage = try Stage(["policies": ["x": ["layers": ["circuitBreaker", "retry"]]]])
        let module = stage.module
        weak let old = try module.policy("x").circuitBreakers.first
        let operation = ScriptedOperation<Int>(clock: stage.clock, [.hang])
        let calls = (0..<100).map { _ in Task { try await module.execute("x") { try await operation() } } }
        try await operation.waitForCalls(100)
        try module.update(.init(["policies": ["x": ["layers": [["timeout": "1s"]]]]]))
        #expect(try module.policy("x").circuitBreakers.isEmpty)
        #expect(old != nil)
        // A call that comes now goes through the new layers.
        let new = Task { try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(101)
        stage.clock.advance(by: .seconds(1))
        await #expect(throws: Timeout.ExceededError.self) { try await new.value }
        #expect(old != nil)
        operation.release(with: .success(1))
        for call in calls { #expect(try await call.value == 1) }
        #expect(stage.recorder.names.filter { $0 == "circuit_breaker.called" }.count == 100)
        stage.recorder.clear()
        #expect(old == nil)
    }
}
