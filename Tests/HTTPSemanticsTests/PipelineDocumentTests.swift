import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@testable import HTTPSemantics

@Suite("Pipelines in a module's document")
struct PipelineDocumentTests {
    let clock = ManualClock()

    private func module(_ pipeline: HTTPPipeline) throws -> ResilienceModule {
        try ResilienceModule("shop", clock: clock) { Registration("api", pipeline.policies) }
    }

    private func faults(_ module: ResilienceModule, _ document: ConfigurationValue) -> [String] {
        do {
            try module.update(.init(document))
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    @Test("Every number of the pipeline is one of the document, and goes back when the document says nothing")
    func numbers() throws {
        let pipeline = try HTTPPipeline("api", clock: clock)
        let module = try module(pipeline)
        let policy = pipeline.policy(for: "a.example")
        let before = module.effectiveConfiguration.document["families"]?["api"]
        let document: ConfigurationValue = [
            "families": [
                "api": [
                    "maxKeys": 7, "idleLimit": "5s", "timeout": ["20s", "4s"], "retry": ["maxAttempts": 2],
                    "pause": ["maxPause": "9s", "hintJitter": 0.25, "maxWaiting": 3],
                    "circuitBreaker": ["window": ["duration": "60s"]], "bulkhead": ["limit": 5],
                ]
            ]
        ]
        #expect(faults(module, document) == [])
        let pause = try #require(policy.pauses.first)
        #expect(pause.configuration == .init(maxPause: .seconds(9), hintJitter: 0.25, maxWaiting: 3))
        #expect(pipeline.policies.maxKeys == 7)
        #expect(pipeline.policies.idleLimit == .seconds(5))
        #expect(policy.bulkheads.first?.limit == 5)
        #expect(pipeline.policy(for: "new.example").pauses.first?.configuration.maxWaiting == 3)
        for number in 0..<100 { _ = pipeline.policy(for: "\(number).example") }
        #expect(pipeline.policies.count <= 7)
        #expect(module.effectiveConfiguration.document["families"]?["api"]?["maxKeys"] == 7)

        #expect(faults(module, [:]) == [])
        #expect(module.effectiveConfiguration.document["families"]?["api"] == before)
        #expect(pipeline.policies.maxKeys == 500)
        #expect(pipeline.policy(for: "new.example").pauses.first?.configuration == .init())
    }

    @Test("A bound that becomes smaller holds at once, but for authorities with which something would be lost")
    func smaller() async throws {
        let pipeline = try HTTPPipeline("api", .init(retry: nil), clock: clock)
        let module = try module(pipeline)
        for number in 0..<60 {
            _ = try await pipeline.execute(
                to: "\(number)", HTTPReplay(method: "GET"), reading: head
            ) { _ in Answer(status: number < 5 ? 500 : 200) }
        }
        #expect(faults(module, ["families": ["api": ["maxKeys": 3]]]) == [])
        #expect(Set(pipeline.policies.members.map(\.key)) == ["0", "1", "2", "3", "4"])
    }

    @Test(
        "Settings that contradict each other after a reload are refused, by the place where they stand, and the old stay",
        arguments: [
            (
                ["timeout": ["5s", .null]],
                "families.api.timeout[1]: 10.0 seconds is longer than totalLimit, 5.0 seconds"
            ),
            (
                ["timeout": [.null, "31s"], "circuitBreaker": ["window": ["duration": "70s"]]],
                "families.api.timeout[1]: 31.0 seconds is longer than totalLimit, 30.0 seconds"
            ),
            (
                ["timeout": [.null, "20s"]],
                "families.api.circuitBreaker.window: 30.0 seconds is shorter than two attempts of attemptLimit, 20.0 seconds"
            ),
            (
                ["circuitBreaker": ["window": ["duration": "10s"]]],
                "families.api.circuitBreaker.window: 10.0 seconds is shorter than two attempts of attemptLimit, 10.0 seconds"
            ),
            (
                ["retry": ["maxDuration": "31s"]],
                "families.api.retry.maxDuration: 31.0 seconds is longer than totalLimit, 30.0 seconds"
            ),
            (["maxKeys": 0], "families.api.maxKeys: 0 is outside 1...1000000"),
            (["idleLimit": "0s"], "families.api.idleLimit: \"0s\" is outside 1 ns...292 years"),
            (["pause": ["hintJitter": 2]], "families.api.pause.hintJitter: 2 is outside 0.0...1.0"),
            (["maxKey": 4], "families.api.maxKey: 4 is for an unknown key"),
        ] as [(ConfigurationValue, String)])
    func contradictions(_ part: ConfigurationValue, _ fault: String) throws {
        let pipeline = try HTTPPipeline("api", clock: clock)
        let module = try module(pipeline)
        let policy = pipeline.policy(for: "a.example")
        #expect(faults(module, ["families": ["api": ["retry": ["maxAttempts": 2]]]]) == [])
        let before = module.effectiveConfiguration
        #expect(faults(module, ["families": ["api": part], "circuitBreakers": ["x": [:]]]) == [fault])
        #expect(module.effectiveConfiguration == before)
        #expect(policy.retries.first?.configuration.maxAttempts == 2)
        // A template can contradict what the code has said, too.
        if part["maxKeys"] == nil, part["idleLimit"] == nil, part["maxKey"] == nil, part["pause"] == nil {
            let inherited: ConfigurationValue = ["templates": ["t": part], "families": ["api": ["inherits": "t"]]]
            #expect(faults(module, inherited) == [fault])
        }
    }

    @Test("What a document changes together contradicts nothing, though each alone would")
    func together() throws {
        let pipeline = try HTTPPipeline("api", clock: clock)
        let module = try module(pipeline)
        let part: ConfigurationValue = [
            "timeout": ["60s", "25s"], "circuitBreaker": ["window": ["duration": "50s"]],
            "retry": ["maxDuration": "60s"],
        ]
        #expect(faults(module, ["families": ["api": part]]) == [])
    }

    @Test("A pipeline whose part of the document contradicts it is not registered")
    func atStart() throws {
        let pipeline = try HTTPPipeline("api", clock: clock)
        let module = try ResilienceModule("shop", clock: clock)
        // What is not registered is a fault of its own, so the part comes as a template.
        #expect(throws: ConfigurationError.self) {
            _ = try ResilienceModule(
                "other", configuration: .init(["families": ["api": ["timeout": ["1s", .null]]]]), clock: clock
            ) { Registration("api", pipeline.policies) }
        }
        try module.register(Registration("api", try HTTPPipeline("api", clock: clock).policies))
        #expect(faults(module, ["families": ["api": ["timeout": ["1s", .null]]]]).count == 1)
    }

    // MARK: Several endpoints

    private func hedging(_ configuration: HTTPPipeline.Configuration = .init()) throws -> HTTPHedgingPipeline {
        try HTTPHedgingPipeline(
            "search", configuration,
            endpoints: [HTTPEndpoint("https://a"), HTTPEndpoint("https://b"), HTTPEndpoint("https://c")],
            hedge: .init(delay: .fixed(.seconds(2)), maxHedges: 2), clock: clock)
    }

    @Test("The numbers of several endpoints are the document's: limits, hedge, failover, and what each has")
    func endpoints() throws {
        let search = try hedging()
        let module = try ResilienceModule("shop", clock: clock) { Registration("search", search) }
        let policy = search.policies["a"]
        let document: ConfigurationValue = [
            "timeouts": ["search": "12s"],
            "hedges": ["search": ["delay": "1s", "maxHedges": 1], "search failover": ["maxHedges": 1]],
            "families": ["search": ["timeout": "3s", "pause": ["maxPause": "5s"], "maxKeys": 10]],
        ]
        #expect(faults(module, document) == [])
        #expect(search.hedge.configuration.maxHedges == 1)
        #expect(search.failover.configuration.maxHedges == 1)
        #expect(policy.pauses.first?.configuration.maxPause == .seconds(5))
        #expect(try module.family("search", by: String.self) === search.policies)
        #expect(faults(module, [:]) == [])
        #expect(search.hedge.configuration.maxHedges == 2)
    }

    @Test(
        "Hedges that cannot start after a reload are refused, and so are an attempt and a window that do not fit",
        arguments: [
            (
                ["hedges": ["search": ["delay": "15s"]]],
                "hedges.search.delay: 30.0 seconds is when a hedge is to start, and not before totalLimit, 30.0 seconds"
            ),
            (
                ["timeouts": ["search": "3s"], "families": ["search": ["timeout": "3s"]]],
                "hedges.search.delay: 4.0 seconds is when a hedge is to start, and not before totalLimit, 3.0 seconds"
            ),
            (
                ["hedges": ["search": ["maxHedges": 3]]],
                "hedges.search.maxHedges: 3 is more than the other endpoints, 2"
            ),
            (
                ["hedges": ["search failover": ["maxHedges": 4]]],
                "hedges.search failover.maxHedges: 4 is more than the other endpoints, 2"
            ),
            (
                ["timeouts": ["search": "8s"]],
                "families.search.timeout: 10.0 seconds is longer than totalLimit, 8.0 seconds"
            ),
            (
                ["families": ["search": ["timeout": "16s"]]],
                "families.search.circuitBreaker.window: 30.0 seconds is shorter than two attempts of attemptLimit, 16.0 seconds"
            ),
        ] as [(ConfigurationValue, String)])
    func hedges(_ document: ConfigurationValue, _ fault: String) throws {
        let search = try hedging()
        let module = try ResilienceModule("shop", clock: clock) { Registration("search", search) }
        let before = module.effectiveConfiguration
        #expect(faults(module, document) == [fault])
        #expect(module.effectiveConfiguration == before)
        #expect(search.hedge.configuration.maxHedges == 2)
    }

    @Test("Endpoints without limits of time have nothing that could contradict a delay")
    func withoutLimits() throws {
        let search = try hedging(
            .init(totalLimit: nil, retry: nil, circuitBreaker: nil, bulkhead: nil, attemptLimit: nil))
        let module = try ResilienceModule("shop", clock: clock) { Registration("search", search) }
        #expect(faults(module, ["hedges": ["search": ["delay": "90s"]]]) == [])
    }
}
