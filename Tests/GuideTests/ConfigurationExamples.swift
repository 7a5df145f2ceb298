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

    @Test("every document of the guide can be put in force")
    func allDocuments() throws {
        let documents = try Self.documents()
        #expect(documents.count == 2)
        for document in documents {
            let module = try ResilienceModule {
                Registration("payments") {
                    Retry.layer()
                    CircuitBreaker.layer()
                }
            }
            try module.update(JSONDecoder().decode(ResilienceModule.Configuration.self, from: document))
            try module.update(module.effectiveConfiguration)
        }
        let module = try ResilienceModule {
            Registration("payments") {
                Retry.layer()
                CircuitBreaker.layer()
            }
        }
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
        let documents: [ConfigurationValue] = [
            Retry.Configuration().document, CircuitBreaker.Configuration().document, Hedge.Configuration().document,
            AdaptiveThrottle.Configuration().document, RetryBudget.Rule.ratio(0.2).document,
            RetryBudget.Rule.throttle().document, RetryBudget.Rule.quota().document,
            RateLimiter.Configuration(rule: .tokenBucket(1, per: .seconds(1))).document,
            RateLimiter.KeyedConfiguration(rule: .tokenBucket(1, per: .seconds(1))).document,
        ]
        func check(_ value: ConfigurationValue) {
            guard case .object(let values) = value else { return }
            for (key, value) in values {
                #expect(guide.contains("`\(key)`") || guide.contains("\"\(key)\""), "\(key)")
                check(value)
            }
        }
        documents.forEach(check)
    }
}
