import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Observers of a module", .timeLimit(.minutes(30)))
struct ObserverTests {
    /// One of every kind, and what makes each tell something.
    private func everything(_ shared: CircuitBreaker) throws -> Stage {
        try Stage {
            Registration("policy") {
                Retry.layer(.immediate, maxAttempts: 1)
                shared
            }
            Registration("other") { shared }
            Registration("shared", shared)
            Registration("limiter", RateLimiter.layer(.tokenBucket(1, per: .seconds(1))))
            Registration("bulkhead", Bulkhead.layer(limit: 1))
            Registration(hedged: "hedged", .init(delay: .onlyAfterFailure)) { CircuitBreaker.layer() }
            Registration(fallback: "alone", for: Int.self) { .value(1) }
            Registration("covered", for: Int.self) {
                CircuitBreaker.layer()
            } fallback: {
                .value(1)
            }
            Registration(family: "family", by: Int.self, maxKeys: 10) { CircuitBreaker.layer() }
        }
    }

    private func use(_ module: ResilienceModule, _ shared: CircuitBreaker) async throws {
        shared.isolate()
        shared.close()
        _ = try await module.run("policy") { throw InjectedFailure() } as Execution<Int>
        let limiter = try module.rateLimiter("limiter")
        _ = limiter.tryAcquire()
        _ = limiter.tryAcquire()
        try await module.bulkhead("bulkhead").execute {}
        _ = await (try module.hedgedPolicy("hedged")).run { throw InjectedFailure() } as Execution<Int>
        _ = try await module.fallback("alone", for: Int.self).execute { throw InjectedFailure() }
        _ = try await module.fallbackPolicy("covered", for: Int.self).execute { throw InjectedFailure() }
        try await module.family("family", by: Int.self).execute(for: 1) {}
    }

    private func sources(_ recorder: EventRecorder) -> [String: Int] {
        Dictionary(grouping: recorder.events.filter { !($0 is ResilienceModule.Event) }) { "\($0.name) \($0.source)" }
            .mapValues(\.count)
    }

    @Test("every kind of component is heard, each once, by observers that were there first and that came later")
    func everyKind() async throws {
        let shared = try CircuitBreaker("shared")
        let stage = try everything(shared)
        let (later, value) = (EventRecorder(), EventRecorder())
        stage.module.addObserver(later)
        stage.module.addObserver(later)
        stage.module.addObserver(ByValue(target: value))
        stage.recorder.clear()
        try await use(stage.module, shared)
        let heard = sources(stage.recorder)
        #expect(heard == sources(later) && heard == sources(value))
        #expect(heard["circuit_breaker.transition shared"] == 2)
        #expect(heard["policy.failed policy"] == 1)
        #expect(heard["rate_limiter.permitted limiter"] == 1)
        #expect(heard["fallback.served alone"] == 1 && heard["fallback.served covered"] == 1)
        #expect(heard["policy.succeeded family"] == 1)
        #expect(heard.keys.contains { $0.hasPrefix("hedge.") && $0.hasSuffix("hedged") }, "\(heard)")
        #expect(heard.keys.contains { $0.hasPrefix("bulkhead.") }, "\(heard)")
    }

    @Test("layers that a document puts in the place of others, and those that come back, are heard once")
    func replaced() async throws {
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        let policy = try stage.module.policy("x")
        let document: ConfigurationValue = ["policies": ["x": ["layers": ["retry", "circuitBreaker", "timeout"]]]]
        try stage.module.update(.init(document))
        let (module, own) = (EventRecorder(), EventRecorder())
        stage.module.addObserver(module)
        policy.addObserver(ByValue(target: own))
        for step in 0..<3 {
            for recorder in [stage.recorder, module, own] { recorder.clear() }
            policy.circuitBreakers[0].isolate()
            _ = await policy.run { throw InjectedFailure() } as Execution<Int>
            for recorder in [stage.recorder, module, own] {
                #expect(recorder.names.filter { $0 == "circuit_breaker.transition" }.count == 1, "\(step)")
                #expect(recorder.names.filter { $0 == "policy.failed" }.count == 1, "\(step)")
            }
            policy.circuitBreakers[0].close()
            try stage.module.update(.init(step == 0 ? [:] : document))
        }
    }

    @Test("what is registered while observers come is heard by all of them")
    func races() async throws {
        for round in 0..<50 {
            let stage = try Stage()
            let recorders = (0..<10).map { _ in EventRecorder() }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for recorder in recorders { stage.module.addObserver(recorder) } }
                group.addTask {
                    for index in 0..<10 {
                        try? stage.module.register(Registration("\(index)", CircuitBreaker.layer()))
                    }
                }
                group.addTask { for index in 10..<20 { _ = try? stage.module.circuitBreaker("\(index)") } }
            }
            for recorder in recorders { recorder.clear() }
            for index in 0..<20 { try stage.module.circuitBreaker("\(index)").isolate() }
            #expect(recorders.allSatisfy { $0.events(of: CircuitBreaker.Event.self).count == 20 }, "\(round)")
        }
    }

    @Test("an observer may call the module it hears from")
    func reentrant() throws {
        let observer = Registering()
        let module = try ResilienceModule(observers: [observer]) { Registration("a", CircuitBreaker.layer()) }
        observer.module.withLock { $0 = module }
        try module.register(Registration("b", CircuitBreaker.layer()))
        #expect(module.snapshot.components.map(\.name) == ["a", "b", "c"])
        try module.update(.init())
        #expect(module.snapshot.components.map(\.name) == ["a", "b", "c", "d"])
        observer.module.withLock { $0 = nil }
    }
}

struct ByValue: PolicyObserver {
    let target: EventRecorder
    func observe(_ event: some PolicyEvent) { target.observe(event) }
}

private final class Registering: PolicyObserver {
    let module = Lock<ResilienceModule?>(nil)
    func observe(_ event: some PolicyEvent) {
        guard let module = module.withLock({ $0 }) else { return }
        if event.description.contains("registered circuit breaker \"b\"") {
            try? module.register(Registration("c", CircuitBreaker.layer()))
        } else if event.name == "module.reloaded" {
            _ = try? module.circuitBreaker("d")
        }
    }
}
