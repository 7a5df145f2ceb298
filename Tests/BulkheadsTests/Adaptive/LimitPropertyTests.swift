import ResilienceCore
import TestSupport
import Testing

@testable import Bulkheads

/// What holds for any input.
@Suite struct LimitPropertyTests {
    private static let times: [Duration] = [
        .zero, .nanoseconds(1), .nanoseconds(-1), .microseconds(1), .milliseconds(10), .seconds(1), .seconds(-5),
        .nanoseconds(Int64.max), .nanoseconds(Int64.min), .seconds(Int64.max), .seconds(Int64.min),
    ]
    private static let counts = [0, 1, 10, 100, 5000, -1, .max, .min]
    private static let moments: [Int64] = [0, 1, -1, 1_000_000, .max, .min]

    private func stays(
        _ limit: some ConcurrencyLimit, in range: ClosedRange<Int>, seed: UInt64,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var limit = limit
        limit.seed(from: .seeded(seed))
        var random = SplitMix64(seed: seed)
        var now: Int64 = 0
        let isWild = Bool.random(using: &random)
        for _ in 0..<1500 {
            let time =
                isWild
                ? Self.times.randomElement(using: &random) ?? .zero
                : .microseconds(Int.random(in: 100...50_000, using: &random))
            now = now.addingSaturated(Int64.random(in: 0...20_000_000, using: &random))
            let moment =
                isWild && Int.random(in: 0..<4, using: &random) == 0
                ? Self.moments.randomElement(using: &random) ?? 0 : now
            limit.record(
                roundTripTime: time,
                inFlight: isWild
                    ? Self.counts.randomElement(using: &random) ?? 0 : Int.random(in: 0...limit.limit, using: &random),
                isDropped: Int.random(in: 0..<10, using: &random) == 0, at: .init(nanoseconds: moment))
            guard range.contains(limit.limit) else {
                Issue.record("\(limit.limit) is outside \(range), seed \(seed)", sourceLocation: sourceLocation)
                return
            }
        }
    }

    @Test("the limit stays between minimum and maximum, whatever is recorded")
    func range() {
        forSeeds(0..<60) { seed, _ in
            stays(AIMDLimit(minimum: 5, maximum: 50), in: 5...50, seed: seed)
            stays(VegasLimit(minimum: 5, maximum: 50), in: 5...50, seed: seed)
            stays(VegasLimit(probeInterval: 1), in: 1...1000, seed: seed)
            stays(Gradient2Limit(minimum: 5, maximum: 50, longWindow: 20), in: 5...50, seed: seed)
            stays(WindowedLimit(VegasLimit(), window: .milliseconds(100), minimumSamples: 2), in: 1...1000, seed: seed)
            stays(WindowedLimit(Gradient2Limit(longWindow: 10), minimumSamples: 1), in: 20...200, seed: seed)
        }
    }

    @Test("parameters that are not allowed do not trap either, and at least one call is let through")
    func faultyParameters() {
        for value in [Int.min, -1, 0, 1, .max] {
            for fraction in [-Double.infinity, -1, 0, 2, .infinity, .nan] {
                let all = 1...1_000_000
                stays(
                    AIMDLimit(
                        initial: value, minimum: value, maximum: value, backoff: fraction, timeout: .seconds(Int64.min)),
                    in: all, seed: 1)
                stays(
                    VegasLimit(
                        initial: value, minimum: value, maximum: value, smoothing: fraction, alpha: value, beta: value,
                        probeInterval: value), in: all, seed: 2)
                stays(
                    WindowedLimit(
                        Gradient2Limit(
                            initial: value, minimum: value, maximum: value, smoothing: fraction, queueSize: value,
                            longWindow: value, tolerance: fraction),
                        window: .seconds(Int64.min), minimumSamples: value, minimumRoundTripTime: .seconds(Int64.min),
                        toleratedDrops: fraction), in: all, seed: 3)
            }
        }
    }

    @Test("all faults are told")
    func faults() throws {
        func fields(_ limit: some ConcurrencyLimit) -> [String] {
            do {
                try limit.validate()
                return []
            } catch {
                return error.faults.map(\.field)
            }
        }
        #expect(fields(AIMDLimit()) + fields(VegasLimit()) + fields(Gradient2Limit()) == [])
        #expect(fields(WindowedLimit(VegasLimit())) == [])
        #expect(
            fields(AIMDLimit(initial: 0, minimum: 0, maximum: 1_000_001, backoff: 1, timeout: .zero)) == [
                "aimdLimit.minimum", "aimdLimit.maximum", "aimdLimit.backoff", "aimdLimit.timeout",
            ])
        #expect(fields(AIMDLimit(initial: 19)) == ["aimdLimit.initial"])
        #expect(fields(AIMDLimit(initial: 201, backoff: 0.49)) == ["aimdLimit.initial", "aimdLimit.backoff"])
        #expect(fields(AIMDLimit(initial: 10, minimum: 10, maximum: 9)) == ["aimdLimit.initial"])
        #expect(
            fields(VegasLimit(smoothing: 0, alpha: 7, beta: 6, probeInterval: 0)) == [
                "vegasLimit.smoothing", "vegasLimit.alpha", "vegasLimit.probeInterval",
            ])
        #expect(fields(VegasLimit(smoothing: .nan, alpha: 0, beta: 0)).count == 3)
        #expect(
            fields(Gradient2Limit(smoothing: 1.1, queueSize: 0, longWindow: 9, tolerance: 0.9)) == [
                "gradient2Limit.smoothing", "gradient2Limit.queueSize", "gradient2Limit.longWindow",
                "gradient2Limit.tolerance",
            ])
        let windowed = WindowedLimit(
            AIMDLimit(initial: 0), window: .microseconds(999), minimumSamples: 0,
            minimumRoundTripTime: .nanoseconds(-1), toleratedDrops: 1)
        #expect(
            fields(windowed) == [
                "windowedLimit.aimdLimit.initial", "windowedLimit.window", "windowedLimit.minimumSamples",
                "windowedLimit.minimumRoundTripTime", "windowedLimit.toleratedDrops",
            ])
    }

    @Test("a limit goes on from another, within its own range")
    func resume() {
        var old = Feed(VegasLimit(initial: 100))
        old.call(10)
        old.call(10)
        #expect(old.limit.limit == 112)
        var vegas = VegasLimit(maximum: 50)
        vegas.resume(from: old.limit)
        #expect(vegas.limit == 50 && vegas.shortestRoundTripTime == .milliseconds(10))
        var aimd = AIMDLimit(maximum: 500)
        aimd.resume(from: vegas)
        #expect(aimd.limit == 50)
        var other = VegasLimit()
        other.resume(from: aimd)
        #expect(other.limit == 50 && other.shortestRoundTripTime == nil)
        var old2 = Feed(Gradient2Limit(initial: 50))
        old2.call(10)
        var gradient = Gradient2Limit()
        gradient.resume(from: old2.limit)
        #expect(gradient.limit == 50 && gradient.averageRoundTripTime == .milliseconds(10))
        gradient.resume(from: AIMDLimit(initial: 70))
        #expect(gradient.limit == 70)
        var windowed = WindowedLimit(VegasLimit())
        windowed.resume(from: WindowedLimit(old.limit))
        #expect(windowed.limit == 112 && windowed.base.shortestRoundTripTime == .milliseconds(10))
        windowed.resume(from: old2.limit)
        #expect(windowed.limit == 50)
    }

    @Test("the short forms")
    func shortForms() {
        func make(_ limit: some ConcurrencyLimit) -> Int { limit.limit }
        #expect(
            make(.aimd(initial: 30)) == 30 && make(.vegas(initial: 31)) == 31 && make(.gradient2(initial: 32)) == 32)
        #expect(make(.windowed(.gradient2())) == 20)
        #expect(make(.windowed(.aimd(initial: 25), window: .milliseconds(500))) == 25)
    }

    @Test("the short forms hand every parameter on")
    func parameters() {
        let aimd: AIMDLimit = .aimd(initial: 3, minimum: 2, maximum: 4, backoff: 0.6, timeout: .seconds(7))
        #expect(aimd == AIMDLimit(initial: 3, minimum: 2, maximum: 4, backoff: 0.6, timeout: .seconds(7)))
        #expect([aimd.initial, aimd.minimum, aimd.maximum] == [3, 2, 4])
        #expect(aimd.backoff == 0.6 && aimd.timeout == .seconds(7))
        let vegas: VegasLimit = .vegas(
            initial: 3, minimum: 2, maximum: 4, smoothing: 0.6, alpha: 5, beta: 7, probeInterval: 8)
        #expect([vegas.initial, vegas.minimum, vegas.maximum] == [3, 2, 4] && vegas.smoothing == 0.6)
        #expect([vegas.alpha, vegas.beta, vegas.probeInterval] == [5, 7, 8])
        let gradient: Gradient2Limit = .gradient2(
            initial: 3, minimum: 2, maximum: 4, smoothing: 0.6, queueSize: 5, longWindow: 17, tolerance: 8)
        #expect([gradient.initial, gradient.minimum, gradient.maximum] == [3, 2, 4] && gradient.smoothing == 0.6)
        #expect([gradient.queueSize, gradient.longWindow] == [5, 17] && gradient.tolerance == 8)
        let windowed: WindowedLimit<AIMDLimit> = .windowed(
            aimd, window: .seconds(2), minimumSamples: 3, minimumRoundTripTime: .seconds(4), toleratedDrops: 0.5)
        #expect(windowed.base == aimd && windowed.window == .seconds(2) && windowed.minimumSamples == 3)
        #expect(windowed.minimumRoundTripTime == .seconds(4) && windowed.toleratedDrops == 0.5)
    }
}
