import ResilienceCore
import ResilienceTesting
import Testing

@testable import Resilience

/// What the compiler cannot demand of a pattern.
@Suite("The list of patterns")
struct PatternListTests {
    @Test("every pattern has a title, a section and a key of its own")
    func names() {
        let kinds = KnownPattern.types.map { $0.kind }
        #expect(Set(kinds).count == KnownPattern.allCases.count)
        #expect(Set(kinds.map(\.title)).count == kinds.count)
        #expect(Set(kinds.compactMap(\.section)).count == kinds.count)
        #expect(Set(KnownPattern.types.map { $0.documentKey }).count == kinds.count)
    }

    @Test("every pattern that a document can describe counts something, and keeps the observers that it is given")
    func observers() throws {
        for type in DocumentPatterns.described { try check(type) }
    }

    private func check<P: Pattern>(_ type: P.Type) throws {
        let pattern = try make(type)
        var metrics = MetricCollection()
        pattern.collect(into: &metrics, named: "p")
        #expect(!metrics.entries.isEmpty, "\(type)")

        weak var observer: Observer?
        do {
            let given = Observer()
            observer = given
            pattern.addObserver(given)
        }
        // A budget tells nothing: what it refuses is an event of who asked.
        #expect((observer != nil) == !(type == RetryBudget.self), "\(type)")
        withExtendedLifetime(pattern) {}
    }

    @Test("metrics that come to observe a pattern later measure what those measure that it was made with")
    func measures() throws {
        var measuring: [String] = []
        func compare(_ make: ([any PolicyObserver]) throws -> any Component) throws {
            let (early, late) = (CallMetrics(), CallMetrics())
            let pattern = try make([early])
            pattern.addObserver(late)
            let (expected, found) = (families(early), families(late))
            let title = type(of: pattern).kind.title
            #expect(found == expected, "\(title)")
            if !expected.isEmpty { measuring.append(title) }
            withExtendedLifetime(pattern) {}
        }
        for type in DocumentPatterns.described { try compare { try make(type, observers: $0) } }
        let second = Duration.seconds(1)
        let quota = SharedQuotaRule(permits: 100, period: second, burst: 20)
        let store = InMemoryRateStore(clock: ManualClock())
        try compare { try KeyedRateLimiter<Int>("p", .pacing(1, per: second), observers: $0) }
        try compare { try SharedRateLimiter("p", quota, through: store, observers: $0) }
        try compare { try SharedKeyedRateLimiter<Int>("p", quota, through: store, observers: $0) }
        try compare { try Fallback<Int>("p", observers: $0) { .value(1) } }
        #expect(
            measuring == [
                "retry", "circuit breaker", "bulkhead", "rate limiter", "keyed rate limiter", "shared rate limiter",
                "shared keyed rate limiter", "fallback",
            ])
    }

    private func families(_ calls: CallMetrics) -> [String] {
        MetricCollection(of: [calls]).entries.map(\.family.name)
    }

    private func make<P: Pattern>(_ type: P.Type, observers: [any PolicyObserver] = []) throws -> P {
        let settings = try #require(P.formBases.last { (try? $0.validate()) != nil }, "\(type)")
        return try P.make(settings, in: PolicyEnvironment(name: "p", observers: observers))
    }

    @Test("every pattern has a section for sources that ask for each key, and the schema knows it")
    func sections() {
        #expect(DocumentSection.all.map(\.key) == KnownPattern.types.map { $0.documentKey })
        for section in DocumentSection.all {
            #expect(ResilienceModule.documentSchema["properties"]?[section.name] != nil, "\(section.name)")
            #expect(ResilienceModule.documentSchema["$defs"]?[section.key] != nil, "\(section.key)")
        }
    }
}

private final class Observer: PolicyObserver {
    func observe(_ event: some PolicyEvent) {}
}
