import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization
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
            "search", endpoints: endpoints(count), routing: routing, hedge: hedge, .init(sendOutcome: outcomeOf),
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
        #expect(try HTTPEndpoint("http://[::1]:80").authority == "[::1]:80")
        #expect(try HTTPEndpoint("http://localhost").scheme == "http")
        for weight in [0, -1, .nan, .infinity] as [Double] {
            #expect(throws: ConfigurationError.self) { try HTTPEndpoint("http://a", weight: weight) }
        }
    }
}
