import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers
@testable import Resilience

@Suite("Circuits of a fleet in a module")
struct FleetCircuitModuleTests {
    private let world = FleetWorld()

    private func module(
        _ name: String = "a", store: (any CircuitStore)? = nil, _ configuration: FleetCircuit.Configuration? = nil,
        document: ResilienceModule.Configuration = .init(), observers: [any PolicyObserver] = []
    ) throws -> ResilienceModule {
        try ResilienceModule(
            name, configuration: document, clock: world.clock, random: .seeded(1), observers: observers
        ) {
            Registration("payments") {
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(1_000)))
            }.shared(configuration ?? FleetWorld.configuration, through: store ?? world.store)
        }
    }

    @Test("modules of a fleet open together, probe once, and close together")
    func together() throws {
        let modules = try [module("a"), module("b"), module("c")]
        for module in modules { world.run(module) }
        for module in modules { world.fail(module, times: 2) }
        world.pass(.milliseconds(100))
        #expect(try modules.map { try $0.fleetCircuit("payments").shared.phase.isOpen } == [true, true, true])
        #expect(modules.map { world.call($0) } == [false, false, false])
        #expect(modules.allSatisfy { $0.health.status == .degraded })
        for _ in 0..<40 {
            world.pass(.milliseconds(250))
            for module in modules { world.call(module) }
        }
        #expect(modules.map { world.call($0) } == [true, true, true])
        #expect(try modules.map { try $0.fleetCircuit("payments").totals.leases }.reduce(0, +) == 1)
        #expect(modules.allSatisfy { $0.health.status == .healthy })
    }

    @Test("a document configures the circuit by the breaker's name, and what it leaves out stays as declared")
    func document() throws {
        let document: ConfigurationValue = [
            "fleetCircuits": ["payments": ["trip": ["failures": 3], "minimumNodes": 1, "tick": "50ms"]]
        ]
        let module = try module(document: ResilienceModule.Configuration(document))
        let circuit = try module.fleetCircuit("payments")
        #expect(circuit.configuration.rule.trip == .failures(3))
        #expect(circuit.configuration.rule.minimumNodes == 1)
        #expect(circuit.configuration.tick == .milliseconds(50))
        #expect(circuit.configuration.rule.window == FleetWorld.configuration.rule.window)
        try module.update(ResilienceModule.Configuration())
        #expect(circuit.configuration == FleetWorld.configuration)
        #expect(throws: ConfigurationError.self) {
            try module.update(.init(["fleetCircuits": ["payments": ["minimumShare": 2]]]))
        }
        #expect(throws: ConfigurationError.self) { try module.update(.init(["fleetCircuits": ["payment": [:]]])) }
        #expect(circuit.configuration == FleetWorld.configuration)
    }

    @Test("what has no breaker cannot be shared; all faults are told")
    func faults() throws {
        #expect(throws: ConfigurationError.self) {
            try ResilienceModule { Registration("a") { Retry.layer() }.shared(through: world.store) }
        }
        let error = #expect(throws: ConfigurationError.self) {
            try module(store: nil, .init(rule: .init(window: .zero), tick: .zero))
        }
        #expect(error?.faults.count == 2)
        #expect(throws: ResilienceModule.UnknownNameError.self) { try module().fleetCircuit("payment") }
    }

    @Test("a breaker for itself can be shared, and stays critical")
    func breaker() throws {
        let module = try ResilienceModule(clock: world.clock) {
            Registration("b", CircuitBreaker.layer()).critical().shared(through: world.store)
        }
        let circuit = try module.fleetCircuit("b")
        #expect(try circuit.breaker === module.circuitBreaker("b"))
        circuit.breaker.isolate()
        #expect(module.health.status == .down)
    }

    @Test("without its store a module is degraded, and its calls go on; once it is back, it says so")
    func degraded() throws {
        let store = UnreachableStore(world.store)
        let recorder = EventRecorder()
        let module = try module(store: store, observers: [recorder])
        world.run(module)
        world.pass(.seconds(5))
        #expect(module.health.status == .degraded)
        #expect(world.call(module))
        store.isAway = false
        world.pass(.seconds(5))
        #expect(module.health.status == .healthy)
        #expect(
            recorder.names.filter { $0.hasPrefix("fleet_circuit.") }
                == ["fleet_circuit.degraded", "fleet_circuit.recovered"])
    }

    @Test("a store that is required and away ends the run with its error, in order")
    func required() throws {
        var configuration = FleetWorld.configuration
        configuration.isRequired = true
        let module = try module(store: UnreachableStore(world.store), configuration)
        let outcome = world.run(module)
        world.pass(.seconds(5))
        #expect(outcome.error as? SharedStateError == .unavailable("away"))
        #expect(module.state == .stopped)
    }

    @Test("what is removed, or shut down, leaves the fleet")
    func ends() throws {
        let module = try module()
        let outcome = world.run(module)
        world.pass(.seconds(1))
        let circuit = try module.fleetCircuit("payments")
        #expect(circuit.totals.succeededExchanges > 0)
        #expect(module.remove(FleetCircuit.self, "payments"))
        world.pass(.seconds(1))
        let before = circuit.totals.exchanges
        world.fail(module, times: 2)
        world.pass(.seconds(10))
        #expect(circuit.totals.exchanges == before)
        world.start { await module.shutdown() }
        world.pass(.seconds(1))
        #expect(outcome.isOver && outcome.error == nil)
    }

    @Test("what is registered while the module runs is shared at once")
    func later() throws {
        let module = try ResilienceModule(clock: world.clock)
        world.run(module)
        try module.register(
            Registration("late", CircuitBreaker.layer()).shared(FleetWorld.configuration, through: world.store))
        world.pass(.seconds(1))
        #expect(try module.fleetCircuit("late").totals.succeededExchanges > 0)
    }

    @Test("limiters that a fleet shares run with the module, for themselves, by key and as layers, and end with it")
    func limiters() throws {
        let rates = InMemoryRateStore(clock: world.clock)
        let rule = SharedQuotaRule(permits: 100, period: .seconds(1), burst: 50)
        let tenants = try SharedKeyedRateLimiter<String>("tenants", rule, through: rates, clock: world.clock)
        let module = try ResilienceModule(clock: world.clock) {
            Registration("partner", SharedRateLimiter.layer(rule, through: rates))
            Registration("tenants", tenants)
            Registration("payments") { SharedRateLimiter.layer("payments", rule, through: rates) }
        }
        let limiter = try module.sharedRateLimiter("partner")
        // Nobody has asked it, and nobody may be about to run it.
        #expect(!limiter.isDegraded && module.health.status == .healthy)
        world.start { try? await limiter.acquire() }
        world.pass(.milliseconds(100))
        #expect(limiter.isDegraded && module.health.status == .degraded)
        let outcome = world.run(module)
        world.pass(.seconds(1))
        #expect(!limiter.isDegraded && module.health.status == .healthy)
        #expect(world.call(module))
        #expect(world.start { try await limiter.acquire() }.error == nil)
        #expect(try module.sharedKeyedRateLimiter("tenants", by: String.self) === tenants)
        #expect(world.start { try await tenants.acquire(for: "acme") }.error == nil)
        world.pass(.milliseconds(50))
        #expect(limiter.totals.exchanges > 0 && tenants.totals.exchanges > 0)
        #expect(throws: ResilienceModule.UnknownNameError.self) { try module.sharedRateLimiter("partners") }
        world.start { await module.shutdown() }
        world.pass(.seconds(1))
        #expect(outcome.isOver && outcome.error == nil)
        #expect(!limiter.isDegraded && limiter.held == 0)
    }

    @Test("the module's page has what a node knows of its fleet")
    func metrics() throws {
        let module = try module()
        var metrics = MetricCollection()
        metrics.collect(module)
        let names = metrics.entries.map(\.family.name)
        #expect(names.contains("resilience.fleet_circuit.state"))
        #expect(names.contains("resilience.fleet_circuit.degraded"))
    }
}

/// One thread, one clock, one store.
private final class FleetWorld: Sendable {
    static let configuration = FleetCircuit.Configuration(
        rule: .init(trip: .failures(6), window: .seconds(10), breakLength: .growing(from: .seconds(2))))

    let clock = ManualClock()
    let store: InMemoryCircuitStore
    private let executor = SteppingExecutor()

    init() { store = InMemoryCircuitStore(clock: clock) }

    final class Outcome: Sendable {
        let state = Lock<(isOver: Bool, error: (any Error)?)>((false, nil))
        var isOver: Bool { state.withLock { $0.isOver } }
        var error: (any Error)? { state.withLock { $0.error } }
    }

    @discardableResult
    func start(_ body: @escaping @Sendable () async throws -> Void) -> Outcome {
        let outcome = Outcome()
        Task(executorPreference: executor) {
            do {
                try await body()
                outcome.state.withLock { $0.isOver = true }
            } catch {
                outcome.state.withLock { $0 = (true, error) }
            }
        }
        executor.drain()
        return outcome
    }

    @discardableResult
    func run(_ module: ResilienceModule) -> Outcome { start { try await module.run() } }

    func pass(_ duration: Duration) { clock.advance(by: duration, running: executor) }

    /// Whether a call was let through.
    @discardableResult
    func call(_ module: ResilienceModule) -> Bool {
        start { try await module.execute("payments") {} }.error == nil
    }

    func fail(_ module: ResilienceModule, times: Int) {
        for _ in 0..<times { start { try await module.execute("payments") { throw Failed() } } }
    }

    private struct Failed: Error {}
}

/// A store that is away.
private final class UnreachableStore: CircuitStore {
    private let inner: InMemoryCircuitStore
    private let away = Lock(true)

    init(_ inner: InMemoryCircuitStore) { self.inner = inner }

    var isAway: Bool {
        get { away.withLock { $0 } }
        set { away.withLock { $0 = newValue } }
    }

    func exchange(_ report: CircuitReport) async throws -> SharedCircuit {
        if isAway { throw SharedStateError.unavailable("away") }
        return try await inner.exchange(report)
    }

    func changes(
        of circuits: [String], onChange: @escaping @Sendable (_ circuit: String, _ state: SharedCircuit) -> Void
    ) async throws {
        if isAway { throw SharedStateError.unavailable("away") }
        try await inner.changes(of: circuits, onChange: onChange)
    }
}
