import CircuitBreakers
import Hedges
import ResilienceCore
import ResilienceTesting
import Retries
import Testing
import Timeouts

@Suite("Guides/Hedging.md")
struct HedgingExamples {
    private struct Index: Sendable {
        let host: String
        init(_ host: String = "eu-1") { self.host = host }
        func search(_ query: String) async throws -> [String] { [query, host] }
    }

    private final class Connection: Sendable {
        func close() async {}
    }

    private struct Pool: Sendable {
        func connect() async throws -> Connection { Connection() }
    }

    private let index = Index()
    private let client = Client()
    private let pool = Pool()
    private let hedge: Hedge
    private let search: HedgedPolicy

    init() throws {
        hedge = try Hedge("search", .init(delay: .fixed(.milliseconds(50))))
        search = try Policy("search") {
            CircuitBreaker.layer()
            Timeout.layer(.seconds(60))
        }
        .hedged()
    }

    @Test("the first hedge")
    func first() async throws {
        let hedge = try Hedge("search", .init(delay: .fixed(.milliseconds(50))))
        let hits = try await hedge.execute { try await index.search("swift") }
        #expect(hits == ["swift", "eu-1"])

        let policy = try Policy("search") {
            CircuitBreaker.layer()
            Timeout.layer(.seconds(1))
        }
        let search = try policy.hedged(.init(delay: .fixed(.milliseconds(50)), maxHedges: 2))
        let found = try await search.execute { try await index.search("swift") }
        #expect(found == hits)
        #expect(search.description == "Hedge(search) → CircuitBreaker(search) → Timeout(1s)")
    }

    @Test("which attempt wins")
    func outcomes() async throws {
        let response = try await hedge.execute(accepting: { $0.status < 500 }) {
            try await client.get("/quotes")
        }
        #expect(response == Response())

        let strict = Hedge.Configuration(
            handles: .errors { error in (error as? GatewayError)?.isServerError ?? true }
        )
        let hedge = try Hedge("strict", strict)
        await #expect(throws: GatewayError.self) {
            try await hedge.execute { throw GatewayError(isServerError: false) }
        }
        #expect(hedge.totals.hedges == 0)
        await #expect(throws: GatewayError.self) { try await hedge.execute { throw GatewayError() } }
        #expect(hedge.totals.hedges == 1)
    }

    @Test("when to start another")
    func delays() throws {
        let tuned = Hedge.Delay.percentile(
            0.99, window: 500, warmUp: 50, minimum: .milliseconds(5), fallback: .milliseconds(200)
        )
        let patient = Hedge.Delay.list([.milliseconds(20), .milliseconds(100)])
        let own = Hedge.Delay.custom { context in
            context.attempt == 2 ? .milliseconds(20) : nil
        }
        #expect(try Hedge("h", .init(delay: tuned)).currentDelay == .milliseconds(200))
        #expect(try Hedge("h", .init(delay: patient)).currentDelay == .milliseconds(20))
        #expect(try Hedge("h", .init(delay: own)).currentDelay == .milliseconds(20))
        #expect(try Hedge("h").currentDelay == nil)
    }

    @Test("another host for each hedge")
    func hosts() async throws {
        let replicas = [Index("eu-1"), Index("eu-2"), Index("eu-3")]
        let nearest = try await search.execute { context in
            try await replicas[context.hedge].search("swift")
        }
        #expect(nearest == ["swift", "eu-1"])
    }

    @Test("values that the caller does not get")
    func releasing() async throws {
        let connection = try await hedge.execute(releasing: { unused in await unused.close() }) {
            try await pool.connect()
        }
        await connection.close()
    }

    @Test("what goes where")
    func around() async throws {
        let whole = try Policy("page") {
            Timeout.layer(.seconds(3))  // for all attempts together
            Retry.layer(maxAttempts: 2)  // hedges again, if all attempts failed
        }
        let page = try await whole.execute { context in
            try await search.execute(within: context) { try await index.search("swift") }
        }
        #expect(page == ["swift", "eu-1"])
    }

    @Test("a budget")
    func budget() async throws {
        let budget = try RetryBudget(.ratio(0.1))
        let retrying = try Policy("search") { Retry.layer(.exponential(), budget: budget) }
        let bounded = try retrying.hedged(.init(budget: budget))
        _ = try await bounded.execute { try await index.search("swift") }
        #expect(budget.totals.refused == 0)
        #expect(bounded.hedge.totals.calls == 1)
    }

    @Test("reading and watching")
    func reading() async throws {
        print(search.hedge.totals.hedgeWins)  // besides primaryWins, failed and cancelled
        print(search.hedge.totals.hedges)  // startedByDelay and startedByFailure
        print(search.hedge.totals.lost)  // attempts that were cancelled because another won
        print(search.hedge.currentDelay as Any)  // what the percentile says now

        let execution = await search.run { try await index.search("swift") }
        print(execution.attempts, execution.winningAttempt as Any)
        #expect(execution.attempts == 1)
        #expect(execution.winningAttempt == 1)

        var gentler = search.hedge.configuration
        gentler.maxHedges = 1
        try search.hedge.update(gentler)
        let bad = #expect(throws: ConfigurationError.self) { try search.policy.hedged(.init(maxHedges: 11)) }
        #expect(bad?.description == "search.hedge.maxHedges: 11 is outside 1...10")
    }

    @Test("in tests", .timeLimit(.minutes(30)))
    func inTests() async throws {
        let clock = ManualClock()
        let tested = try Hedge("tested", .init(delay: .fixed(.seconds(1))), clock: clock)
        let operation = ScriptedOperation(clock: clock, [.hang, .success(2, after: .seconds(3))])

        let call = Task { try await tested.execute { try await operation() } }
        try await operation.waitForCalls(1)
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(1))
        try await operation.waitForCalls(2)
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(3))
        #expect(try await call.value == 2)
        #expect(operation.cancelled == 1)
    }
}
