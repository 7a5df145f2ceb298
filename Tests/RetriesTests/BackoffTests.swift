import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore
@testable import Retries

/// The formulas of backoffs and jitters.
@Suite("Backoff", .timeLimit(.minutes(30)))
struct BackoffTests {
    static let noCap = Duration.nanoseconds(Int64.max)

    /// The delays after the first attempts, with random numbers in turn, the last of them for ever.
    private func delays(
        _ backoff: Backoff, _ attempts: ClosedRange<Int>, cap: Duration = noCap, random: [Double] = [0.5]
    ) throws -> [Duration] {
        let drawn = Count()
        let source = RandomSource { random[min(drawn.increment(), random.count) - 1] }
        var memory = Jitter.Memory()
        var previous: Duration?
        var all: [Duration] = []
        for attempt in 1...attempts.upperBound {
            let failure = Backoff.Failure(error: failure, attempt: attempt, step: attempt, previousDelay: previous)
            previous = try backoff.delay(after: failure, cap: cap, &memory, source)
            if let previous, attempts.contains(attempt) { all.append(previous) }
        }
        return all
    }

    private func delay(
        _ backoff: Backoff, after attempt: Int, random: Double = 0.5, cap: Duration = noCap
    ) throws -> Duration? {
        try delays(backoff, attempt...attempt, cap: cap, random: [random]).first
    }

    @Test("PO-21: a constant delay of 1 s ± 25 %")
    func constant() throws {
        let backoff = Backoff.constant(.seconds(1), jitter: .ratio(0.25))
        for (random, expected) in [(0, 0.75), (0.4, 0.95), (0.6, 1.05), (1, 1.25)] {
            try expectClose(try delay(backoff, after: 1, random: random), expected)
            try expectClose(try delay(backoff, after: 9, random: random), expected)
            let nothing = Backoff.constant(.zero, jitter: .ratio(0.25))
            #expect(try delay(nothing, after: 1, random: random) == .zero)
        }
    }

    @Test("PO-22: a linear delay of 1 s, and ± 25 % of the third")
    func linear() throws {
        #expect(
            try delays(.linear(from: .seconds(1), jitter: .none), 1...3) == [.seconds(1), .seconds(2), .seconds(3)])
        #expect(
            try delays(.linear(from: .seconds(1), by: .milliseconds(500), jitter: .none), 1...3)
                == [.seconds(1), .milliseconds(1500), .seconds(2)])
        let varied = Backoff.linear(from: .seconds(1), jitter: .ratio(0.25))
        for (random, expected) in [(0, 2.25), (0.4, 2.85), (0.5, 3), (0.6, 3.15), (1, 3.75)] {
            try expectClose(try delay(varied, after: 3, random: random), expected)
        }
    }

    @Test("PO-23: an exponential delay of 1 s")
    func exponential() throws {
        let backoff = Backoff.exponential(from: .seconds(1), jitter: .none)
        #expect(try delays(backoff, 1...4) == [.seconds(1), .seconds(2), .seconds(4), .seconds(8)])
        let slower = Backoff.exponential(from: .seconds(1), factor: 1.5, jitter: .none)
        #expect(try delays(slower, 1...3) == [.seconds(1), .milliseconds(1500), .milliseconds(2250)])
    }

    @Test("PO-24: the longest delay bounds all kinds, with and without jitter")
    func cap() throws {
        let base = Duration.seconds(10)
        let jitters: [Jitter] = [.none, .ratio(0.25), .full, .equal, .decorrelated]
        for jitter in jitters {
            let kinds: [Backoff] = [
                .constant(base, jitter: jitter), .linear(from: base, jitter: jitter),
                .exponential(from: base, jitter: jitter), .fibonacci(from: base, jitter: jitter),
                .list([base], jitter: jitter), .custom(jitter: jitter) { _ in base },
            ]
            for kind in kinds {
                // Jitter that can lengthen a delay, or draws its highest number, is cut at exactly 1 s.
                #expect(try delay(kind, after: 3, random: 1, cap: .seconds(1)) == .seconds(1))
                // Elsewhere jitter is applied only to what is not bounded yet: 10 s ± 25 % cut to 1 s is 1 s for
                // everybody. Here the cap is varied too, downwards, so that clients stay spread.
                let low = try #require(try delay(kind, after: 3, random: 0.25, cap: .seconds(1)))
                #expect(jitter == .none ? low == .seconds(1) : low < .seconds(1))
            }
        }
    }

    @Test("PO-25: a delay that would overflow is the longest there is, or the cap")
    func saturation() throws {
        for jitter in [Jitter.none, .ratio(1), .equal, .full, .decorrelated] {
            let day = Duration.seconds(86_400)
            let kinds: [Backoff] = [
                .exponential(from: day, jitter: jitter), .exponential(from: day, factor: 1e300, jitter: jitter),
                .linear(from: day, by: Self.noCap, jitter: jitter), .fibonacci(from: day, jitter: jitter),
                .constant(Self.noCap, jitter: jitter), .list([Self.noCap], jitter: jitter),
                .custom(jitter: jitter) { _ in .seconds(Int64.max) },
            ]
            for kind in kinds {
                for attempt in [1000, 10_000] {
                    #expect(try delay(kind, after: attempt, random: 1) == Self.noCap)
                    #expect(try delay(kind, after: attempt, random: 1, cap: day * 2) == day * 2)
                }
            }
        }
        #expect(try delay(.exponential(from: .zero, factor: 1e300, jitter: .none), after: 10_000) == .zero)
        var memory = Jitter.Memory()
        let last = Backoff.Failure(error: failure, attempt: .max, step: .max, previousDelay: nil)
        for (backoff, expected) in [
            (Backoff.exponential(from: .seconds(1), factor: 1, jitter: .none), Duration.seconds(1)),
            (.linear(from: .seconds(1), jitter: .none), Self.noCap), (.list([.seconds(1)]), .seconds(1)),
            (.fibonacci(from: .nanoseconds(1), jitter: .none), Self.noCap),
        ] {
            #expect(try backoff.delay(after: last, cap: Self.noCap, &memory, .system) == expected)
        }
    }

    @Test("delays follow the Fibonacci numbers, or a list whose last is repeated")
    func sequences() throws {
        #expect(
            try delays(.fibonacci(from: .seconds(1), jitter: .none), 1...7).map(\.components.seconds)
                == [1, 1, 2, 3, 5, 8, 13])
        let list = Backoff.list([.seconds(3), .zero, .seconds(1)])
        #expect(try delays(list, 1...5) == [.seconds(3), .zero, .seconds(1), .seconds(1), .seconds(1)])
    }

    @Test("a function sees the error, the attempt and the previous delay")
    func function() throws {
        let seen = Lock<[(String, Int, Duration?)]>([])
        let backoff = Backoff.custom { failure in
            seen.withLock { $0.append(("\(failure.error)", failure.attempt, failure.previousDelay)) }
            return failure.attempt == 3 ? nil : .seconds(-5 + 10 * failure.attempt)
        }
        #expect(try delays(backoff, 1...2) == [.seconds(5), .seconds(15)])
        #expect(try delay(backoff, after: 3) == nil)
        let calls = seen.withLock { $0 }.prefix(2)
        #expect(calls.map(\.1) == [1, 2] && calls.map(\.2) == [nil, .seconds(5)])
        #expect(calls.allSatisfy { $0.0 == failure.description })
        #expect(try delay(.custom { _ in .seconds(-1) }, after: 1) == .zero)
    }

    @Test("GR-2: exponential from 1 s, ± 20 %, at most 5 s")
    func grpc() throws {
        let backoff = Backoff.exponential(from: .seconds(1), jitter: .ratio(0.2))
        let expected = [(0.8, 1.2), (1.6, 2.4), (3.2, 4.8), (4, 6)]
        for (index, (low, high)) in expected.enumerated() {
            try expectClose(try delay(backoff, after: index + 1, random: 0, cap: .seconds(5)), low)
            // gRPC varies its maximum upwards too, to 6 s; here nothing is ever above the longest delay.
            try expectClose(try delay(backoff, after: index + 1, random: 1, cap: .seconds(5)), min(high, 5))
        }
    }

    @Test("decorrelated jitter knows its previous delay")
    func decorrelated() throws {
        let backoff = Backoff.constant(.seconds(1), jitter: .decorrelated)
        #expect(
            try delays(backoff, 1...4, random: [1]) == [.seconds(3), .seconds(9), .seconds(27), .seconds(81)])
        #expect(try delays(backoff, 1...3, random: [1, 0, 1]) == [.seconds(3), .seconds(1), .seconds(3)])
        #expect(
            try delays(backoff, 1...3, random: [0.5]) == [.seconds(2), .milliseconds(3500), .milliseconds(5750)])
        #expect(
            try delays(backoff, 1...3, cap: .seconds(2), random: [0.5])
                == [.milliseconds(1500), .milliseconds(1500), .milliseconds(1500)])
    }

    @Test("full jitter draws from zero to the delay, equal jitter from half of it")
    func jitter() throws {
        for (random, full, equal) in [(0.0, 0.0, 2.0), (0.25, 1, 2.5), (1, 4, 4)] {
            try expectClose(try delay(.constant(.seconds(4), jitter: .full), after: 1, random: random), full)
            try expectClose(try delay(.constant(.seconds(4), jitter: .equal), after: 1, random: random), equal)
        }
    }

    @Test("growing backoffs are jittered by default")
    func growingDefaults() {
        #expect(Backoff.exponential().jitter == .full && Backoff.linear().jitter == .full)
        #expect(Backoff.fibonacci().jitter == .full && Backoff.constant(.zero).jitter == .none)
        #expect(Backoff.list([.zero]).jitter == .none && Backoff.custom { _ in nil }.jitter == .none)
    }

    @Test("property: every jitter stays within its bounds, whatever the backoff, the cap and the attempt")
    func bounds() throws {
        try forSeeds(seeds(4_000)) { seed, generator in
            let cap = Duration.random(using: &generator)
            let from = Duration.random(using: &generator)
            let jitter = Jitter.random(using: &generator)
            var varied = Backoff.random(from, using: &generator)
            var plain = varied
            (plain.jitter, varied.jitter) = (.none, jitter)
            let source = RandomSource.seeded(seed)
            var (memory, nothing) = (Jitter.Memory(), Jitter.Memory())
            var previous: Duration?
            var first: Duration?
            for attempt in Array(1...8) + [100, 10_000, .max] {
                let failure = Backoff.Failure(error: failure, attempt: attempt, step: attempt, previousDelay: previous)
                let base = try #require(try plain.delay(after: failure, cap: cap, &nothing, source))
                let delay = try #require(try varied.delay(after: failure, cap: cap, &memory, source))
                #expect(base >= .zero && base <= cap, "seed \(seed)")
                #expect(delay >= .zero && delay <= cap, "seed \(seed): \(delay) above \(cap)")
                let slack = Duration.nanoseconds(4) + base * 1e-12
                switch jitter.kind {
                case .none: #expect(delay == base, "seed \(seed)")
                case .ratio(let ratio):
                    #expect(delay >= base * (1 - ratio) - slack, "seed \(seed)")
                    #expect(delay <= base * (1 + ratio) + slack, "seed \(seed)")
                case .full: #expect(delay <= base, "seed \(seed)")
                case .equal: #expect(delay >= base * 0.5 - slack && delay <= base, "seed \(seed)")
                case .decorrelated:
                    first = first ?? min(base, cap.multipliedSaturated(by: 0.5))
                    let lower = first ?? .zero
                    #expect(delay >= lower, "seed \(seed)")
                    #expect(
                        delay <= max(lower, (previous ?? lower).multipliedSaturated(by: 3)) + slack, "seed \(seed)")
                }
                previous = delay
            }
        }
    }

    private func expectClose(
        _ delay: Duration?, _ seconds: Double, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let delay = try #require(delay, sourceLocation: sourceLocation)
        let difference = delay - .nanoseconds(Int64(seconds * 1e9))
        #expect(abs(difference.saturatedNanoseconds) <= 2, "\(delay)", sourceLocation: sourceLocation)
    }

    @Test("Fibonacci's delays are the sum of the two before")
    func fibonacciNumbers() throws {
        let all = try delays(.fibonacci(from: .seconds(1), jitter: .none), 1...8)
        #expect(all == [1, 1, 2, 3, 5, 8, 13, 21].map { Duration.seconds($0) })
    }

    @Test("what is left out is 100 ms, doubling, and full jitter of what grows")
    func defaults() throws {
        let left = try [Backoff.linear(), .exponential(), .fibonacci()].map { try delays($0, 1...4, random: [0.25]) }
        let said: [Backoff] = [
            .linear(from: .milliseconds(100), by: .milliseconds(100), jitter: .full),
            .exponential(from: .milliseconds(100), factor: 2, jitter: .full),
            .fibonacci(from: .milliseconds(100), jitter: .full),
        ]
        #expect(try left == said.map { try delays($0, 1...4, random: [0.25]) })
        #expect(left.map(\.first) == Array(repeating: .milliseconds(25), count: 3))
        #expect(try delays(.constant(.seconds(1)), 1...2, random: [0]) == [.seconds(1), .seconds(1)])
    }

    @Test("a factor of 1 or more is valid, and no other", arguments: [1, 1.000_001, 1.5, 2, 1e9])
    func factors(factor: Double) throws {
        func fault(_ factor: Double) -> Bool {
            var check = ConfigurationCheck()
            Backoff.exponential(factor: factor).check(&check)
            do { try check.finish() } catch { return true }
            return false
        }
        #expect(!fault(factor))
        #expect(fault(1 / (factor + 0.001)) && fault(-factor) && fault(.nan) && fault(.infinity))
    }
}

extension Duration {
    /// From nothing to 292 years, all magnitudes alike.
    static func random(using generator: inout SplitMix64) -> Duration {
        let magnitude = Int64.random(in: 0...62, using: &generator)
        return .nanoseconds(Int64.random(in: 0...(1 << magnitude), using: &generator))
    }
}

extension Jitter {
    static func random(using generator: inout SplitMix64) -> Jitter {
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: .none
        case 1: .ratio(Double.random(in: 0...1, using: &generator))
        case 2: .full
        case 3: .equal
        default: .decorrelated
        }
    }
}

extension Backoff {
    static func random(_ from: Duration, using generator: inout SplitMix64) -> Backoff {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: return .constant(from)
        case 1: return .linear(from: from, by: .random(using: &generator))
        case 2: return .exponential(from: from, factor: 1 + Double.random(in: 0...10, using: &generator))
        case 3: return .fibonacci(from: from)
        case 4: return .list([from, .random(using: &generator), .random(using: &generator)])
        default:
            let other = Duration.random(using: &generator)
            return .custom { $0.attempt.isMultiple(of: 2) ? from : other * -1 }
        }
    }
}
