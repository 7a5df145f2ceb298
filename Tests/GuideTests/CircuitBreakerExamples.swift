import CircuitBreakers
import Foundation
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Guides/CircuitBreaker.md")
struct CircuitBreakerExamples {
    let gateway = Gateway()
    let client = Client()
    let connection = Client()
    let order = Order()
    let request = ""

    @Test("the first breaker")
    func first() async throws {
        let breaker = try CircuitBreaker("payments")
        let receipt = try await breaker.execute { try await gateway.charge(order) }
        #expect(receipt == Receipt())

        let payments = try Policy("payments") {
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(5)))
        }
        #expect(payments.description == "CircuitBreaker(payments)")
    }

    @Test("when a call is rejected")
    func rejected() async throws {
        let payments = try Policy("payments") {
            CircuitBreaker.layer(.init(initialState: .isolated))
        }
        let rejection = await payments.run { try await gateway.charge(order) }.rejection
        #expect(rejection?.description == "circuit breaker \"payments\" is isolated")
        do {
            _ = try await payments.execute { try await gateway.charge(order) }
        } catch let rejection as CircuitBreaker.OpenError {
            print(rejection)  // circuit breaker "payments" is open; retry after 4.2 seconds
            print(rejection.state)  // open, half-open or isolated
            print(rejection.retryAfter as Any)  // the rest of the break
            print(rejection.lastFailure as Any)  // the error that opened the breaker
        }
        #expect(payments.circuitBreakers.first?.totals.rejected == 2)
    }

    @Test("when the breaker opens")
    func trip() throws {
        let configuration = CircuitBreaker.Configuration(
            trip: .any(
                .failureRate(0.5, minimumCalls: 20),
                .slowCallRate(0.8, minimumCalls: 20),
                .when { counts in counts.consecutiveFailures >= 3 && counts.calls < 20 }
            ),
            window: .time(.seconds(30), buckets: 10),
            slowCallDuration: .seconds(2)
        )
        try configuration.validate()
    }

    @Test("what counts as a failure")
    func conditions() async throws {
        struct NotFound: Error {}
        struct InvalidOrder: Error {}

        let ignoring = CircuitBreaker.Configuration(ignores: .only(NotFound.self))
        let onlyServerErrors = CircuitBreaker.Configuration(
            handles: .errors { error in (error as? GatewayError)?.isServerError ?? true }
        )
        let both = CircuitBreaker.Configuration(handles: .except(NotFound.self), ignores: .only(InvalidOrder.self))
        func totals(_ configuration: CircuitBreaker.Configuration, _ error: any Error) async throws
            -> CircuitBreaker.Totals
        {
            let breaker = try CircuitBreaker("b", configuration)
            try? await breaker.execute { throw error }
            return breaker.totals
        }
        #expect(try await totals(ignoring, NotFound()).ignored == 1)
        #expect(try await totals(ignoring, GatewayError()).failed == 1)
        #expect(try await totals(onlyServerErrors, GatewayError()).failed == 1)
        #expect(try await totals(onlyServerErrors, GatewayError(isServerError: false)).succeeded == 1)
        #expect(try await totals(both, NotFound()).succeeded == 1)
        #expect(try await totals(both, InvalidOrder()).ignored == 1)
    }

    @Test("a response that counts as a failure")
    func accepting() async throws {
        let breaker = try CircuitBreaker("b")
        let client = Client(status: 503)
        let response = try await breaker.execute(accepting: { $0.status < 500 }) {
            try await client.get("/quotes")
        }
        #expect(response.status == 503)
        #expect(breaker.totals.failed == 1)
    }

    @Test("how long the break is")
    func breakLengths() async throws {
        let fixed = CircuitBreaker.BreakLength.fixed(.seconds(30))
        let growing = CircuitBreaker.BreakLength.growing(
            from: .seconds(5), factor: 2, upTo: .seconds(60), jitter: .ratio(0.1))
        let asTheServerSays = CircuitBreaker.BreakLength.serverHint(upTo: .seconds(120), otherwise: growing)
        let own = CircuitBreaker.BreakLength.custom(upTo: .seconds(300), otherwise: fixed) { context in
            context.error is MaintenanceError ? .seconds(240) : nil
        }
        func length(_ breakLength: CircuitBreaker.BreakLength, _ error: any Error) async throws -> Duration? {
            let breaker = try CircuitBreaker(
                "b", .init(trip: .consecutiveFailures(1), breakLength: breakLength), clock: ManualClock())
            try? await breaker.execute { throw error }
            return breaker.remainingBreak
        }
        #expect(try await length(fixed, GatewayError()) == .seconds(30))
        let told = try await length(asTheServerSays, InjectedFailure(retryAfter: .seconds(20)))
        #expect(told.map { $0 >= .seconds(20) && $0 <= .seconds(24) } == true)
        let bounded = try await length(asTheServerSays, InjectedFailure(retryAfter: .seconds(200)))
        #expect(bounded.map { $0 >= .seconds(120) && $0 <= .seconds(144) } == true)
        #expect(try await length(own, MaintenanceError()) == .seconds(240))
        #expect(try await length(own, GatewayError()) == .seconds(30))
    }

    @Test("how it closes again")
    func halfOpen() throws {
        let allOfThree = CircuitBreaker.HalfOpen(probes: 3, verdict: .all)
        let twoOfThree = CircuitBreaker.HalfOpen(probes: 3, verdict: .successes(atLeast: 2))
        let byRate = CircuitBreaker.HalfOpen(probes: 10, verdict: .failureRate(below: 0.3, slowCallRate: 0.5))
        let impatient = CircuitBreaker.HalfOpen(probes: 1, maxWait: .seconds(2))
        for halfOpen in [allOfThree, twoOfThree, byRate, impatient] {
            try CircuitBreaker.Configuration(slowCallDuration: .seconds(2), halfOpen: halfOpen).validate()
        }
    }

    @Test("by hand")
    func byHand() throws {
        let breaker = try CircuitBreaker("b")
        breaker.open()  // for as long as the configuration says
        try breaker.open(for: .seconds(90))
        breaker.isolate()  // open until somebody decides otherwise
        breaker.close()  // counts forgotten, totals kept; an event if it was closed already
        breaker.disable()  // everything passes, nothing is judged
        breaker.observe()  // everything passes, and what would have opened it is reported
        breaker.close()
        #expect(breaker.state == .closed)

        var stricter = breaker.configuration
        stricter.trip = .failureRate(0.2, minimumCalls: 20)
        try breaker.update(stricter)
        #expect(breaker.totals.opened == 2)
    }

    @Test("reading and watching")
    func watching() async throws {
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(1)))
        print(breaker.state)  // a break that is over reads as half-open
        print(breaker.failureRate as Any)  // nil below the minimum volume
        print(breaker.counts.consecutiveFailures)
        print(breaker.totals.rejected)  // totals only grow
        print(breaker.remainingBreak as Any)

        let watcher = Task {
            for await transition in breaker.transitions {
                print(transition)  // closed → open (failure rate 0.6)
                print(transition.counts)  // from before they were cleared
                print(transition.lastFailure as Any)  // the error that opened the breaker
            }
        }
        var transitions = breaker.transitions.makeAsyncIterator()
        breaker.isolate()
        let first = await transitions.next(isolation: nil)
        #expect(first?.description == "closed → isolated (by hand)")
        watcher.cancel()
        await watcher.value
    }

    @Test("an observer")
    func observer() async throws {
        struct Alarm: PolicyObserver {
            func observe(_ event: some PolicyEvent) {
                if event.severity >= .warning { print("ALARM: \(event)") }
            }
        }

        let watched = try CircuitBreaker("payments", observers: [Alarm()])
        watched.open()
        #expect(watched.state == .open)
    }

    @Test("a call that does not fit into a closure")
    func permit() async throws {
        let breaker = try CircuitBreaker("b")
        let permit = try breaker.tryAcquirePermit()
        do {
            try await connection.send(request)
            permit.succeed()
        } catch {
            permit.fail(error)
        }
        #expect(breaker.totals.succeeded == 1)
    }

    @Test("surviving a restart")
    func snapshot() throws {
        let breaker = try CircuitBreaker("payments")
        breaker.isolate()
        let data = try JSONEncoder().encode(breaker.snapshot)

        let snapshot = try JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: data)
        let restored = try CircuitBreaker("payments", restoring: snapshot)
        #expect(restored.state == .isolated)
    }

    @Test("in tests")
    func manualClock() async throws {
        let clock = ManualClock()
        let tested = try CircuitBreaker(
            "payments",
            .init(trip: .consecutiveFailures(1), breakLength: .fixed(.seconds(30)), halfOpen: .init(probes: 1)),
            clock: clock
        )
        try? await tested.execute { throw InjectedFailure() }
        #expect(tested.state == .open)
        clock.advance(by: .seconds(30))
        #expect(tested.state == .halfOpen)
        try await tested.execute {}
        #expect(tested.state == .closed)
    }
}
