import CircuitBreakers
import ResilienceCore
import Synchronization
import Testing

@Suite("Guides/Policies.md")
struct PoliciesExamples {
    let gateway = Gateway()
    let client = Client(status: 503)
    let order = Order()
    let cachedQuote = Quote(price: 7)
    let isCautious = true

    @Test("composing")
    func composing() async throws {
        let payments = try Policy("payments") {
            CircuitBreaker.layer("payments", .init(trip: .failureRate(0.5, minimumCalls: 20)))
            CircuitBreaker.layer("payments host", .init(trip: .consecutiveFailures(5)))
        }
        print(payments)  // CircuitBreaker(payments) → CircuitBreaker(payments host)
        #expect(payments.description == "CircuitBreaker(payments) → CircuitBreaker(payments host)")

        let fluent = try Policy.pipeline("payments")
            .circuitBreaker("payments", .init(trip: .failureRate(0.5, minimumCalls: 20)))
            .circuitBreaker("payments host", .init(trip: .consecutiveFailures(5)))
            .build()
        #expect(fluent.description == payments.description)
    }

    @Test("sharing")
    func sharing() async throws {
        let host = try CircuitBreaker("api.example.com")
        let reading = try Policy("reading") {
            CircuitBreaker.layer()
            host
        }
        let writing = try Policy("writing") {
            if isCautious { CircuitBreaker.layer(.init(trip: .consecutiveFailures(2))) }
            host
        }
        try await reading.execute {}
        try await writing.execute {}
        #expect(host.totals.succeeded == 2)
        #expect(writing.circuitBreakers.map(\.name) == ["writing", "api.example.com"])
    }

    @Test("results that say which failure they are")
    func failing() async throws {
        struct ServerFailure: OverloadError, LabeledError, ServerHintProviding {
            let status: Int
            let serverHint: ServerHint?
            var isOverload: Bool { status == 503 }
            var label: String { "\(status)" }

            init?(_ response: Response) {
                guard response.status >= 500 else { return nil }
                status = response.status
                serverHint = response.retryAfter.map(ServerHint.retryAfter)
            }
        }
        let payments = try Policy("payments") { CircuitBreaker.layer() }
        let answer = try await payments.execute(failing: ServerFailure.init) {
            try await client.get("/receipts/1")
        }
        let classified = payments.failing(Response.self, ServerFailure.init)  // declared once
        let throwing = payments.failing(Response.self, throwing: true, ServerFailure.init)  // throws it
        #expect(answer.status == 503)
        let execution = await classified.run { try await client.get("/receipts/1") }
        #expect((execution.failure as? ServerFailure)?.status == 503)
        await #expect(throws: ServerFailure.self) { try await throwing.execute { try await client.get("/") } }
        #expect(payments.circuitBreakers.first?.totals.failed == 3)
    }

    @Test("faults")
    func faults() {
        do {
            _ = try Policy("payments") {
                CircuitBreaker.layer("a", .init(trip: .failureRate(1.5)))
                CircuitBreaker.layer("b", .init(window: .calls(10), halfOpen: .init(probes: 0)))
            }
        } catch {
            for fault in error.faults { print(fault) }
            // payments.circuitBreaker.trip.failureRate: 1.5 is outside 0...1, without 0
            // payments.circuitBreaker.trip.minimumCalls: 20 is outside 1...10
            // payments.circuitBreaker.halfOpen.probes: 0 is outside 1...1000000
        }

        let error = #expect(throws: ConfigurationError.self) {
            try Policy("payments") {
                CircuitBreaker.layer("a", .init(trip: .failureRate(1.5)))
                CircuitBreaker.layer("b", .init(window: .calls(10), halfOpen: .init(probes: 0)))
            }
        }
        #expect(
            error?.faults.map(\.description) == [
                "payments.circuitBreaker.trip.failureRate: 1.5 is outside 0...1, without 0",
                "payments.circuitBreaker.trip.minimumCalls: 20 is outside 1...10",
                "payments.circuitBreaker.halfOpen.probes: 0 is outside 1...1000000",
            ])
    }

    actor Cart {
        private var receipts: [Receipt] = []

        func checkOut(_ order: Order, with payments: Policy, at gateway: Gateway) async throws {
            try await payments.execute {
                receipts.append(try await gateway.charge(order))
            }
        }
    }

    @Test("calling")
    func calling() async throws {
        let payments = try Policy("payments") { CircuitBreaker.layer() }
        let cart = Cart()
        try await cart.checkOut(order, with: payments, at: gateway)
        #expect(await cart.count == 1)

        let receipt = try await payments.execute { context in
            print("attempt \(context.attempt), \(context.remaining as Any) left")
            return try await gateway.charge(order)
        }
        #expect(receipt == Receipt())

        let response = try await payments.execute(accepting: { $0.status < 500 }) {
            try await client.get("/receipts/1")
        }
        #expect(response.status == 503)

        let api = payments.accepting(Response.self) { $0.status < 500 }
        #expect(await api.run { try await client.get("/receipts/1") }.isAccepted == false)
    }

    @Test("a fallback")
    func fallback() async throws {
        let payments = try Policy("payments") { CircuitBreaker.layer(.init(initialState: .isolated)) }
        let quote = try await payments.execute {
            try await gateway.latestQuote()
        } fallback: { error in
            if error is any PolicyRejection { return cachedQuote }
            throw error
        }
        #expect(quote == cachedQuote)
    }

    @Test("all there is to know")
    func run() async throws {
        let payments = try Policy("payments") { CircuitBreaker.layer() }
        let execution = await payments.run { try await gateway.charge(order) }
        switch execution.result {
        case .success(let receipt): print(receipt, "after", execution.attempts, "attempts in", execution.duration)
        case .failure(let error): print(error)
        }
        print(execution.rejection as Any)  // what refused the call, if something did
        print(execution.circuitBreakerState as Any)  // the state in which the breaker met the call
        print(execution.isServedByFallback, execution.isAccepted)
        #expect(execution.attempts == 1)
        #expect(execution.circuitBreakerState == .closed)
    }

    @Test("watching")
    func watching() async throws {
        struct Log: PolicyObserver {
            func observe(_ event: some PolicyEvent) {
                print(event.severity, event.name, event.source, event)
            }
        }

        let observed = try Policy("payments", observers: [Log()]) {
            CircuitBreaker.layer()
        }
        try await observed.execute {}
        #expect(observed.layers.count == 1)
    }

    final class Tally: Strategy {
        let count = Mutex(0)

        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            count.withLock { $0 += 1 }
            try await next(context)
        }
    }

    @Test("a strategy of your own")
    func ownStrategy() async throws {
        let tally = Tally()
        try await tally.execute { print("one") }
        let tallied = try Policy("tallied") {
            tally
            CircuitBreaker.layer()
        }
        try await tallied.execute {}
        #expect(tally.count.withLock { $0 } == 2)
    }

    enum Tenant: ContextKey { typealias Value = String }

    struct TenantTag: Strategy {
        let tenant: String

        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            var context = context
            context[Tenant.self] = tenant
            context.report(Tenant.self, tenant)
            try await next(context)
        }
    }

    @Test("values in the context")
    func values() async throws {
        let tagged = try Policy("tagged") { TenantTag(tenant: "blue") }
        let seen = await tagged.run { context in context[Tenant.self] }
        print(seen.value as Any, seen[Tenant.self])
        #expect(seen.value == "blue")
        #expect(seen[Tenant.self] == ["blue"])

        let acme = tagged.setting(Region.self, to: "eu-west")
        try await acme.execute { context in print(context[Region.self] ?? "nowhere") }
        #expect(try await acme.execute { context in context[Region.self] } == "eu-west")
    }

    struct Announced<Base: Strategy>: StrategyWrapper {
        let base: Base

        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            do {
                try await base.execute(context, next)
            } catch {
                if CallEnd(error, in: context).isFailure { print("\(context.policyName) failed: \(error)") }
                throw error
            }
        }
    }

    @Test("a strategy that wraps another")
    func wrapper() async throws {
        let announced = Announced(base: try Policy("quotes") { CircuitBreaker.layer() })
        var attempts = 0
        await #expect(throws: CancellationError.self) {
            try await announced.execute {
                attempts += 1
                throw CancellationError()
            }
        }
        #expect(attempts == 1 && announced.rootContext.policyName == "quotes")
    }

    enum Region: ContextKey { typealias Value = String }
}

extension PoliciesExamples.Cart {
    var count: Int { receipts.count }
}
