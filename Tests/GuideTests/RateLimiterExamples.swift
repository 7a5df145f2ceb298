import RateLimiters
import ResilienceCore
import ResilienceTesting
import Retries
import Testing

@Suite("Guides/RateLimiter.md")
struct RateLimiterExamples {
    let gateway = Gateway()
    let order = Order()
    let connection = Client()
    let client = Client()
    let request = "GET /"

    private func makeLimiter() throws -> RateLimiter {
        try RateLimiter("quotes", .tokenBucket(100, per: .seconds(1), burst: 20), clock: ManualClock())
    }

    @Test("the first limiter")
    func first() async throws {
        let limiter = try RateLimiter("quotes", .tokenBucket(100, per: .seconds(1), burst: 20))
        let quote = try await limiter.execute { try await gateway.latestQuote() }
        #expect(quote == Quote())

        let quotes = try Policy("quotes") {
            Retry.layer()
            RateLimiter.layer(.tokenBucket(100, per: .seconds(1), burst: 20))
        }
        #expect(quotes.rateLimiters.map(\.available) == [20])
    }

    @Test("when a call is rejected")
    func rejected() async throws {
        let quotes = try makeLimiter()
        quotes.drain()
        var response = Response()
        do {
            _ = try await quotes.execute { try await gateway.latestQuote() }
        } catch let rejection as RateLimiter.RejectedError {
            print(rejection)  // rate limiter "quotes" is at its limit; retry after 10 milliseconds
            response.retryAfter = rejection.retryAfter
        }
        #expect(response.retryAfter == .milliseconds(10))
    }

    @Test("waiting")
    func waiting() async throws {
        let patient = try RateLimiter("quotes", .tokenBucket(100, per: .seconds(1), burst: 20), maxWait: .seconds(2))
        let quote = try await patient.execute { try await gateway.latestQuote() }

        try await patient.acquire()  // or without a closure
        try await patient.acquire(maxWait: .seconds(10))  // with a longest wait of its own
        if patient.tryAcquire() { print("at once") }  // never waits
        #expect(quote == Quote() && patient.totals.permitted == 4)
    }

    @Test("weights")
    func weights() async throws {
        let limiter = try makeLimiter()
        let batch = 5
        try await limiter.setting(RateLimiter.Permits.self, to: batch).execute { try await connection.send(request) }
        try await limiter.acquire(3)
        #expect(limiter.available == 12)
    }

    @Test("reservations", arguments: [0, 20])
    func reservations(used: Int) async throws {
        let limiter = try RateLimiter("slow", .tokenBucket(1, per: .seconds(1), burst: 20), clock: ManualClock())
        #expect(limiter.tryAcquire(used))
        let reservation = try limiter.reserve(2)
        if reservation.delay < .seconds(1) {
            try await reservation.wait()  // then the permits are used
            try await connection.send(request)
        } else {
            reservation.cancel()  // they are returned, and those behind move up
        }
        #expect(limiter.available == (used == 0 ? 18 : 0) && limiter.promised == 0)
        #expect(throws: RateLimiter.RejectedError.self) { _ = try limiter.reserve(20, maxWait: .seconds(1)) }
    }

    @Test("one limit for each key")
    func keyed() async throws {
        let perTenant = try KeyedRateLimiter<String>("api", .tokenBucket(10, per: .seconds(1), burst: 20))
        let answer = try await perTenant.execute(for: "acme") { try await client.get("/") }
        if perTenant.tryAcquire(for: "umbrella") { try await connection.send(request) }
        #expect(answer == Response() && perTenant.count == 2)
    }

    @Test("one limit for each key, in a policy")
    func keyedLayer() async throws {
        enum Tenant: ContextKey { typealias Value = String }

        let api = try Policy("api") {
            KeyedRateLimiter<String>.layer(.init(rule: .tokenBucket(10, per: .seconds(1)))) { context in
                context[Tenant.self] ?? "unknown"
            }
        }
        let answer = try await api.setting(Tenant.self, to: "acme").execute { try await client.get("/") }
        #expect(answer == Response())
        #expect(api.keyedRateLimiters(by: String.self).map(\.count) == [1])
    }

    @Test("when all places are taken")
    func strict() throws {
        let strict = try KeyedRateLimiter<String>(
            "logins",
            .init(rule: .slidingLog(5, per: .seconds(60)), maxKeys: 50_000, whenFull: .refusesNewKeys)
        )
        print(strict.available(for: "alice"), strict.nextPermit(for: "alice"), strict.count)
        strict.drain(for: "mallory")  // takes away what is there now
        #expect(strict.available(for: "mallory") == 0 && strict.available(for: "alice") == 5)
    }

    @Test("adaptive throttling")
    func throttle() async throws {
        let throttle = try AdaptiveThrottle(
            "payments",
            .init(handles: .errors { error in (error as? GatewayError)?.isServerError == true })
        )
        let receipt = try await throttle.execute { try await gateway.charge(order) }
        print(throttle.rejectionProbability)  // 0 while the service takes calls on
        #expect(receipt == Receipt() && throttle.rejectionProbability == 0)
    }

    @Test("retuning")
    func retuning() throws {
        let limiter = try makeLimiter()
        try limiter.update(.init(rule: .tokenBucket(50, per: .seconds(1), burst: 10)))
        limiter.drain()  // takes away all permits that are there now
        #expect(limiter.available == 0 && limiter.nextPermit == .milliseconds(20))
        let document: ConfigurationValue = [
            "rule": ["kind": "tokenBucket", "permits": 50, "period": "1s", "burst": 10], "maxWait": "2s",
        ]
        let configuration = try RateLimiter.Configuration(document)
        #expect(configuration.rule == limiter.configuration.rule && configuration.maxWait == .seconds(2))
    }

    @Test("reading")
    func reading() throws {
        let limiter = try makeLimiter()
        print(limiter.available)  // permits for the next who asks
        print(limiter.nextPermit)  // how long one would wait now
        print(limiter.waiting, limiter.promised)
        print(limiter.totals.rejected)  // permitted, rejected, cancelled, waited; they only grow
        #expect(limiter.available == 20 && limiter.nextPermit == .zero)
    }

    @Test("in tests")
    func tests() async throws {
        let clock = ManualClock()
        let tested = try RateLimiter("quotes", .tokenBucket(1, per: .seconds(1)), maxWait: .seconds(5), clock: clock)
        #expect(tested.tryAcquire())
        let waiting = Task { try await tested.execute { try await gateway.latestQuote() } }
        try await clock.waitForTimers(1)  // it waits for its permit
        clock.advance(by: .seconds(1))
        _ = try await waiting.value
    }
}
