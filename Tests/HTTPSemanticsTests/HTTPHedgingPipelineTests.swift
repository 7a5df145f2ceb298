import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization
import TestSupport
import Testing

@testable import HTTPSemantics

@Suite("The standard hedging pipeline")
struct HTTPHedgingPipelineTests {
    let clock = ManualClock()
    let get = HTTPReplay(method: "GET")

    private func endpoints(_ count: Int) throws -> [HTTPEndpoint] {
        try (0..<count).map { try HTTPEndpoint("https://\($0).example", weight: $0 == 0 ? 8 : 1) }
    }

    private func pipeline(
        _ count: Int = 3, _ hedge: Hedge.Configuration = .init(delay: .fixed(.seconds(2)), maxHedges: 2),
        routing: HTTPHedgingPipeline.Routing = .ordered, random: RandomSource = .constant(0.5)
    ) throws -> HTTPHedgingPipeline {
        try HTTPHedgingPipeline(
            "search", .init(sendOutcome: outcomeOf), endpoints: endpoints(count), routing: routing, hedge: hedge,
            clock: clock, random: random)
    }

    @Test("Each attempt goes to another endpoint, and the first good answer is the call's")
    func failures() async throws {
        let pipeline = try pipeline()
        let asked = Shared<[String]>([])
        let answer = try await pipeline.execute(get, reading: head) { endpoint, _ in
            asked.withLock { $0.append(endpoint.authority) }
            return endpoint.authority == "2.example" ? Answer.ok : Answer(status: 503)
        }
        #expect(answer == .ok)
        #expect(asked.withLock { $0 } == ["0.example", "1.example", "2.example"])
    }

    @Test("An endpoint that is slow is overtaken by the next")
    func slow() async throws {
        let pipeline = try pipeline()
        let (result, _) = try await driven(clock) { [clock] in
            try await pipeline.execute(get, reading: head) { endpoint, _ in
                if endpoint.authority == "0.example" { try await clock.sleep(for: .seconds(9)) }
                return Answer(status: 200, fields: ["from": endpoint.authority])
            }
        }
        #expect(try result.get().fields["from"] == "1.example")
        #expect(pipeline.hedge.totals.hedges == 1)
    }

    @Test("What may not run twice at once goes to the next endpoint only after a failure that allows it")
    func unsafe() async throws {
        let asked = Shared<[String]>([])
        func run(_ method: String, _ result: Result<Answer, any Error>) async throws -> Int {
            asked.withLock { $0 = [] }
            _ = try? await pipeline().execute(HTTPReplay(method: method, body: .bytes), reading: head) { endpoint, _ in
                asked.withLock { $0.append(endpoint.authority) }
                return try result.get()
            }
            return asked.withLock { $0.count }
        }
        #expect(try await run("PUT", .success(Answer(status: 503))) == 3)
        #expect(try await run("POST", .success(Answer(status: 503))) == 1)
        #expect(try await run("POST", .failure(ClientError(outcome: .perhapsRan))) == 1)
        #expect(try await run("POST", .failure(ClientError(outcome: .neverSent))) == 3)
        #expect(try await run("GET", .failure(ClientError(outcome: .permanent))) == 1)
    }

    @Test(
        "What one endpoint says of when to try again holds for it alone: the next is asked at once",
        arguments: ["GET", "PUT"], ["5", "600", "0.2", "Sun, 06 Nov 2094 08:49:37 GMT"])
    func hints(_ method: String, _ retryAfter: String) async throws {
        let pipeline = try pipeline(3, .init(delay: .fixed(.seconds(20)), maxHedges: 1))
        let (result, slept) = try await driven(clock) {
            try await pipeline.execute(HTTPReplay(method: method), reading: head) { endpoint, _ in
                endpoint.authority == "0.example" ? .busy(retryAfter) : .ok
            }
        }
        #expect(try result.get() == .ok)
        #expect(slept == [])
        let paused = try #require(pipeline.policies["0.example"].strategies(Pause.self).first)
        #expect(paused.remaining != nil || retryAfter.count > 3)
    }

    @Test("An endpoint that has asked to wait is asked after the others", arguments: ["GET", "PUT", "POST"])
    func paused(_ method: String) async throws {
        let pipeline = try pipeline()
        func pause(_ endpoint: String) {
            pipeline.policies[endpoint].strategies(Pause.self).first?.pause(for: .seconds(9))
        }
        func asked() async throws -> (first: String?, slept: [Duration]) {
            let (result, slept) = try await driven(clock) {
                try await pipeline.execute(HTTPReplay(method: method), reading: head) { endpoint, _ in
                    Answer(fields: ["from": endpoint.authority])
                }
            }
            return (try result.get().fields["from"], slept)
        }
        for (paused, next) in [("0.example", "1.example"), ("1.example", "2.example")] {
            pause(paused)
            let (first, slept) = try await asked()
            #expect(first == next)
            #expect(slept == [])
        }
        // All of them: the call waits, as they were given.
        pause("2.example")
        let last = try await asked()
        #expect(method == "GET" || last.first == "0.example")
        #expect(!last.slept.isEmpty)
    }

    @Test("A failure that is thrown tells what the server said, also of when to try again")
    func thrownHint() async throws {
        let pipeline = try HTTPHedgingPipeline(
            "search", .init(sendOutcome: outcomeOf, throwsFailures: true), endpoints: endpoints(2), clock: clock)
        let failure = await #expect(throws: HTTPFailure.self) {
            try await pipeline.execute(get, reading: head) { _, _ in Answer.busy("7") }
        }
        #expect(failure?.retryAfter == .seconds(7))
    }

    @Test("A single endpoint is asked once")
    func single() async throws {
        let pipeline = try pipeline(1)
        let server = Server(.success(Answer(status: 500)))
        let answer = try await pipeline.execute(get, reading: head) { _, _ in try server.answer() }
        #expect(answer.status == 500)
        #expect(server.calls == 1)
    }

    @Test("An endpoint whose breaker is open is passed over")
    func open() async throws {
        let pipeline = try pipeline()
        pipeline.policies["0.example"].circuitBreakers.forEach { $0.open() }
        let answer = try await pipeline.execute(get, reading: head) { endpoint, _ in
            Answer(status: 200, fields: ["from": endpoint.authority])
        }
        #expect(answer.fields["from"] == "1.example")
    }

    @Test("Weighted routes begin as often as the weights say, and contain every endpoint once")
    func weighted() throws {
        let pipeline = try pipeline(routing: .weighted, random: .seeded(11))
        var first: [String: Int] = [:]
        for _ in 0..<2000 {
            let route = pipeline.route()
            #expect(Set(route).count == 3)
            first[route[0].authority, default: 0] += 1
        }
        #expect((1500...1700).contains(first["0.example"] ?? 0), "\(first)")
        #expect((140...260).contains(first["1.example"] ?? 0), "\(first)")
    }

    @Test("Hedges that cannot start, and endpoints that are none, are faults by their fields")
    func contradictions() throws {
        func faults(_ make: () throws -> HTTPHedgingPipeline) -> [String] {
            do {
                _ = try make()
                return []
            } catch {
                return (error as? ConfigurationError)?.faults.map(\.field) ?? ["\(error)"]
            }
        }
        #expect(faults { try pipeline(0) } == ["search.endpoints"])
        #expect(faults { try pipeline(2) } == ["search.hedge.maxHedges"])
        #expect(
            faults { try pipeline(3, .init(delay: .fixed(.seconds(15)), maxHedges: 2)) } == ["search.hedge.delay"])
        #expect(
            faults { try pipeline(3, .init(delay: .list([.seconds(1), .seconds(40)]), maxHedges: 2)) }
                == ["search.hedge.delay"])
        #expect(
            faults {
                let twice = try HTTPEndpoint("http://a")
                return try HTTPHedgingPipeline("search", endpoints: [twice, twice])
            } == ["search.endpoints"])
        #expect(
            faults {
                try HTTPHedgingPipeline("s", endpoints: endpoints(2), hedge: .init(delay: .fixed(.seconds(60))))
            } == ["s.hedge.delay"])
        // Each fault once, also where several parts have one, and where values are the same.
        let several = faults {
            var layers = HTTPPipeline.Configuration(totalLimit: .seconds(-1))
            layers.pause?.maxPause = .seconds(-1)
            layers.maxAuthorities = 0
            layers.circuitBreaker?.halfOpen.probes = 0
            return try HTTPHedgingPipeline(
                "s", layers, endpoints: endpoints(2), hedge: .init(delay: .fixed(.seconds(-1)), hintJitter: 2))
        }
        #expect(
            several == [
                "s.totalLimit", "s.attemptLimit", "s.maxAuthorities", "s.pause.maxPause",
                "s.circuitBreaker.halfOpen.probes", "s.hedge.delay", "s.hedge.hintJitter",
            ])
    }

    @Test(
        "An endpoint is the same however it is written",
        arguments: [
            ("https://eu.example", "HTTPS://EU.example:443"), ("http://eu.example:80/", "http://eu.example"),
            ("https://eu.example:8443", "https://eu.example:08443"), ("http://[::1]:80", "http://[::1]"),
        ])
    func sameEndpoint(_ one: String, _ other: String) throws {
        #expect(try HTTPEndpoint(one).authority == HTTPEndpoint(other).authority)
        #expect(throws: ConfigurationError.self) {
            try HTTPHedgingPipeline(endpoints: [HTTPEndpoint(one), HTTPEndpoint(other)])
        }
    }

    @Test("The usual port is that of the scheme")
    func usualPort() throws {
        #expect(try HTTPEndpoint("http://eu.example:443").authority == "eu.example:443")
        #expect(try HTTPEndpoint("https://eu.example:80").authority == "eu.example:80")
        #expect(try HTTPEndpoint("https://eu.example:443").url == "https://eu.example:443")
    }

    @Test(
        "What is no endpoint is a configuration error",
        arguments: [
            "", "https://", "ftp://a", "a.example", "https://a/b", "https://a?b", "https://u@a", "https://a:0",
            "https://a:70000", "https://a:", "https://a b", "https://a..b", "https://-a", "https://[::1", "https://[]",
            "https://a:+80", "https://é", "//a", "https:///", "http://[::g]", "http://[a-b]", "http://[::1%0]",
            "http://[x:y]:80",
        ])
    func malformed(_ url: String) {
        #expect(throws: ConfigurationError.self) { try HTTPEndpoint(url) }
    }

    @Test("Endpoints have a scheme, an authority and a weight")
    func endpoint() throws {
        #expect(try HTTPEndpoint("HTTPS://EU.Example.com:8443/").authority == "eu.example.com:8443")
        #expect(try HTTPEndpoint("http://[::1]:81").authority == "[::1]:81")
        #expect(try HTTPEndpoint("http://localhost").scheme == "http")
        for weight in [0, -1, .nan, .infinity] as [Double] {
            #expect(throws: ConfigurationError.self) { try HTTPEndpoint("http://a", weight: weight) }
        }
    }
}
