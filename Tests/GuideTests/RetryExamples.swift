import CircuitBreakers
import Foundation
import ResilienceCore
import ResilienceTesting
import Retries
import Testing

@Suite("Guides/Retry.md")
struct RetryExamples {
    private struct NotFound: Error {}
    /// Says that it may be retried at once, so that no test waits.
    private struct ConnectionRefused: Error, RetryAfterProviding { var retryAfter: Duration? = .zero }
    private struct Order { var hasKey = false }
    private struct Exchange {
        let failing: Count
        func latestQuote() async throws -> Quote {
            if failing.takeOne() { throw ConnectionRefused() }
            return Quote()
        }
        func charge(_ order: Order) async throws -> Receipt {
            if failing.takeOne() { throw ConnectionRefused() }
            return Receipt()
        }
    }

    /// How many calls fail before the others succeed.
    private final class Count: Sendable {
        private let left: Lock<Int>
        init(_ count: Int) { left = Lock(count) }
        func takeOne() -> Bool {
            left.withLock { left in
                left -= 1
                return left >= 0
            }
        }
    }

    private func failing(_ count: Int) -> Exchange { Exchange(failing: Count(count)) }

    @Test("the first retry")
    func first() async throws {
        let gateway = failing(1)
        let retry = try Retry(.exponential(from: .milliseconds(50)), maxAttempts: 4)
        let quote = try await retry.execute { try await gateway.latestQuote() }
        #expect(quote == Quote() && retry.totals.succeededWithRetry == 1)

        let quotes = try Policy("quotes") {
            Retry.layer(.exponential(from: .milliseconds(50)), maxAttempts: 4)
            CircuitBreaker.layer()
        }
        #expect(quotes.description == "Retry(4) → CircuitBreaker(quotes)")

        let careful = try Policy("quotes") {
            Retry.layer(
                .init(
                    backoff: .exponential(from: .milliseconds(50)),
                    maxAttempts: 5,
                    maxDelay: .seconds(5),
                    maxDuration: .seconds(20),
                    handles: .except(NotFound.self)
                ))
        }
        #expect(await careful.run { throw NotFound() }.attempts == 1)
    }

    @Test("backoffs and jitters")
    func backoffs() async throws {
        let own = Backoff.custom { failure in
            if failure.error is MaintenanceError { return .seconds(20) }
            if failure.attempt > 6 { return nil }
            return (failure.previousDelay ?? .milliseconds(50)) * 3
        }

        let exact = Backoff.exponential(from: .seconds(1), jitter: .none)
        let spread = Backoff.constant(.seconds(1), jitter: .ratio(0.2))

        #expect(try await firstDelay(own, MaintenanceError()) == .seconds(20))
        #expect(try await firstDelay(own, GatewayError()) == .milliseconds(150))
        #expect(try await firstDelay(exact, GatewayError()) == .seconds(1))
        #expect(try await firstDelay(spread, GatewayError()) == .milliseconds(1200))
    }

    private func firstDelay(_ backoff: Backoff, _ error: any Error) async throws -> Duration? {
        let clock = ManualClock()
        let retry = try Retry(backoff, maxAttempts: 2, clock: clock, random: .constant(1))
        let call = Task { await retry.run { throw error } }
        try await clock.waitForSleepers(1)
        clock.advanceToNextDeadline()
        return await call.value.failedAttempts.first?.delay
    }

    @Test("what is retried")
    func conditions() async throws {
        let some = Retry.Configuration(handles: .only(GatewayError.self, MaintenanceError.self))
        let most = Retry.Configuration(handles: .except(NotFound.self))
        let servers = Retry.Configuration(
            handles: .errors { error in (error as? GatewayError)?.isServerError ?? true }
        )
        func attempts(_ configuration: Retry.Configuration, _ error: any Error) async throws -> Int {
            var configuration = configuration
            configuration.backoff = .immediate
            return await (try Retry("r", configuration)).run { throw error }.attempts
        }
        #expect(try await attempts(some, GatewayError()) == 3)
        #expect(try await attempts(some, NotFound()) == 1)
        #expect(try await attempts(most, NotFound()) == 1)
        #expect(try await attempts(servers, GatewayError()) == 3)
        #expect(try await attempts(servers, GatewayError(isServerError: false)) == 1)
    }

    @Test("a response that is retried")
    func accepting() async throws {
        let retry = try Retry(.immediate)
        let client = Client(status: 503)
        let response = try await retry.execute(accepting: { $0.status < 500 }) {
            try await client.get("/quotes")
        }
        #expect(response.status == 503 && retry.totals.retries == 2)
    }

    @Test("values that hold something")
    func releasing() async throws {
        let retry = try Retry(.immediate)
        let client = Client(status: 503)
        let page = try await retry.execute(
            accepting: { $0.status < 500 },
            releasing: { unused in print("close", unused) },
            { try await client.get("/quotes") }
        )
        #expect(page.status == 503 && retry.totals.retries == 2)
    }

    @Test("work that no caller waits for may wait for a rejection")
    func rejections() throws {
        let job = try Policy("job") {
            Retry.layer(.init(maxAttempts: 10, onRejection: .waitUntilRetryAfter))
            CircuitBreaker.layer()
        }
        #expect(job.retries.first?.configuration.onRejection == .waitUntilRetryAfter)
    }

    @Test("calls that must not be made twice")
    func idempotence() async throws {
        let gateway = failing(1)
        let order = Order()
        let orders = try Policy("orders") {
            Retry.layer(.init(neverRan: .only(ConnectionRefused.self)))
        }
        let receipt = try await orders.idempotent(order.hasKey).execute { try await gateway.charge(order) }
        #expect(receipt == Receipt() && orders.retries.first?.totals.retries == 1)
        #expect(await orders.idempotent(false).run { throw GatewayError() }.attempts == 1)
    }

    @Test("what the server says")
    func hints() async throws {
        struct Unavailable: Error, ServerHintProviding {
            var serverHint: ServerHint?

            init(retryAfterHeader: String?) {
                serverHint = retryAfterHeader.map {
                    .http(retryAfter: $0, secondsSince1970: Date().timeIntervalSince1970)
                }
            }
        }
        let asked = try #require(try await firstDelay(.immediate, Unavailable(retryAfterHeader: "7")))
        #expect(asked >= .seconds(7) && asked <= .seconds(10.5))
        #expect(Unavailable(retryAfterHeader: "soon").retryAfter == nil)
    }

    @Test("a budget")
    func budget() async throws {
        let budget = try RetryBudget(.ratio(0.2))
        let reading = try Policy("reading") { Retry.layer(.exponential(), budget: budget) }
        let writing = try Policy("writing") { Retry.layer(.exponential(), budget: budget) }
        _ = try await reading.execute { 1 }
        _ = try await writing.execute { 1 }
        #expect(budget.balance >= 100)
        for rule: RetryBudget.Configuration in [
            .ratio(0.2, minimumPerSecond: 10, window: .seconds(10)), .throttle(maxTokens: 10, tokenRatio: 0.1),
            .quota(500, cost: 14),
        ] {
            _ = try RetryBudget(rule)
        }
    }

    @Test("in a policy")
    func numbers() async throws {
        let gateway = failing(0)
        let quotes = try Policy("quotes") { Retry.layer() }
        let numbered = try await quotes.execute { context in
            print("previous attempts: \(context.attempt - 1)")
            return try await gateway.latestQuote()
        }
        #expect(numbered == Quote())
    }

    @Test("what comes back")
    func errors() async throws {
        let gateway = failing(.max)
        let telling = try Retry("quotes", .init(exhaustion: .exhaustedError))
        do {
            _ = try await telling.execute { try await gateway.latestQuote() }
        } catch let error as Retry.ExhaustedError {
            print(error)  // retry "quotes" gave up after 3 attempts (no attempts are left): …
            print(error.reason)  // attempts, duration, deadline, delay, budget …
            for failed in error.failures { print(failed.attempt, failed.error, failed.delay as Any) }
        }
        #expect(telling.totals.failedWithRetry == 1)

        let quotes = try Policy("quotes") { Retry.layer(.immediate) }
        let execution = await quotes.run { try await gateway.latestQuote() }
        for failed in execution.failedAttempts { print(failed) }  // attempt 1 failed: …; retry after 50 milliseconds
        #expect(execution.failedAttempts.count == 3)
    }

    @Test("reading and watching")
    func watching() async throws {
        struct Log: PolicyObserver {
            func observe(_ event: some PolicyEvent) {
                guard let event = event as? Retry.Event else { return }
                switch event.kind {
                case .attemptFailed(let failed): print(event.source, failed.attempt, failed.delay as Any)
                case .succeeded(let attempts): print(event.source, attempts)
                case .gaveUp(let attempts, let reason, let error): print(event.source, attempts, reason, error)
                }
            }
        }
        let budget = try RetryBudget()
        let retry = try Retry(.immediate, budget: budget, observers: [Log()])
        try? await retry.execute { throw GatewayError() }
        try await retry.execute {}

        print(retry.totals.succeededWithoutRetry, retry.totals.succeededWithRetry)
        print(retry.totals.failedWithoutRetry, retry.totals.failedWithRetry, retry.totals.cancelled)
        print(retry.totals.attempts, retry.totals.refusedByBudget, retry.totals.hintsIgnored)
        print(budget.balance, budget.totals.granted, budget.totals.refused)
        #expect(retry.totals.attempts == 4 && budget.totals.granted == 2)

        var shorter = retry.configuration
        shorter.maxAttempts = 2
        try retry.update(shorter)
        #expect(await retry.run { throw GatewayError() }.attempts == 2)
    }

    @Test("in tests")
    func manualClock() async throws {
        let clock = ManualClock()
        let tested = try Retry(.exponential(from: .seconds(1)), clock: clock, random: .constant(1))
        let operation = ScriptedOperation(clock: clock, [.failure(InjectedFailure()), .success("quote")])

        let call = Task { try await tested.execute { try await operation() } }
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        #expect(try await call.value == "quote")
        #expect(tested.totals.succeededWithRetry == 1)
    }
}
