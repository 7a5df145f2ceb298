import Testing

@testable import ResilienceDemo

@Suite("Latency histogram")
struct LatencyHistogramTests {
    @Test("Without values there is no percentile")
    func empty() {
        #expect(LatencyHistogram().percentile(0.5) == nil)
        #expect(LatencyHistogram().count == 0)
    }

    @Test("One value is every percentile")
    func oneValue() {
        var histogram = LatencyHistogram()
        histogram.record(.microseconds(12_345))
        for share in [0, 0.5, 0.99, 1] { #expect(histogram.percentile(share) == .microseconds(12_345)) }
    }

    @Test("Small values are exact")
    func smallValues() {
        var histogram = LatencyHistogram()
        for microseconds in 1...60 { histogram.record(.microseconds(microseconds)) }
        #expect(histogram.percentile(0.5) == .microseconds(30))
        #expect(histogram.percentile(0.95) == .microseconds(57))
        #expect(histogram.percentile(1) == .microseconds(60))
    }

    @Test(
        "A percentile is never too low and at most 3.2 percent too high",
        arguments: [1, 63, 64, 65, 127, 128, 999, 1_000, 65_535, 65_536, 1_234_567, 3_600_000_000])
    func precision(microseconds: Int64) {
        var histogram = LatencyHistogram()
        histogram.record(.microseconds(microseconds))
        histogram.record(.seconds(4_000))
        let median = histogram.percentile(0.5)?.microseconds ?? 0
        #expect(median >= microseconds)
        #expect(Double(median) <= Double(microseconds) * 1.032)
    }

    @Test("A percentile follows the rank of the value")
    func ranks() {
        var histogram = LatencyHistogram()
        for _ in 0..<99 { histogram.record(.milliseconds(1)) }
        histogram.record(.seconds(1))
        #expect(histogram.percentile(0.99)?.cell == "1 ms")
        #expect(histogram.percentile(0.991) == .seconds(1))
    }

    @Test("A value outside the range counts at its end")
    func outOfRange() {
        var histogram = LatencyHistogram()
        histogram.record(.seconds(-1))
        histogram.record(.seconds(Int64.max))
        #expect(histogram.count == 2)
        #expect(histogram.percentile(0.5) == .zero)
        #expect((histogram.percentile(1) ?? .zero) > .seconds(4_000))
    }

    @Test("Two histograms added hold the values of both")
    func adding() {
        var first = LatencyHistogram()
        var second = LatencyHistogram()
        var both = LatencyHistogram()
        for milliseconds in 1...100 {
            let duration = Duration.milliseconds(milliseconds)
            if milliseconds.isMultiple(of: 3) { first.record(duration) } else { second.record(duration) }
            both.record(duration)
        }
        first.add(second)
        #expect(first == both)
        first.add(LatencyHistogram())
        #expect(first == both)
    }
}
