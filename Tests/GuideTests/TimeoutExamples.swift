import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing
import Timeouts

@Suite("Guides/Timeout.md")
struct TimeoutExamples {
    let gateway = Gateway()
    let slowGateway = Gateway()
    let client = Client()
    let order = Order()
    let reports = Reports()

    struct Reports: Sendable {
        func render() async throws -> String { "report" }
    }

    struct Log: PolicyObserver {
        func observe(_ event: some PolicyEvent) { print(event) }
    }

    @Test("the first timeout")
    func first() async throws {
        let receipt = try await Timeout(.seconds(2)).execute {
            try await gateway.charge(order)
        }
        #expect(receipt == Receipt())

        let payments = try Policy("payments") {
            Timeout.layer(.seconds(10))  // for everything inside: all attempts, and the waits between them
            CircuitBreaker.layer()
            Timeout.layer(.seconds(1))  // for one attempt
        }
        #expect(payments.description == "Timeout(10s) → CircuitBreaker(payments) → Timeout(1s)")
    }

    @Test("how long a call may take")
    func limits() async throws {
        let generous = try Timeout(.custom { context in context.attempt == 1 ? .seconds(1) : .seconds(3) })
        let remaining = try Timeout(.remaining)
        try await generous.execute { context in #expect((context.remaining ?? .zero) <= .seconds(1)) }
        try await remaining.execute { context in #expect(context.remaining == nil) }
    }

    @Test("when the limit is reached")
    func exceeded() async throws {
        let clock = ManualClock()
        let payments = try Policy("payments", clock: clock) { Timeout.layer(.custom { _ in .zero }) }
        await #expect(throws: Timeout.NoTimeLeftError.self) { try await payments.execute {} }
        try payments.timeouts.first?.update(.custom { _ in .seconds(1) })
        do {
            _ = try await payments.execute { try await slowGateway.charge(order) }
        } catch let error as Timeout.ExceededError {
            print(error)  // timeout "payments" exceeded its limit of 1 second
            print(error.limit)
            print(error.underlying as Any)  // what the operation threw when it was cancelled
        }
        #expect(payments.timeouts.first?.totals.rejected == 1)
    }

    @Test("the deadline travels")
    func deadline() async throws {
        let payments = try Policy("payments") { Timeout.layer(.seconds(10)) }
        let response = try await payments.execute { context in
            try await client.get("/receipts/1", timeout: context.remaining)
        }
        #expect(response.status == 200)

        let inner = try Policy("inventory") { Timeout.layer(.remaining) }
        let left = try await payments.execute {
            try await inner.execute { context in context.remaining }  // what is left of payments' limit
        }
        #expect((left ?? .zero) > .zero)
    }

    @Test("returning although the work goes on")
    func abandoning() async throws {
        let payments = try Policy("payments", clock: ManualClock()) { CircuitBreaker.layer() }
        let abandoning = try payments.abandoning(after: .seconds(2))
        let report = try await abandoning.execute { try await reports.render() }
        print(abandoning.abandoned, abandoning.abandonedRunning)
        #expect(report == "report")
    }

    @Test("reading and watching")
    func watching() async throws {
        let timeout = try Timeout("rendering", .seconds(2), observers: [Log()])
        _ = try await timeout.execute { try await reports.render() }
        print(timeout.running)  // calls under the limit now
        print(timeout.totals.exceeded)  // also succeeded, failed, late, cancelled, rejected, rejectedInside, unlimited
        #expect(timeout.totals.succeeded == 1)
    }

    @Test("in tests")
    func manualClock() async throws {
        let clock = ManualClock()
        let tested = try Timeout(.seconds(2), clock: clock)
        let operation = ScriptedOperation(clock: clock, [.success(1, after: .seconds(4))])

        let call = Task { try await tested.execute { try await operation() } }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(2))
        await #expect(throws: Timeout.ExceededError.self) { try await call.value }
    }
}
