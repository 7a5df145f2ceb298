import Foundation
import Resilience
import ResilienceURLSession
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite("Guides/HTTP.md")
struct HTTPExamples {
    struct ConnectionRefused: Error {}

    let client = Client(status: 200)

    @Test("a session")
    func session() async throws {
        // Nobody listens there: what is shown is what is typed.
        let url = try #require(URL(string: "http://127.0.0.1:1/"))
        func example() async throws {
            let api = try ResilientURLSession(name: "api")
            let (body, response) = try await api.data(from: url)
            print(body, response)
        }
        await #expect(throws: (any Error).self) { try await example() }
    }

    @Test("settings, a module, fields and another client")
    func settings() async throws {
        let api = try ResilientURLSession(name: "api")
        var configuration = HTTPPipeline.Configuration(totalLimit: .seconds(5), attemptLimit: .seconds(2))
        configuration.retry?.maxAttempts = 3
        configuration.bulkhead = .init(limit: .adaptive(.gradient2()))
        let quotes = try ResilientURLSession(name: "quotes", pipeline: configuration)
        #expect(quotes.pipeline.name == "quotes")

        let resilience = try ResilienceModule("shop") {
            Registration("api", api.pipeline.policies)
        }
        try resilience.update(.init(["families": ["api": ["retry": ["maxAttempts": 2], "timeout": ["20s", "4s"]]]]))
        #expect(api.pipeline.policy(for: "a").description.hasPrefix("Timeout(20s) → Retry(2)"))

        configuration.deadlineField = try HTTPDeadlineField("x-request-timeout-ms", .milliseconds)
        configuration.priorityField = .standard  // Priority: u=1

        configuration.sendOutcome = { error in error is ConnectionRefused ? .neverSent : .perhapsRan }
        let pipeline = try HTTPPipeline("maps", configuration)
        let tile = try await pipeline.execute(
            to: "maps.example.com", HTTPReplay(method: "GET"),
            reading: { .init(status: $0.status) { _ in [] } }
        ) { context in
            try await client.get("/tile/1", timeout: context.remaining)
        }
        #expect(tile.status == 200)
    }

    @Test("rules and fields")
    func rules() throws {
        var rule = HTTPResponseRule(statuses: .transient.removing(500).adding(423))
        rule.maxHint = .seconds(60)
        let failure = rule.failure(status: 503, headers: { $0 == "retry-after" ? ["1.5"] : [] })
        print(failure?.retryAfter as Any)  // 1.5 seconds
        #expect(failure?.retryAfter == .milliseconds(1500))

        let left = UnreadableFields.shared.deadline(.grpcTimeout) { $0 == "grpc-timeout" ? ["1500m"] : [] }
        print(left as Any)  // 1.5 seconds
        #expect(left == .milliseconds(1500))
    }

    @Test("several endpoints")
    func endpoints() async throws {
        let search = try HTTPHedgingPipeline(
            "search",
            endpoints: [HTTPEndpoint("https://eu.example.com"), HTTPEndpoint("https://us.example.com")],
            routing: .ordered, hedge: .init(delay: .fixed(.milliseconds(300))))
        #expect(search.endpoints.count == 2)

        let page = try await search.execute(
            HTTPReplay(method: "GET"),
            reading: { (response: Response) in .init(status: response.status) { _ in [] } }
        ) { endpoint, context in
            try await client.get("\(endpoint.url)/search?q=tea", timeout: context.remaining)
        }
        #expect(page.status == 200)
    }
}
