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
        let settings = try #require(P.formBases.last { (try? $0.validate()) != nil }, "\(type)")
        let pattern = try P.make(settings, in: PolicyEnvironment(name: "p"))
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
