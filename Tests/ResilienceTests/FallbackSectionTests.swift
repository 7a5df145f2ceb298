import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Documents: fallbacks and stale-while-revalidate", .timeLimit(.minutes(30)))
struct FallbackSectionTests {
    private static let document: ConfigurationValue = [
        "templates": [
            "short": ["fallback": ["exhaustion": "exhaustedError", "steps": ["last good": ["maxAge": "2s"]]]]
        ],
        "fallbacks": [
            "quotes": ["inherits": "short", "steps": ["spare": ["limit": 1, "timeout": "40ms"]]],
            "rates": ["steps": ["last good": ["maxKeys": 5]]],
        ],
        "staleWhileRevalidates": ["pages": ["freshFor": "1s", "maxKeys": 2]],
    ]

    private func stage(_ document: ConfigurationValue = [:]) throws -> Stage {
        let stage = try Stage(document) {
            Registration(fallback: "quotes", for: Int.self) {
                .lastGood(maxAge: .seconds(60))
                    .step("spare", limit: 4) { error in throw error }
                    .value(0)
            }
            Registration("rates", for: String.self) {
                CircuitBreaker.layer()
            } fallback: {
                .lastGood(maxAge: .seconds(60))
            }
        }
        return stage
    }

    private func register(_ module: ResilienceModule, _ clock: ManualClock) throws -> KeyedStaleWhileRevalidate<
        Int, Int
    > {
        let pages = try KeyedStaleWhileRevalidate<Int, Int>(
            "pages", .init(freshFor: .seconds(10), staleFor: .seconds(100)), clock: clock)
        try module.register(Registration("pages", pages))
        return pages
    }

    private func steps(_ stage: Stage) throws -> ConfigurationValue? {
        try stage.module.fallback("quotes", for: Int.self).configuration.document["steps"]
    }

    @Test("steps are configured by their names, and go back to what code declares")
    func steps() throws {
        let stage = try stage()
        let pages = try register(stage.module, stage.clock)
        let declared: ConfigurationValue = [
            "last good": ["maxAge": "1m", "maxKeys": 1000], "spare": ["limit": 4, "timeout": nil],
        ]
        #expect(try steps(stage) == declared)
        try stage.module.update(.init(Self.document))
        #expect(
            try steps(stage) == [
                "last good": ["maxAge": "2s", "maxKeys": 1000], "spare": ["limit": 1, "timeout": "40ms"],
            ])
        #expect(try stage.module.fallback("quotes", for: Int.self).configuration.exhaustion == .exhaustedError)
        let rates = try stage.module.fallbackPolicy("rates", for: String.self).fallback
        #expect(rates.configuration.document["steps"] == ["last good": ["maxAge": "1m", "maxKeys": 5]])
        #expect(
            pages.configuration == .init(freshFor: .seconds(1), staleFor: .seconds(100), maxKeys: 2, maxRefreshes: 8))

        let effective = stage.module.effectiveConfiguration.document
        #expect(
            try effective["fallbacks"]?["quotes"]
                == stage.module.fallback("quotes", for: Int.self).configuration.document
        )
        #expect(effective["fallbacks"]?["rates"] == rates.configuration.document)
        #expect(effective["staleWhileRevalidates"]?["pages"] == pages.configuration.document)
        try stage.module.update(.init(effective))
        #expect(stage.module.effectiveConfiguration.document == effective)

        try stage.module.update(.init(["fallbacks": ["quotes": ["steps": ["spare": ["limit": nil]]]]]))
        #expect(try steps(stage)?["spare"] == ["limit": nil, "timeout": nil])
        try stage.module.update(.init())
        #expect(try steps(stage) == declared)
        #expect(try stage.module.fallback("quotes", for: Int.self).configuration.exhaustion == .originalError)
        #expect(rates.configuration.document["steps"] == ["last good": ["maxAge": "1m", "maxKeys": 1000]])
        #expect(pages.configuration == .init(freshFor: .seconds(10), staleFor: .seconds(100)))
    }

    @Test("X-19: last good values and totals stay, and are judged by the new age")
    func lastGood() async throws {
        let stage = try stage()
        _ = try register(stage.module, stage.clock)
        let quotes = try stage.module.fallback("quotes", for: Int.self)
        #expect(try await quotes.execute { 7 } == 7)
        stage.clock.advance(by: .seconds(3))
        #expect(try await quotes.execute { throw InjectedFailure() } == 7)
        try stage.module.update(.init(Self.document))
        // Too old now, so that the last step answers.
        #expect(try await quotes.execute { throw InjectedFailure() } == 0)
        #expect(quotes.lastGood?.value == 7 && quotes.totals.served == 2)
        try stage.module.update(.init())
        #expect(try await quotes.execute { throw InjectedFailure() } == 7)
        #expect(quotes.totals.served == 3)
    }

    @Test("X-19: kept values stay, as many as fit, and are judged by the new times")
    func revalidation() async throws {
        let stage = try stage()
        let pages = try register(stage.module, stage.clock)
        for key in 1...3 { #expect(try await pages.execute(for: key) { key } == key) }
        stage.clock.advance(by: .seconds(5))
        #expect(await pages.run(for: 3) { 0 }.servedBy?.step == "fresh")
        try stage.module.update(.init(Self.document))
        #expect(pages.keptCount == 2)
        #expect(await pages.run(for: 3) { 4 }.servedBy?.step == "stale")
        await pages.waitForRefreshes()
        #expect(pages.kept(for: 3)?.value == 4)
    }

    @Test("faults are reported with their paths, and change nothing")
    func faults() throws {
        let stage = try stage()
        _ = try register(stage.module, stage.clock)
        try stage.module.update(.init(Self.document))
        let before = stage.state
        let found = stage.faults([
            "defaults": ["fallback": ["exhaustion": "exhaustedError"], "staleWhileRevalidate": ["maxKeys": 1]],
            "templates": ["t": ["staleWhileRevalidate": ["freshfor": "1s"]]],
            "fallbacks": [
                "quotes": [
                    "steps": [
                        "last good": ["maxAge": "0s", "limit": 3], "spar": ["limit": 1], "spare": ["limit": 0],
                        "value": ["limit": 1],
                    ],
                    "exhaustion": "none",
                ],
                "quote": [:],
            ],
            "staleWhileRevalidates": [
                "pages": ["freshFor": "-1s", "staleFor": 5, "maxRefreshes": 0], "page": ["freshFor": "1s"],
            ],
        ])
        #expect(
            found.sorted() == [
                "defaults.fallback: {…} is for an unknown key",
                "defaults.staleWhileRevalidate: {…} is for an unknown key",
                "fallbacks.quote: {} is for a fallback that is not registered; did you mean quotes?; register it in "
                    + "code first",
                "fallbacks.quotes.exhaustion: \"none\" is none of originalError, exhaustedError",
                "fallbacks.quotes.steps.\"last good\".limit: 3 is for an unknown key",
                "fallbacks.quotes.steps.\"last good\".maxAge: \"0s\" is outside 1 ns...292 years",
                "fallbacks.quotes.steps.spar: {…} is for an unknown key; did you mean spare?",
                "fallbacks.quotes.steps.spare.limit: 0 is below 1",
                "fallbacks.quotes.steps.value.limit: 1 is for an unknown key",
                "staleWhileRevalidates.page: {…} is for a stale-while-revalidate that is not registered; did you mean "
                    + "pages?; register it in code first",
                "staleWhileRevalidates.pages.freshFor: \"-1s\" is outside 0 s...292 years",
                "staleWhileRevalidates.pages.maxRefreshes: 0 is below 1",
                "staleWhileRevalidates.pages.staleFor: 5 is a number without a unit; write \"5s\" or \"5ms\"",
                "templates.t.staleWhileRevalidate.freshfor: \"1s\" is for an unknown key; did you mean freshFor?",
            ])
        #expect(stage.state == before)
    }

    @Test("fallbacks and stale-while-revalidate are no layers of a policy, which a document cannot make")
    func noLayers() throws {
        let stage = try stage()
        #expect(
            stage.faults([
                "policies": ["rates": ["fallback": [:]], "x": ["layers": ["fallback", "staleWhileRevalidate"]]]
            ]) == [
                "policies.rates.fallback: {} is for an unknown key",
                "policies.x.layers[0]: \"fallback\" is the key of no pattern",
                "policies.x.layers[1]: \"staleWhileRevalidate\" is the key of no pattern",
            ])
    }
}
