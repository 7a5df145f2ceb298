import Foundation
import HTTPSemantics
import Resilience
import ResilienceStoreTesting
import ResilienceTesting
import Testing

@Suite("Guides/Distributed.md", .timeLimit(.minutes(30)))
struct DistributedExamples {
    private let partner = Partner()
    private let clock = ManualClock()

    @Test("the circuit of a breaker")
    func circuit() async throws {
        let store = InMemoryCircuitStore()
        let breaker = try CircuitBreaker("payments")
        let circuit = try FleetCircuit(
            breaker, .init(rule: .init(trip: .failureRate(0.5, minimumCalls: 100), window: .seconds(10))),
            through: store)
        let sharing = Task { try await circuit.run() }

        #expect(circuit.name == "payments" && circuit.breaker === breaker)
        sharing.cancel()
        try await sharing.value
    }

    @Test("by hand")
    func byHand() async throws {
        let store = InMemoryCircuitStore(clock: clock)
        let breaker = try CircuitBreaker("payments", clock: clock)
        let circuit = try FleetCircuit(breaker, through: store)
        let others = try FleetCircuit(CircuitBreaker("payments", clock: clock), through: store)

        try await circuit.open(for: .seconds(60))
        try await circuit.close()
        #expect(circuit.totals.opened == 1 && circuit.shared.phase == .closed)
        try await others.open(for: .seconds(60))
        #expect(others.breaker.state == .open && breaker.state == .closed)
    }

    @Test("in a module, and by its document")
    func module() async throws {
        let store = InMemoryCircuitStore()
        let resilience = try ResilienceModule("shop") {
            Registration("payments") {
                Retry.layer()
                CircuitBreaker.layer()
            }.shared(through: store)
        }
        try resilience.update(.init(["fleetCircuits": ["payments": ["minimumNodes": 3]]]))
        #expect(try resilience.fleetCircuit("payments").configuration.rule.minimumNodes == 3)
    }

    @Test("a quota of the fleet")
    func limits() async throws {
        let store = InMemoryRateStore()
        let question = "?"
        try await untilPermitted {
            let limiter = try SharedRateLimiter(
                "partner-api", .init(permits: 10_000, period: .seconds(1), burst: 1_000), through: store)
            let exchange = Task { try await limiter.run() }
            let answer = try await limiter.execute { try await partner.ask(question) }
            #expect(answer == "?!")
            exchange.cancel()
            try await exchange.value
        }
    }

    @Test("what can be set, apart from the rule")
    func limitSettings() throws {
        let store = InMemoryRateStore()
        let rule = SharedQuotaRule(permits: 50, period: .seconds(1), burst: 10)
        let exact = try SharedRateLimiter(
            "reports",
            .init(
                rule: rule, mode: .exact, maxWait: .milliseconds(500), whenUnavailable: .local(share: 0.25),
                isRequired: true),
            through: store)
        let policy = try Policy("search") {
            SharedRateLimiter.layer(.init(rule: rule, leaseLength: .milliseconds(50)), through: store)
            Timeout.layer(.seconds(1))
        }
        #expect(exact.configuration.mode == .exact)
        #expect(policy.sharedRateLimiters.map(\.name) == ["search"])
    }

    @Test("an observer of a fleet, and what a module hands out and says of it")
    func watching() async throws {
        let store = UnreachableStore()
        let limiter = try SharedRateLimiter(
            "partner-api", SharedQuotaRule(permits: 50, period: .seconds(1), burst: 10), through: InMemoryRateStore())

        struct FleetAlarm: PolicyObserver {
            func observe(_ event: some PolicyEvent) {
                switch event {
                case let event as FleetCircuit.Event:
                    if case .degraded(let error) = event.kind { print("\(event.source) is not shared: \(error)") }
                    if case .opened(let length, _, _, _) = event.kind { print("nobody calls for \(length)") }
                case let event as SharedRateLimiter.Event:
                    if case .recovered(let outage) = event.kind { print("\(event.source) was alone for \(outage)") }
                default: break
                }
            }
        }

        let watched = try ResilienceModule("shop", observers: [FleetAlarm()]) {
            Registration("payments") { CircuitBreaker.layer() }.shared(through: store)
            Registration("partner-api", limiter)
        }
        let circuit = try watched.fleetCircuit("payments")
        let registered = try watched.sharedRateLimiter("partner-api")
        print(circuit.isDegraded, circuit.shared.phase, circuit.shared.nodes, circuit.totals.outages)
        print(registered.isDegraded, registered.totals.outages)

        #expect(registered === limiter && !circuit.isDegraded)
        #expect(try watched.component(SharedRateLimiter.self, "partner-api") === limiter)
        #expect(try watched.component(FleetCircuit.self, "payments") === circuit)
        let recorder = EventRecorder()
        circuit.addObserver(recorder)
        await #expect(throws: SharedStateError.self) { try await circuit.open(for: .seconds(1)) }
        #expect(circuit.isDegraded && recorder.names == ["fleet_circuit.degraded"])
        #expect(watched.health.status == .degraded)
        let reasons = watched.health.reasons.map(\.description)
        #expect(reasons.contains("fleet circuit \"payments\" cannot reach its store"))
    }

    @Test("the document of a circuit has all keys, and they are the defaults")
    func document() throws {
        let text = try #require(try Self.guide().firstMatch(of: /```json\n((?s:.*?))```/)?.1)
        let resilience = try ResilienceModule("shop") {
            Registration("payments", CircuitBreaker.layer()).shared(through: InMemoryCircuitStore())
        }
        try resilience.update(JSONDecoder().decode(ResilienceModule.Configuration.self, from: Data(text.utf8)))
        let configuration = try resilience.fleetCircuit("payments").configuration
        #expect(configuration == FleetCircuit.Configuration())
        guard case .object(let keys) = configuration.document(in: DocumentEnvironment()) else { return }
        for key in keys.keys { #expect(text.contains("\"\(key)\""), "\(key)") }
    }

    private static func guide() throws -> String {
        try String(contentsOf: GuideBlocksTests.root.appending(path: "Guides/Distributed.md"), encoding: .utf8)
    }

    @Test("another rule for a limiter in use, in code and by a document")
    func anotherRule() throws {
        let store = InMemoryRateStore()
        let rule = SharedQuotaRule(permits: 10_000, period: .seconds(1), burst: 1_000)
        let limiter = try SharedRateLimiter("partner-api", rule, through: store)
        var configuration = limiter.configuration
        configuration.rule.permits = 20_000
        try limiter.update(configuration)

        #expect(limiter.configuration.rule.permits == 20_000)
        let resilience = try ResilienceModule("shop") { Registration("partner-api", limiter) }
        try resilience.update(.init(["sharedRateLimiters": ["partner-api": ["rule": ["burst": 5_000]]]]))
        #expect(limiter.configuration.rule == SharedQuotaRule(permits: 20_000, period: .seconds(1), burst: 5_000))
    }

    @Test("a quota for each key")
    func keys() async throws {
        let store = InMemoryRateStore()
        let request = "?"
        func handle(_ request: String) async throws { #expect(request == "?") }
        try await untilPermitted {
            let tenants = try SharedKeyedRateLimiter<String>(
                "tenants", .init(permits: 100, period: .seconds(1), burst: 50), through: store)
            let exchange = Task { try await tenants.run() }
            try await tenants.execute(for: "acme") { try await handle(request) }
            #expect(tenants.totals.permitted == 1)
            exchange.cancel()
            try await exchange.value
        }
    }

    @Test("pauses, and a retry budget")
    func pausesAndBudgets() async throws {
        do {
            let store = InMemoryPauseStore()
            let pauses = try SharedPauses(through: store)
            var configuration = HTTPPipeline.Configuration()
            configuration.sharedPauses = pauses
            let pipeline = try HTTPPipeline("api", configuration)
            let sharing = Task { try await pauses.run() }
            #expect(pipeline.name == "api")
            sharing.cancel()
            _ = await sharing.result
        }
        let store = InMemoryBudgetStore()
        let budget = try RetryBudget(.throttle())
        let shared = try SharedRetryBudget("search", budget, through: store)
        let sharing = Task { try await shared.run() }
        #expect(shared.name == "search")
        sharing.cancel()
        _ = await sharing.result
    }

    @Test("checking a store of your own")
    func conformance() async throws {
        let store = InMemoryCircuitStore(clock: clock)
        let violations = await CircuitStoreConformance(store) { clock.advance(by: $0) }.violations()
        #expect(violations.isEmpty)
    }
}

/// Repeats what is rejected because the machine is busy, and a permit did not come in time.
private func untilPermitted(_ body: () async throws -> Void) async throws {
    while true {
        do { return try await body() } catch is any PolicyRejection { await Task.yield() }
    }
}

/// A store that cannot be reached.
private struct UnreachableStore: CircuitStore {
    func exchange(_ report: CircuitReport) async throws -> SharedCircuit {
        throw SharedStateError.unavailable("no connection")
    }

    func changes(
        of circuits: [String], onChange: @escaping @Sendable (_ circuit: String, _ state: SharedCircuit) -> Void
    ) async throws { throw SharedStateError.unavailable("no connection") }
}

private struct Partner: Sendable {
    func ask(_ question: String) async throws -> String { question + "!" }
}
