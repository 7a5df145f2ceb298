import CircuitBreakers
import Fallbacks
import ResilienceCore
import ResilienceTesting
import Testing

extension Quote {
    static let none = Quote(price: 0)
}

@Suite("Guides/Fallback.md")
struct FallbackExamples {
    typealias Symbol = String

    /// Another server.
    struct Replica: Sendable {
        func latestQuote(_ symbol: Symbol = "") async throws -> Quote { Quote(price: 2) }
    }

    let gateway = Gateway()
    let replica = Replica()
    let payments: Policy

    init() throws {
        payments = try Policy("payments") { CircuitBreaker.layer() }
    }

    private func makeQuotes() throws -> Fallback<Quote> {
        try Fallback<Quote>("quotes") {
            .step("replica", limit: 8, timeout: .seconds(1)) { error in try await replica.latestQuote() }
                .lastGood(maxAge: .seconds(300))
                .value(.none)
        }
    }

    @Test("the short form, at the call")
    func short() async throws {
        let quote = try await payments.execute {
            try await gateway.latestQuote()
        } fallback: { error in
            if error is any PolicyRejection { return Quote.none }
            throw error
        }
        #expect(quote == Quote())
    }

    @Test("the typed fallback")
    func typed() async throws {
        let quotes = try Fallback<Quote>("quotes") {
            .step("replica", limit: 8, timeout: .seconds(1)) { error in try await replica.latestQuote() }
                .lastGood(maxAge: .seconds(300))
                .value(.none)
        }
        let quote = try await quotes.execute { try await gateway.latestQuote() }
        #expect(quote == Quote())
        #expect(try await quotes.execute { throw GatewayError() } == Quote(price: 2))

        let guarded = payments.fallback(to: quotes)
        let guardedQuote = try await guarded.execute { try await gateway.latestQuote() }
        print(guarded)  // Fallback(quotes) → CircuitBreaker(payments)
        #expect(guardedQuote == Quote() && guarded.description == "Fallback(quotes) → CircuitBreaker(payments)")

        let withSteps = try payments.fallback(Quote.self) {
            .lastGood(maxAge: .seconds(300))
                .value(.none)
        }
        #expect(try await withSteps.execute { throw GatewayError() } == .none)
    }

    @Test("for which errors")
    func selective() async throws {
        let selective = try Fallback<Quote>(
            "quotes",
            .init(handles: .errors { error in error is any PolicyRejection || error is GatewayError }) {
                .step("replica", handles: .only(GatewayError.self)) { _ in try await replica.latestQuote() }
                    .value(.none)
            }
        )
        #expect(try await selective.execute { throw GatewayError() } == Quote(price: 2))
        await #expect(throws: MaintenanceError.self) { try await selective.execute { throw MaintenanceError() } }

        let quotes = try makeQuotes()
        let nonZero = try await quotes.execute(accepting: { $0.price > 0 }) { try await gateway.latestQuote() }
        #expect(nonZero == Quote())
        #expect(try await quotes.execute(accepting: { $0.price > 0 }) { Quote.none } == Quote(price: 2))
    }

    @Test("the last good value")
    func lastGood() async throws {
        let quotes = try makeQuotes()
        quotes.remember(Quote(price: 7))  // at the start of a program, for example
        print(quotes.lastGood?.age as Any)  // how old it is, also if it is too old to serve
        #expect(quotes.lastGood?.value == Quote(price: 7))

        let bySymbol = try KeyedFallback<Symbol, Quote>("quotes") {
            .step("replica", limit: 8) { error, symbol in try await replica.latestQuote(symbol) }
                .lastGood(maxAge: .seconds(300), maxKeys: 10_000)
        }
        let apple = try await bySymbol.execute(for: "AAPL") { try await gateway.latestQuote() }
        print(bySymbol.keptCount, bySymbol.lastGood(for: "AAPL")?.age as Any)
        bySymbol.forget("AAPL")
        #expect(apple == Quote() && bySymbol.keptCount == 0)
    }

    @Test("stale while revalidate")
    func revalidation() async throws {
        let cached = try KeyedStaleWhileRevalidate<Symbol, Quote>(
            "quotes", .init(freshFor: .seconds(5), staleFor: .seconds(300)), through: payments)
        let swift = try await cached.execute(for: "SWFT") { try await gateway.latestQuote() }
        #expect(swift == Quote() && cached.totals.loaded == 1)
        await cached.shutdown(gracePeriod: .seconds(5))
    }

    @Test("what the result says, and what is counted")
    func result() async throws {
        let quotes = try makeQuotes()
        let guarded = payments.fallback(to: quotes)
        let execution = await guarded.run { try await gateway.latestQuote() }
        if let served = execution.servedBy {
            print(served)  // fallback "quotes" answered by step "last good", 3 seconds old
            print(served.step, served.age as Any, execution.fallbackCause as Any)
        }
        #expect(execution.servedBy == nil && execution.value == Quote())
        let failed = await guarded.run { throw GatewayError() }
        #expect(failed.servedBy?.step == "replica" && failed.fallbackCause is GatewayError)

        let totals = quotes.totals
        print(totals.succeeded, totals.served, totals.exhausted, totals.unhandled, totals.cancelled)
        if let replica = totals.steps["replica"] {
            print(replica.succeeded, replica.failed, replica.timedOut, replica.rejected, replica.skipped)
            print(replica.latency.mean as Any, replica.latency.longest)
        }
        print(quotes.running(in: "replica"))
        #expect(totals.succeeded == 1 && totals.served == 1 && totals.steps["replica"]?.succeeded == 1)
    }

    @Test("the errors of the steps")
    func errors() async throws {
        struct Unreachable: Error {}
        struct Replica: Sendable { func latestQuote() async throws -> Quote { throw Unreachable() } }
        let replica = Replica()
        let explained = try Fallback<Quote>(
            "quotes",
            .init(exhaustion: .exhaustedError) {
                .step("replica") { _ in try await replica.latestQuote() }
            }
        )
        do {
            _ = try await explained.execute { throw GatewayError() }
        } catch let error as FallbackExhaustedError {
            print(error.wrappedError)  // the error of the call
            for step in error.steps { print(step.step, step.reason) }
        }
        #expect(explained.totals.exhausted == 1 && explained.totals.steps["replica"]?.failed == 1)
    }

    @Test("retuning")
    func retuning() async throws {
        let quotes = try makeQuotes()
        var configuration = quotes.configuration
        configuration.steps = .lastGood(maxAge: .seconds(60)).value(.none)
        try quotes.update(configuration)
        #expect(try await quotes.execute { throw GatewayError() } == .none)
        try configuration.apply([
            "steps": ["last good": ["maxAge": "2m", "maxKeys": 50]], "exhaustion": "exhaustedError",
        ])
        #expect(configuration.exhaustion == .exhaustedError)
    }

    @Test("in tests")
    func tests() async throws {
        let clock = ManualClock()
        let tested = try Fallback<Quote>("quotes", clock: clock) {
            .lastGood(maxAge: .seconds(60))
        }
        _ = try await tested.execute { Quote(price: 3) }
        clock.advance(by: .seconds(60))
        #expect(try await tested.execute { throw GatewayError() } == Quote(price: 3))
        clock.advance(by: .seconds(1))
        await #expect(throws: GatewayError.self) { try await tested.execute { throw GatewayError() } }
        #expect(tested.totals.served == 1)
    }
}
