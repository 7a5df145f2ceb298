import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// How long a breaker stays open.
@Suite(.timeLimit(.minutes(30)))
struct BreakLengthTests {
    private func length(
        _ breakLength: CircuitBreaker.BreakLength, opens: Int = 1, error: (any Error)? = nil, random: Double = 0.5
    ) -> Duration {
        let context = CircuitBreaker.BreakContext(consecutiveOpens: opens, error: error, counts: Counts())
        return breakLength.length(context, .constant(random))
    }

    @Test("a growing break grows up to its limit")
    func growth() {
        let growing = CircuitBreaker.BreakLength.growing(
            from: .seconds(5), factor: 2, upTo: .seconds(60), jitter: .none)
        #expect((1...6).map { length(growing, opens: $0) } == [5, 10, 20, 40, 60, 60].map { .seconds($0) })
    }

    @Test("jitter stays within its share and the limit")
    func jitter() {
        let growing = CircuitBreaker.BreakLength.growing(
            from: .seconds(10), factor: 3, upTo: .seconds(31), jitter: .ratio(0.1))
        #expect(length(growing, random: 0) == .seconds(9))
        #expect(length(growing, random: 0.5) == .seconds(10))
        #expect(length(growing, random: 1) == .seconds(11))
        #expect(length(growing, opens: 2, random: 1) == .seconds(31))
        #expect(length(growing, opens: 2, random: 0) == .seconds(27))
    }

    @Test(
        "a break is varied by the jitters of backoffs",
        arguments: [
            (Jitter.none, [10.0, 10, 10]), (.full, [0.000000001, 5, 10]), (.equal, [5, 7.5, 10]),
            (.ratio(0.2), [8, 9.5, 11]),
        ])
    func jitters(jitter: Jitter, seconds: [Double]) throws {
        let growing = CircuitBreaker.BreakLength.growing(from: .seconds(10), upTo: .seconds(11), jitter: jitter)
        try CircuitBreaker.Configuration(breakLength: growing).validate()
        #expect([0, 0.5, 1].map { length(growing, random: $0) } == seconds.map { .seconds($0) })
    }

    @Test("a jitter that needs the delay before is refused: a break has none before it to depend on")
    func decorrelated() {
        let configuration = CircuitBreaker.Configuration(breakLength: .growing(jitter: .decorrelated))
        #expect {
            try configuration.validate()
        } throws: { error in
            "\(error)".contains("breakLength.jitter: decorrelated is for delays that follow one another")
        }
    }

    @Test("a break is never of no length")
    func zero() {
        let full = CircuitBreaker.BreakLength.growing(
            from: .nanoseconds(1), factor: 1, upTo: .seconds(1), jitter: .ratio(1))
        #expect(length(full, random: 0) == .nanoseconds(1))
        #expect(length(.custom(upTo: .seconds(1), otherwise: .fixed(.seconds(2))) { _ in .zero }) == .seconds(2))
    }

    @Test("a growing length never overflows", arguments: [0, 1, 63, 64, 1000, Int.max])
    func noOverflow(opens: Int) {
        let most = Duration.nanoseconds(Int64.max)
        for factor in [1, 2, 1e300, Double.greatestFiniteMagnitude] {
            let growing = CircuitBreaker.BreakLength.growing(
                from: .nanoseconds(1), factor: factor, upTo: most, jitter: .ratio(1))
            for random in [0, 0.5, 1] {
                let length = length(growing, opens: opens, random: random)
                #expect(length >= .nanoseconds(1) && length <= most)
            }
        }
        var power = 1.0
        for _ in 0..<min(opens, 1024) { power *= 2 }
        #expect(2.0.raised(to: opens) == power)
    }

    @Test("a server's hint is bounded, and one that is not positive is none")
    func serverHint() {
        let hint = CircuitBreaker.BreakLength.serverHint(
            upTo: .seconds(30), hintJitter: 0, otherwise: .fixed(.seconds(7)))
        func length(_ retryAfter: Duration?) -> Duration {
            self.length(hint, error: InjectedFailure(retryAfter: retryAfter))
        }
        #expect(length(.seconds(3)) == .seconds(3))
        #expect(length(.seconds(3600)) == .seconds(30))
        #expect(length(Duration(attoseconds: .max)) == .seconds(30))
        for none in [Duration.seconds(-1), .zero, Duration(attoseconds: 1), Duration(attoseconds: .min), nil] {
            #expect(length(none) == .seconds(7))
        }
        #expect(self.length(hint, error: CancellationError()) == .seconds(7))
    }

    @Test(
        "breakers that a server told the same end their breaks spread, never sooner, also at the limit",
        arguments: [1, 7, 29, 30, 31, 3600] as [Int64])
    func noHerd(seconds: Int64) throws {
        for (breakLength, share) in [
            (CircuitBreaker.BreakLength.serverHint(upTo: .seconds(30)), 0.2),
            (.serverHint(upTo: .seconds(30), hintJitter: 1), 1),
        ] {
            let asked = Duration.seconds(min(seconds, 30))
            let lengths = try (0..<40 as Range<UInt64>).map { seed in
                let stage = try Stage(
                    .init(trip: .consecutiveFailures(1), breakLength: breakLength), random: .seeded(seed))
                try stage.breaker.tryAcquirePermit().fail(InjectedFailure(retryAfter: .seconds(seconds)))
                return try #require(stage.breaker.remainingBreak)
            }
            #expect(lengths.allSatisfy { $0 >= asked && $0 <= asked * (1 + share) }, "\(lengths)")
            let (least, most) = try (#require(lengths.min()), #require(lengths.max()))
            #expect(Set(lengths).count > 35 && most - least > asked * (share / 2))
        }
        let longest = Duration.nanoseconds(Int64.max)
        #expect(
            length(.serverHint(upTo: longest, hintJitter: 1), error: InjectedFailure(retryAfter: longest), random: 1)
                == longest)
    }

    @Test("the error that opened the breaker says for how long")
    func hint() throws {
        let stage = try Stage(
            .init(trip: .consecutiveFailures(2), breakLength: .serverHint(upTo: .seconds(30), hintJitter: 0)))
        for seconds in [1, 20] {
            try stage.breaker.tryAcquirePermit().fail(InjectedFailure(retryAfter: .seconds(seconds)))
        }
        #expect(stage.breaker.remainingBreak == .seconds(20))
        #expect(stage.transitions.first?.breakLength == .seconds(20))
    }

    @Test("a function sees what happened")
    func function() throws {
        let contexts = Log<[Int]>()
        let configuration = Configuration(
            trip: .consecutiveFailures(2),
            breakLength: .custom(upTo: .seconds(9)) { context in
                contexts.append([context.consecutiveOpens, context.counts.failures, context.error == nil ? 0 : 1])
                return .seconds(context.consecutiveOpens)
            }, halfOpen: .init(probes: 1))
        let stage = try Stage(configuration)
        try stage.play("F")
        try stage.breaker.tryAcquirePermit().fail(InjectedFailure())
        stage.clock.advance(by: .seconds(1))
        try stage.breaker.tryAcquirePermit().fail(InjectedFailure())
        #expect(stage.breaker.remainingBreak == .seconds(2))
        stage.clock.advance(by: .seconds(2))
        try stage.play("S")
        stage.breaker.open()
        #expect(contexts.elements == [[1, 2, 1], [2, 1, 1], [1, 0, 0]])
    }

    @Test("a function may use the breaker")
    func reentrance() throws {
        let breakers = Log<CircuitBreaker>()
        let stage = try Stage(
            .init(
                trip: .consecutiveFailures(1),
                breakLength: .custom(upTo: .seconds(9)) { _ in
                    breakers.elements.first.map { .seconds($0.counts.failures + 1) }
                }))
        breakers.append(stage.breaker)
        try stage.play("F")
        #expect(stage.breaker.remainingBreak == .seconds(2))
    }

    @Test("closing ends the growth")
    func closing() throws {
        let stage = try Stage(
            .init(
                trip: .consecutiveFailures(1),
                breakLength: .growing(from: .seconds(1), factor: 2, upTo: .seconds(60), jitter: .none),
                halfOpen: .init(probes: 1)))
        var lengths: [Duration?] = []
        for script in ["F", "F", "F", "SF"] {
            stage.clock.advance(by: stage.breaker.remainingBreak ?? .zero)
            try stage.play(script)
            lengths.append(stage.breaker.remainingBreak)
        }
        #expect(lengths == [.seconds(1), .seconds(2), .seconds(4), .seconds(1)])
    }
}
