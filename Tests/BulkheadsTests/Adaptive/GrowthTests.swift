import Bulkheads
import Foundation
import ResilienceCore
import Testing

/// How fast each algorithm grows while the service bears everything: the figures of Guides/Bulkhead.md come from here.
@Suite struct GrowthTests {
    /// The limit after so many decisions, all of it in use, each call taking 10 ms.
    ///
    /// - Parameter roundsPerDecision: 1 for an algorithm that may decide with each round trip; a windowed one decides
    ///   once a second, after a hundred.
    private func grown(_ limit: some ConcurrencyLimit, decisions: Int, roundsPerDecision: Int = 1) -> Int {
        var limit = limit
        var now = TimeSource.Instant(nanoseconds: 1_000_000_000)
        for _ in 0..<decisions * roundsPerDecision {
            let running = limit.limit
            now = now.advanced(by: .milliseconds(10))
            for _ in 0..<running {
                limit.record(roundTripTime: .milliseconds(10), inFlight: running, isDropped: false, at: now)
            }
        }
        return limit.limit
    }

    private func row(_ name: String, _ limit: some ConcurrencyLimit, roundsPerDecision: Int = 1) -> String {
        let limits = [10, 20, 60].map { grown(limit, decisions: $0, roundsPerDecision: roundsPerDecision) }
        return "| `\(name)` | \(limits[0]) | \(limits[1]) | \(limits[2]) |"
    }

    @Test("the figures of the guide")
    func figures() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Guides/Bulkhead.md")
        let guide = try String(contentsOf: file, encoding: .utf8)
        let rows = [
            row(".aimd()", AIMDLimit()), row(".vegas()", VegasLimit()), row(".gradient2()", Gradient2Limit()),
            row(".windowed(.aimd())", WindowedLimit(AIMDLimit()), roundsPerDecision: 100),
            row(".windowed(.vegas())", WindowedLimit(VegasLimit()), roundsPerDecision: 100),
            row(".windowed(.gradient2())", WindowedLimit(Gradient2Limit()), roundsPerDecision: 100),
        ]
        for row in rows { #expect(guide.contains(row + "\n"), "the guide does not say: \(row)") }
    }
}
