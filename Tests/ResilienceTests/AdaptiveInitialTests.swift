import ResilienceCore
import ResilienceTesting
import Testing

@testable import Resilience

/// Where an adaptive limit begins, as a document says: over a limit that code declares, in every place.
@Suite("The initial of an adaptive limit", .timeLimit(.minutes(30)))
struct AdaptiveInitialTests {
    private static let algorithms: [(String, Bulkhead.Limit)] = [
        ("aimd", .adaptive(.aimd(initial: 20))), ("vegas", .adaptive(.vegas(initial: 20))),
        ("gradient2", .adaptive(.gradient2(initial: 20))),
    ]

    @Test("holds for every algorithm, at the start and later, in every place", arguments: 0..<3, 0..<4)
    func initial(algorithm: Int, place: Int) throws {
        let (word, limit) = Self.algorithms[algorithm]
        let part: ConfigurationValue = ["bulkhead": ["limit": .object([word: ["initial": 50]])]]
        let document: ConfigurationValue =
            switch place {
            case 0: ["policies": ["p": part]]
            case 1: ["bulkheads": ["b": part["bulkhead"] ?? .null]]
            case 2: ["families": ["f": part]]
            default: ["templates": ["t": part], "policies": ["p": ["inherits": "t"]]]
            }
        for isAtStart in [true, false] {
            let module = try ResilienceModule(
                "m", configuration: .init(isAtStart ? document : [:]), clock: ManualClock()
            ) {
                Registration("p") { Bulkhead.layer(.init(limit: limit)) }
                Registration("b", Bulkhead.layer(.init(limit: limit)))
                Registration(family: "f", by: Int.self, maxKeys: 3) { Bulkhead.layer(.init(limit: limit)) }
            }
            func live() throws -> Bulkhead {
                switch place {
                case 1: try module.bulkhead("b")
                case 2: try #require(module.family("f", by: Int.self)[1].bulkheads.first)
                default: try #require(module.policy("p").bulkheads.first)
                }
            }
            if !isAtStart {
                #expect(try live().limit == 20)
                try module.update(.init(document))
            }
            #expect(try live().limit == 50, "\(word), \(isAtStart)")
            try module.update(.init([:]))
            #expect(try live().limit == 20)
        }
    }
}
