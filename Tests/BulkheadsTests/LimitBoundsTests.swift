import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

@Suite("Bounds of adaptive limits")
struct LimitBoundsTests {
    private func fields(of limit: some ConcurrencyLimit) -> [String] {
        do throws(ConfigurationError) {
            try limit.validate()
            return []
        } catch {
            return error.faults.map(\.field)
        }
    }

    /// A limit with one parameter as given, whose others are allowed.
    private struct Parameter: Sendable, CustomTestStringConvertible {
        let field: String
        let allowed: [Double]
        let refused: [Double]
        let limit: @Sendable (Double) -> any ConcurrencyLimit

        var testDescription: String { field }
    }

    private static let largest = 1_000_000.0

    private static let parameters = [
        Parameter(field: "aimdLimit.initial", allowed: [5, 6, 9], refused: [4, 10]) {
            AIMDLimit(initial: Int($0), minimum: 5, maximum: 9)
        },
        Parameter(field: "aimdLimit.minimum", allowed: [1, 2, largest], refused: [-1, 0, largest + 1]) {
            AIMDLimit(initial: Int($0), minimum: Int($0), maximum: 1_000_000)
        },
        Parameter(field: "aimdLimit.maximum", allowed: [1, 2, largest], refused: [-1, 0, largest + 1]) {
            AIMDLimit(initial: 1, minimum: 1, maximum: Int($0))
        },
        Parameter(field: "aimdLimit.backoff", allowed: [0.5, 0.75, 0.999], refused: [0.499, 1, 1.5, .nan, .infinity]) {
            AIMDLimit(backoff: $0)
        },
        Parameter(field: "aimdLimit.timeout", allowed: [1, 2], refused: [-1, 0]) {
            AIMDLimit(timeout: .nanoseconds(Int64($0)))
        },
        Parameter(field: "vegasLimit.initial", allowed: [5, 6, 9], refused: [4, 10]) {
            VegasLimit(initial: Int($0), minimum: 5, maximum: 9)
        },
        Parameter(field: "vegasLimit.maximum", allowed: [1, 2, largest], refused: [-1, 0, largest + 1]) {
            VegasLimit(initial: 1, minimum: 1, maximum: Int($0))
        },
        Parameter(field: "vegasLimit.smoothing", allowed: [0.001, 1], refused: [-1, 0, 1.001, .nan]) {
            VegasLimit(smoothing: $0)
        },
        Parameter(field: "vegasLimit.alpha", allowed: [1, 2, 6], refused: [0, 7]) {
            VegasLimit(alpha: Int($0), beta: 6)
        },
        Parameter(field: "vegasLimit.beta", allowed: [1, 2, 1000], refused: [0, 1001]) {
            VegasLimit(alpha: 1, beta: Int($0))
        },
        Parameter(field: "vegasLimit.probeInterval", allowed: [1, 2, largest], refused: [0, largest + 1]) {
            VegasLimit(probeInterval: Int($0))
        },
        Parameter(field: "gradient2Limit.initial", allowed: [5, 6, 9], refused: [4, 10]) {
            Gradient2Limit(initial: Int($0), minimum: 5, maximum: 9)
        },
        Parameter(field: "gradient2Limit.smoothing", allowed: [0.001, 1], refused: [-1, 0, 1.001, .nan]) {
            Gradient2Limit(smoothing: $0)
        },
        Parameter(field: "gradient2Limit.queueSize", allowed: [1, 2, largest], refused: [0, largest + 1]) {
            Gradient2Limit(queueSize: Int($0))
        },
        Parameter(field: "gradient2Limit.longWindow", allowed: [10, 11, largest], refused: [9, largest + 1]) {
            Gradient2Limit(longWindow: Int($0))
        },
        Parameter(field: "gradient2Limit.tolerance", allowed: [1, 1.001, 100], refused: [0.999, 100.1, .nan]) {
            Gradient2Limit(tolerance: $0)
        },
        Parameter(field: "windowedLimit.window", allowed: [1_000_000, 9e18], refused: [-1, 0, 999_999]) {
            WindowedLimit(AIMDLimit(), window: .nanoseconds(Int64($0)))
        },
        Parameter(field: "windowedLimit.minimumSamples", allowed: [1, 2, largest], refused: [0, largest + 1]) {
            WindowedLimit(AIMDLimit(), minimumSamples: Int($0))
        },
        Parameter(field: "windowedLimit.minimumRoundTripTime", allowed: [0, 1], refused: [-1]) {
            WindowedLimit(AIMDLimit(), minimumRoundTripTime: .nanoseconds(Int64($0)))
        },
        Parameter(field: "windowedLimit.toleratedDrops", allowed: [0, 0.5, 0.999], refused: [-0.001, 1, 1.5, .nan]) {
            WindowedLimit(AIMDLimit(), toleratedDrops: $0)
        },
        Parameter(field: "aimdLimit.backoff", allowed: [0.5], refused: [1]) { WindowedLimit(AIMDLimit(backoff: $0)) },
    ]

    @Test("Every parameter is allowed up to its bounds, and named beyond them", arguments: parameters)
    private func ranges(of parameter: Parameter) {
        for value in parameter.allowed {
            #expect(fields(of: parameter.limit(value)).isEmpty, "\(parameter.field): \(value)")
        }
        for value in parameter.refused {
            let fields = fields(of: parameter.limit(value))
            #expect(fields.contains { $0.hasSuffix(parameter.field) }, "\(parameter.field): \(value), \(fields)")
        }
    }

    @Test("A fault of the limit inside of a window is told as it is")
    func inside() {
        let error = #expect(throws: ConfigurationError.self) {
            try WindowedLimit(AIMDLimit(backoff: 1.25)).validate()
        }
        #expect(error?.faults.map(\.value) == ["1.25"])
        #expect(error?.faults.map(\.violation) == ["is outside 0.5..<1"])
    }

    @Test("A window of more than 292 years is refused")
    func longestWindow() {
        #expect(fields(of: WindowedLimit(AIMDLimit(), window: .nanoseconds(Int64.max))).isEmpty)
        #expect(!fields(of: WindowedLimit(AIMDLimit(), window: .seconds(9_300_000_000))).isEmpty)
    }

    @Test("A range that contradicts itself is the lowest limit, and one beyond the bounds the nearest")
    func range() {
        let cases: [(Int, Int, lowest: Double, highest: Double)] = [
            (5, 9, 5, 9), (9, 5, 9, 9), (0, 0, 1, 1), (-7, -9, 1, 1), (.min, .max, 1, 1e6), (.max, .min, 1e6, 1e6),
            (1_000_001, 2_000_000, 1e6, 1e6),
        ]
        for (minimum, maximum, lowest, highest) in cases {
            let range = LimitRange(minimum, maximum)
            #expect(range.lowest == lowest && range.highest == highest, "\(minimum), \(maximum)")
            #expect(range.clamp(lowest) == lowest && range.clamp(highest) == highest)
            #expect(range.clamp(lowest - 0.5) == lowest && range.clamp(highest + 0.5) == highest)
            #expect(
                range.clamp(-.infinity) == lowest && range.clamp(.infinity) == highest && range.clamp(.nan) == lowest)
        }
    }

    @Test("A time to compute with is at least a nanosecond", arguments: [(-1, 1), (0, 1), (1, 1), (2, 2), (3, 3)])
    func times(nanoseconds: Int64, computed: Double) {
        #expect(Duration.nanoseconds(nanoseconds).positiveNanoseconds == computed)
    }

    @Test("A call was admitted its time ago, and one that took none a nanosecond ago")
    func admission() {
        let now = TimeSource.Instant(nanoseconds: 100)
        #expect(now.admission(of: .nanoseconds(30)) == TimeSource.Instant(nanoseconds: 70))
        #expect(now.admission(of: .zero) == TimeSource.Instant(nanoseconds: 99))
        #expect(now.admission(of: .nanoseconds(-5)) == TimeSource.Instant(nanoseconds: 99))
        let first = TimeSource.Instant(nanoseconds: .min)
        #expect(first.admission(of: .seconds(1)) == first)
    }

    @Test(
        "A probe whose calls all came before it is given up after four times the limit, and not before 40 calls",
        arguments: [(limit: 1, patience: 40), (2, 40), (10, 40), (11, 44), (100, 400)])
    func patience(limit: Int, patience: Int) {
        var probe = LoadProbe()
        func record() -> LoadProbe.Step {
            probe.record(
                .milliseconds(10), inFlight: 1000, now: .init(nanoseconds: 1), interval: 1, limit: limit, minimum: 1)
        }
        #expect(record() == .probing)
        var calls = 0
        while probe.ceiling != nil {
            #expect(record() == .probing)
            calls += 1
        }
        #expect(calls == patience)
    }

    @Test("A probe for which no time passes ends with what it has, at the same number of calls")
    func standingClock() {
        var probe = LoadProbe()
        func record(at now: Int64) -> LoadProbe.Step {
            probe.record(
                .milliseconds(10), inFlight: 1, now: .init(nanoseconds: now), interval: 1, limit: 100, minimum: 1)
        }
        #expect(record(at: 1) == .probing)
        var calls = 1
        var step = record(at: 50_000_000)
        while step == .probing, calls < 1_000 {
            step = record(at: 50_000_000)
            calls += 1
        }
        #expect(calls == 400)
        #expect(step == .measured(lowest: 10_000_000, average: 10_000_000))
    }

    @Test(
        "A probe lasts as long as calls usually take, and four times as long if a call is far faster",
        arguments: [true, false])
    func mixed(isOneFast: Bool) {
        var probe = LoadProbe()
        func record(_ time: Int64, at now: Int64) -> LoadProbe.Step {
            probe.record(
                .milliseconds(time), inFlight: 1, now: .init(nanoseconds: now * 1_000_000), interval: 1, limit: 1000,
                minimum: 1)
        }
        #expect(record(100, at: 0) == .probing)
        // All came after the probe had begun; the first to come back is the fast one.
        #expect(record(isOneFast ? 1 : 100, at: 200) == .probing)
        for _ in 0..<LoadProbe.samples { #expect(record(100, at: 250) == .probing) }
        #expect((record(100, at: 300) == .probing) == isOneFast)
        if isOneFast {
            #expect(record(100, at: 599) == .probing)
            #expect(record(100, at: 600) != .probing)
        }
    }

    /// What a probe says of calls with these times.
    private func measured(_ times: [Double], isGivenUp: Bool = false) -> LoadProbe.Step {
        var probe = LoadProbe()
        func record(_ time: Double, inFlight: Int, at now: Int64) -> LoadProbe.Step {
            probe.record(
                .nanoseconds(Int64(time)), inFlight: inFlight, now: .init(nanoseconds: now), interval: 1, limit: 10,
                minimum: 1)
        }
        #expect(record(100, inFlight: 1, at: 0) == .probing)
        var step = LoadProbe.Step.probing
        for (index, time) in times.enumerated() {
            #expect(step == .probing)
            step = record(time, inFlight: 5, at: index == times.count - 1 && !isGivenUp ? 2_000 : 1_000)
        }
        while isGivenUp, step == .probing, probe.ceiling != nil { step = record(100, inFlight: 6, at: 1_000) }
        return step
    }

    @Test(
        "The average is that without the shortest and the longest, the lowest that of the calls with at least half of it"
    )
    func probeResult() {
        let steady = [Double](repeating: 100, count: 8)
        #expect(measured([90] + steady + [1000]) == .measured(lowest: 90, average: 100))
        #expect(measured([1000] + steady + [50]) == .measured(lowest: 50, average: 100))
        #expect(measured([49] + steady + [1000]) == .measured(lowest: 100, average: 100))
        #expect(measured([1000, 2] + steady + [4]) == .measured(lowest: 100, average: 804 / 9))
    }

    @Test("A probe that is given up says what few calls it has, and nothing without any")
    func fewProbed() {
        #expect(measured([70], isGivenUp: true) == .measured(lowest: 70, average: 70))
        #expect(measured([70, 90], isGivenUp: true) == .measured(lowest: 70, average: 80))
        #expect(measured([90, 70, 50], isGivenUp: true) == .measured(lowest: 50, average: 70))
        #expect(measured([], isGivenUp: true) == .probing)
    }

    @Test("A probe keeps 200 calls, those that came first")
    func keptCalls() {
        var probe = LoadProbe()
        func record(_ time: Int64, at now: Int64 = 50_000_000) -> LoadProbe.Step {
            probe.record(
                .milliseconds(time), inFlight: 1, now: .init(nanoseconds: now), interval: 1, limit: 100,
                minimum: 1)
        }
        #expect(record(10, at: 1) == .probing)
        var step = LoadProbe.Step.probing
        for call in 1...400 { step = record(call <= 200 ? 10 : 20) }
        #expect(step == .measured(lowest: 10_000_000, average: 10_000_000))
    }

    @Test("Probes come after half to all of the interval, and each time after another part of it")
    func intervals() {
        var parts: [Int] = []
        forSeeds(0..<100) { seed, _ in
            var probe = LoadProbe()
            probe.seed(from: .seeded(seed))
            for _ in 1...2 {
                var calls = 0
                while probe.ceiling == nil {
                    let step = probe.record(
                        .nanoseconds(10), inFlight: 9, now: .init(nanoseconds: 0), interval: 1000, limit: 10, minimum: 7
                    )
                    #expect(step == (probe.ceiling == nil ? .idle : .probing))
                    calls += 1
                }
                #expect(probe.ceiling == 7)
                parts.append(calls)
                while probe.ceiling != nil {
                    _ = probe.record(
                        .nanoseconds(10), inFlight: 9, now: .init(nanoseconds: 0), interval: 1000, limit: 10, minimum: 7
                    )
                }
            }
        }
        #expect(parts.allSatisfy { (500...1000).contains($0) }, "\(parts)")
        #expect(parts.min() ?? 0 < 520 && parts.max() ?? 0 > 980)
        #expect(zip(parts, parts.dropFirst()).count { $0 == $1 } < 10)
    }
}
