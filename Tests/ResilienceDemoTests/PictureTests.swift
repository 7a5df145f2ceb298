import Foundation
import Testing

@testable import ResilienceDemo

@Suite("Picture of a run")
struct PictureTests {
    /// The one in the README. A new one: `swift run resilience-demo --picture Guides/pictures/demo.svg`.
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Guides/pictures/demo.svg")

    @Test("The picture in the README is drawn as it would be today")
    func readme() throws {
        let svg = try String(contentsOf: Self.file, encoding: .utf8)
        let picture = try #require(Picture(svg: svg))
        #expect(picture.svg == svg)
        #expect(picture.rows.map(\.phase) == Phase.allCases.map(\.rawValue))
        let readme = try String(
            contentsOf: Self.file.appending(path: "../../../README.md").standardized, encoding: .utf8)
        #expect(readme.contains("](Guides/pictures/demo.svg)"))
    }

    @Test("A run without calls has a picture, too")
    func withoutCalls() {
        let results = RunResults(records: [:], mostInFlight: 0)
        let picture = Picture(Comparison(unprotected: results, protected: results))
        #expect(Picture(svg: picture.svg) == picture)
        #expect(Picture(svg: "nothing") == nil)
    }

    @Test("Bars are shares of the calls")
    func bars() {
        let left = [
            CallRecord(phase: .slow, outcome: .succeeded, wait: .zero),
            .init(phase: .slow, outcome: .failed, wait: .zero),
        ]
        let right = [
            CallRecord(phase: .slow, outcome: .succeeded, wait: .zero),
            .init(phase: .slow, outcome: .stale, wait: .zero),
        ]
        func results(_ records: [CallRecord]) -> RunResults {
            RunResults(
                records: Dictionary(uniqueKeysWithValues: records.enumerated().map { ($0, $1) }), mostInFlight: 1)
        }
        let picture = Picture(Comparison(unprotected: results(left), protected: results(right)))
        #expect(picture.rows == [.init(phase: "slow", calls: 2, answeredWithout: 1, answered: 1, lastGood: 1)])
        #expect(picture.svg.contains(">50 %<") && picture.svg.contains(">100 %<"))
    }
}
