import Foundation
import Resilience
import ResilienceFiles
import Testing

@Suite("Guides/Configuration.md")
struct ConfigurationExamples {
    struct Settings: Sendable {
        func fetch() async throws -> ResilienceModule.Configuration? { nil }
    }

    let settings = Settings()

    static func documents() throws -> [Data] {
        let guide = GuideBlocksTests.root.appending(path: "Guides/Configuration.md")
        return try String(contentsOf: guide, encoding: .utf8).matches(of: /```json\n((?s:.*?))```/)
            .map { Data(String($0.1).utf8) }
    }

    @Test("the first document, and faults")
    func first() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "guide-\(UUID().uuidString).json")
        try #require(Self.documents().first).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let resilience = try ResilienceModule("shop", configuration: .init(contentsOf: file)) {
            Registration("payments") {
                Retry.layer(.exponential(), maxAttempts: 3)
                CircuitBreaker.layer()
            }
        }
        resilience.watch(file)  // while run() runs
        #expect(try resilience.retry("payments").configuration.maxAttempts == 5)

        try resilience.update(.init(["policies": ["payments": ["retry": ["maxAttempts": 4]]]]))
        #expect(try resilience.retry("payments").configuration.maxAttempts == 4)

        do {
            try resilience.update(.init(["policies": ["payments": ["retry": ["maxAttempts": 0, "maxDelai": "1s"]]]]))
        } catch {
            for fault in error.faults { print(fault) }
            // policies.payments.retry.maxDelai: "1s" is for an unknown key; did you mean maxDelay?
            // policies.payments.retry.maxAttempts: 0 is below 1
        }
        let error = #expect(throws: ConfigurationError.self) {
            try resilience.update(.init(["policies": ["payments": ["retry": ["maxAttempts": 0, "maxDelai": "1s"]]]]))
        }
        #expect(
            error?.faults.map(\.description) == [
                "policies.payments.retry.maxDelai: \"1s\" is for an unknown key; did you mean maxDelay?",
                "policies.payments.retry.maxAttempts: 0 is below 1",
            ])

        resilience.reload(every: .seconds(30)) {
            try await settings.fetch()  // nil if nothing has changed
        }
    }

    /// What the guide's documents are about.
    static func module() throws -> ResilienceModule {
        let pages = try StaleWhileRevalidate<Int>("pages", .init(freshFor: .seconds(1), staleFor: .seconds(60)))
        return try ResilienceModule {
            Registration("payments") {
                Retry.layer()
                CircuitBreaker.layer()
            }
            Registration(fallback: "quotes", for: Int.self) {
                .lastGood(maxAge: .seconds(60))
                    .step("spare") { error in throw error }
            }
            Registration("pages", pages)
        }
    }

    @Test("every document of the guide can be put in force")
    func allDocuments() throws {
        let documents = try Self.documents()
        #expect(documents.count == 3)
        for document in documents {
            let module = try Self.module()
            try module.update(JSONDecoder().decode(ResilienceModule.Configuration.self, from: document))
            try module.update(module.effectiveConfiguration)
        }
        let module = try Self.module()
        try module.update(JSONDecoder().decode(ResilienceModule.Configuration.self, from: documents[2]))
        #expect(
            try module.fallback("quotes", for: Int.self).configuration.document["steps"] == [
                "last good": ["maxAge": "2m", "capacity": 1000], "spare": ["limit": 4, "timeout": "200ms"],
            ])
        #expect(try module.component(StaleWhileRevalidate<Int>.self, "pages").configuration.freshFor == .seconds(10))
        try module.update(JSONDecoder().decode(ResilienceModule.Configuration.self, from: documents[1]))
        #expect(try module.policy("reports").description == "Retry(2) → CircuitBreaker(database) → Timeout(800ms)")
        #expect(try module.retry("reports").configuration.document["backoff"] == "10ms")
        #expect(try module.hedgedPolicy("reports").hedge.currentDelay == .milliseconds(50))
        let budget = try module.retryBudget("shared")
        #expect(try module.retry("payments").configuration.budget as? RetryBudget === budget)
    }

    /// The keys that the tables of the guide name for each pattern, and those that there are.
    @Test("the guide names every key of every pattern")
    func keys() throws {
        let guide = try String(
            contentsOf: GuideBlocksTests.root.appending(path: "Guides/Configuration.md"), encoding: .utf8)
        let fallback = Fallback<Int>.Configuration {
            .lastGood(maxAge: .seconds(1), name: "steps").step("exhaustion") { error in throw error }
        }
        let limits: [Bulkhead.Limit] = [
            .fixed(1), .adaptive(.aimd()), .adaptive(.vegas()), .adaptive(.gradient2()),
            .adaptive(.windowed(.vegas())),
        ]
        let documents: [(part: String, ConfigurationValue)] =
            [
                described(Retry.Configuration()), described(CircuitBreaker.Configuration()),
                described(Hedge.Configuration()), described(AdaptiveThrottle.Configuration()),
                described(RetryBudget.Configuration.ratio(0.2)), described(RetryBudget.Configuration.throttle()),
                described(RetryBudget.Configuration.quota()), described(fallback),
                described(RateLimiter.Configuration(rule: .tokenBucket(1, per: .seconds(1)))),
                // In the paragraph of the limiter without keys.
                (
                    "rateLimiter",
                    RateLimiter.KeyedConfiguration(rule: .tokenBucket(1, per: .seconds(1))).document
                ),
                described(StaleWhileRevalidateConfiguration(freshFor: .seconds(1), staleFor: .seconds(1))),
            ] + limits.map { described(Bulkhead.Configuration(limit: $0, queue: .init(capacity: 1))) }
        for (name, document) in documents {
            let start = try #require(guide.range(of: "\n**`\(name)`**"), "\(name)").upperBound
            let rest = guide[start...]
            let part = rest[..<(rest.firstRange(of: "\n**`")?.lowerBound ?? rest.endIndex)]
            for key in keys(of: document) {
                #expect(part.contains("`\(key)`") || part.contains("\"\(key)\""), "\(key) of \(name)")
            }
        }
    }

    private func described<Part: DocumentRepresentable>(_ part: Part) -> (part: String, ConfigurationValue) {
        (Part.documentKey, part.document)
    }

    private func keys(of value: ConfigurationValue) -> [String] {
        guard case .object(let values) = value else { return [] }
        return values.flatMap { [$0.key] + keys(of: $0.value) }
    }
}
