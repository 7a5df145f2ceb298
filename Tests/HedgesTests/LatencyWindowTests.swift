import ResilienceCore
import TestSupport
import Testing

@testable import Hedges

@Suite struct LatencyWindowTests {
    @Test("a percentile is the least latency that the share does not exceed")
    func nearestRank() {
        var window = LatencyWindow(capacity: 1_000)
        #expect(window.percentile(0.5) == nil)
        for milliseconds in (1...100).shuffled() { window.record(.milliseconds(milliseconds)) }
        for percent in 1...99 {
            #expect(window.percentile(Double(percent) / 100) == .milliseconds(percent))
        }
        #expect(window.percentile(0.001) == .milliseconds(1))
        #expect(window.percentile(0.999) == .milliseconds(100))
        #expect(window.percentile(0.951) == .milliseconds(96))
    }

    @Test("what is older than the window is forgotten")
    func slides() {
        var window = LatencyWindow(capacity: 10)
        for milliseconds in 1...25 { window.record(.milliseconds(milliseconds)) }
        #expect(window.count == 10)
        #expect(window.percentile(0.01) == .milliseconds(16))
        #expect(window.percentile(0.99) == .milliseconds(25))
    }

    @Test("equals sorting the last latencies, through changes of the capacity")
    func equalsSorting() throws {
        try forSeeds(0..<200) { _, random in
            var capacity = Int.random(in: 1...40, using: &random)
            var window = LatencyWindow(capacity: capacity)
            var all: [Int64] = []
            for step in 0..<200 {
                if Int.random(in: 0..<50, using: &random) == 0 {
                    capacity = Int.random(in: 1...40, using: &random)
                    window.resize(to: capacity)
                }
                let latency = Int64.random(in: 0...20, using: &random)
                all = (all + [latency]).suffix(capacity)
                window.record(.nanoseconds(latency))
                let share = Double.random(in: 0.001...0.999, using: &random)
                let expected = all.sorted()[min(all.count - 1, Int((share * Double(all.count)).rounded(.up)) - 1)]
                guard window.percentile(share) == .nanoseconds(expected), window.count == all.count else {
                    throw Difference("step \(step): \(String(describing: window.percentile(share)))")
                }
            }
        }
    }

    @Test("extremes do not trap")
    func extremes() {
        var window = LatencyWindow(capacity: 0)
        window.record(.seconds(Int64.max))
        #expect(window.percentile(0.5) == .nanoseconds(Int64.max))
        window.record(.seconds(-1))
        #expect(window.percentile(0.5) == .zero)
    }

    @Test("of no share, or the smallest, the least latency; of all, or more, the greatest")
    func shares() {
        var window = LatencyWindow(capacity: 10)
        for milliseconds in 1...10 { window.record(.milliseconds(milliseconds)) }
        for share in [-1, 0, 1e-12, 0.01, 0.1] { #expect(window.percentile(share) == .milliseconds(1)) }
        for share in [0.91, 1, 2] { #expect(window.percentile(share) == .milliseconds(10)) }
    }
}
