import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

/// The faults of the factory of circuit breakers that this module is the successor of: each is shown to be absent.
@Suite("Faults not inherited", .timeLimit(.minutes(30)))
struct OriginFaultTests {
    private func stage() throws -> Stage {
        try Stage(options: .init(firstUse: .makes(maxNames: 100_000))) {
            Registration("x") { CircuitBreaker.layer(.init(trip: .consecutiveFailures(2))) }
        }
    }

    // MARK: The first generation

    @Test("1.1 the maps are not used without a lock: many tasks make and look up at once")
    func dataRace() async throws {
        let module = try stage().module
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for index in 0..<200 {
                        _ = try? module.circuitBreaker("\(index)")
                        if index % 8 == task {
                            try? module.register(Registration("own \(task) \(index)") { Retry.layer() })
                        }
                    }
                }
            }
        }
        #expect(module.snapshot.components.count == 200 && module.policyNames.count == 201)
    }

    @Test("1.1 creating a breaker of a name that is taken does not overwrite it")
    func overwriting() throws {
        let module = try stage().module
        try module.register(Registration("a", CircuitBreaker.layer()))
        let breaker = try module.circuitBreaker("a")
        #expect(faults { try module.register(Registration("a", CircuitBreaker.layer())) }.count == 1)
        #expect(try module.circuitBreaker("a") === breaker)
    }

    @Test("1.1 what is shown of everything is a copy, not the live map")
    func liveMap() throws {
        let module = try stage().module
        let snapshot = module.snapshot
        _ = try module.circuitBreaker("later")
        #expect(snapshot.components.isEmpty && module.snapshot.components.count == 1)
    }

    @Test("1.1 the state in a result is that at admission, not the one after the call")
    func stateOfResult() async throws {
        let module = try stage().module
        let first = try await module.run("x") { throw InjectedFailure() } as Execution<Int>
        let second = try await module.run("x") { throw InjectedFailure() } as Execution<Int>
        #expect(first.circuitBreakerState == .closed && second.circuitBreakerState == .closed)
        #expect(try module.circuitBreaker("x").state == .open)
    }

    @Test("1.1 the fallback does not run for the caller's own cancellation")
    func fallbackOnCancellation() async throws {
        let module = try stage().module
        let call = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await module.execute("x") {
                try Task.checkCancellation()
                return 1
            } fallback: { _ in
                2
            }
        }
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(try module.circuitBreaker("x").totals.cancelled == 1)
    }

    @Test("1.1 the context is used: a deadline in it bounds the call, and it reaches the operation")
    func context() async throws {
        let stage = try Stage {
            Registration("x") {
                Timeout.layer(.seconds(2))
                CircuitBreaker.layer()
            }
        }
        let seen = try await stage.module.execute("x") { context in (context.policyName, context.remaining) }
        #expect(seen == ("x", .seconds(2)))
    }

    @Test("1.1 the end does something: what was started is stopped, and calls are ended")
    func lifecycle() async throws {
        let stage = try stage()
        stage.module.reload(every: .seconds(1)) { nil }
        let running = Task { [module = stage.module] in try await module.run() }
        try await stage.clock.waitForSleepers(1)
        await stage.module.shutdown()
        try await running.value
        #expect(stage.clock.sleeperCount == 0 && stage.clock.timerCount == 0)
    }

    // MARK: The second generation

    @Test("1.2 changed settings do not lose the breaker's state, and every part of them counts")
    func replacing() async throws {
        let module = try stage().module
        let breaker = try module.circuitBreaker("x")
        await fail(try module.policy("x"), times: 2)
        try module.update(.init(["policies": ["x": ["circuitBreaker": ["trip": ["consecutiveFailures": 9]]]]]))
        #expect(try module.circuitBreaker("x") === breaker && breaker.state == .open)
        #expect(breaker.configuration.document["trip"] == ["consecutiveFailures": 9] && breaker.totals.failed == 2)
    }

    @Test("1.2 an observer of the user's does not switch metrics off")
    func observerAndMetrics() async throws {
        let (stage, calls) = (try stage(), CallMetrics())
        let policy = try stage.module.policy("x")
        stage.module.addObserver(calls)
        policy.addObserver(EventRecorder())
        await fail(policy, times: 1)
        let samples = MetricCollection(of: [stage.module]).samples(of: "resilience.policy.calls")
        #expect(samples.first { $0.labels == ["x", "failed"] }?.value == .integer(1))
        #expect(stage.recorder.names.contains("policy.failed"))
    }

    @Test("1.2 an unknown name is not a closed breaker but an error, where the module is strict")
    func unknownIsClosed() throws {
        let stage = try Stage(options: .init(firstUse: .refuses))
        #expect(throws: ResilienceModule.UnknownNameError.self) { try stage.module.circuitBreaker("x").state }
    }

    @Test(
        "1.2 taking a breaker out does not leave callers with one that nobody sees: they keep it knowingly, others a new one"
    )
    func resetting() async throws {
        let stage = try stage()
        let breaker = try stage.module.circuitBreaker("x")
        await fail(try stage.module.policy("x"), times: 2)
        // Starting over is of the breaker, for all who hold it.
        breaker.close()
        #expect(try stage.module.circuitBreaker("x") === breaker && breaker.state == .closed)
        #expect(breaker.totals.failed == 2)
    }

    @Test("1.2 there is a fallback with the error for every form of a call, and a rich result with one")
    func contextAndFallback() async throws {
        let module = try stage().module
        let policy = try module.policy("x")
        #expect(
            try await policy.execute { (_: Context) in
                throw InjectedFailure("a")
            } fallback: {
                "\($0)"
            }.contains("a"))
        let run = await policy.run { (_: Context) in
            throw InjectedFailure("b")
        } fallback: {
            "\($0)"
        }
        #expect(run.value?.contains("b") == true && run.isServedByFallback && run.attempts == 1)
        #expect(run.policyName == "x" && run.fallbackCause is InjectedFailure)
    }

    @Test("1.2 the final report is over all breakers, also those whose names are only known at run time")
    func report() async throws {
        let module = try stage().module
        for index in 0..<50 { try await module.circuitBreaker("strategy-market-data-\(index)").execute {} }
        let report = await module.shutdown()
        #expect(report.snapshot.components.count == 50)
        #expect(
            report.snapshot.components.allSatisfy { $0.measurements["circuit_breaker.calls{kind=succeeded}"] == 1 })
        #expect(report.description.components(of: "circuit_breaker.calls{kind=succeeded} 1") == 50)
    }

    // MARK: Both

    @Test("a rejection is no failed execution, and has no duration")
    func rejections() async throws {
        let (stage, calls) = (try stage(), CallMetrics())
        stage.module.addObserver(calls)
        await fail(try stage.module.policy("x"), times: 5)
        let totals = try stage.module.circuitBreaker("x").totals
        #expect(totals.failed == 2 && totals.rejected == 3)
        let metrics = MetricCollection(of: [stage.module])
        let counts = metrics.samples(of: "resilience.policy.calls")
        #expect(counts.first { $0.labels == ["x", "rejected"] }?.value == .integer(3))
        let durations = metrics.samples(of: "resilience.policy.call_duration")
        #expect(!durations.contains { $0.labels == ["x", "rejected"] })
    }

    @Test("there are counters of what was rejected and timed out, and of what runs")
    func counters() async throws {
        let stage = try Stage { Registration("x") { Timeout.layer(.seconds(1)) } }
        let operation = ScriptedOperation<Int>(clock: stage.clock, [.hang])
        let call = Task { [module = stage.module] in try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(1)
        #expect(stage.module.callsInFlight == 1)
        stage.clock.advance(by: .seconds(1))
        await #expect(throws: Timeout.ExceededError.self) { try await call.value }
        let samples = MetricCollection(of: [stage.module]).samples(of: "resilience.timeout.calls")
        #expect(samples.first { $0.labels == ["x", "exceeded"] }?.value == .integer(1))
    }

    @Test("durations are histograms, from which percentiles come, not averages of the last 100")
    func percentiles() async throws {
        let (stage, calls) = (try stage(), CallMetrics())
        stage.module.addObserver(calls)
        for _ in 0..<150 { try await stage.module.execute("x") {} }
        let samples = MetricCollection(of: [stage.module]).samples(of: "resilience.policy.call_duration")
        guard case .histogram(let durations) = samples.first(where: { $0.labels == ["x", "succeeded"] })?.value else {
            Issue.record("no histogram")
            return
        }
        #expect(durations.count == 150)
    }

    @Test("a result has its type: no cast is needed")
    func typed() async throws {
        let value: [String: Int] = try await stage().module.execute("x") { ["a": 1] }
        #expect(value == ["a": 1])
    }
}

extension String {
    fileprivate func components(of text: String) -> Int {
        split(separator: text, omittingEmptySubsequences: false).count - 1
    }
}
