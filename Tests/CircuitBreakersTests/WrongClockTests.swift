import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// One wrong reading of the clock: as soon as the clock is right again, everything works within its own period.
@Suite struct WrongClockTests {
    static let errors: [Duration] = [
        .seconds(1800), .seconds(-1800), .seconds(90), .seconds(40 * 365 * 86_400), .seconds(-40 * 365 * 86_400),
    ]

    private let clock = SkewedClock()

    private func call(_ breaker: CircuitBreaker, _ outcome: CircuitBreaker.Outcome, at time: Duration) throws {
        clock.show(time)
        try breaker.tryAcquirePermit().complete(as: outcome)
    }

    @Test(
        "failures leave a window of time when they should, whatever moment one call was counted at", arguments: errors)
    func window(error: Duration) throws {
        let configuration = CircuitBreaker.Configuration(
            trip: .any(.failureRate(0.5, minimumCalls: 4), .slowCallRate(1, minimumCalls: 100)),
            window: .time(.seconds(10), buckets: 10), slowCallDuration: .seconds(5))
        for outcome in [CircuitBreaker.Outcome.failure, .success, .ignored] {
            clock.show(.seconds(100))
            let breaker = try CircuitBreaker("test", configuration, clock: clock)
            try call(breaker, .failure, at: .seconds(100))
            try call(breaker, outcome, at: .seconds(100) + error)
            try call(breaker, .failure, at: .seconds(101))
            // Long after those, in a window that holds nothing else.
            for second in 0..<20 { try call(breaker, .success, at: .seconds(112 + second)) }
            #expect(breaker.counts.failures == 0 && breaker.state == .closed)
            #expect((10...11).contains(breaker.counts.successes), "\(breaker.counts.successes)")
            for step in 0..<20 where breaker.state == .closed {
                try call(breaker, .failure, at: .seconds(132) + .milliseconds(step * 100))
            }
            #expect(breaker.state == .open)
        }
    }

    @Test("a break that began at a wrong moment ends in its own time", arguments: errors, [true, false])
    func breakLength(error: Duration, isObserved: Bool) throws {
        clock.show(.seconds(100))
        let breaker = try CircuitBreaker(
            "test", .init(trip: .consecutiveFailures(1), breakLength: .fixed(.seconds(10))), clock: clock,
            observers: isObserved ? [Deaf()] : [])
        try call(breaker, .failure, at: .seconds(100) + error)
        var hints: [Duration] = []
        for second in 100...120 {
            clock.show(.seconds(second))
            do {
                try breaker.tryAcquirePermit().complete(as: .success)
                break
            } catch {
                hints.append(error.retryAfter ?? .seconds(-1))
            }
        }
        // It has ended by then, if the clock was behind.
        #expect(hints.count <= (error < .zero ? 0 : 10) && hints.allSatisfy { $0 > .zero && $0 <= .seconds(10) })
        #expect(breaker.state == .halfOpen)
    }

    @Test("a break is not restarted by a moment that is behind by less than its length")
    func smallSteps() throws {
        let breaker = try CircuitBreaker(
            "test", .init(trip: .consecutiveFailures(1), breakLength: .fixed(.seconds(10))), clock: clock)
        try call(breaker, .failure, at: .seconds(100))
        clock.show(.seconds(91))
        #expect(breaker.state == .open)
        clock.show(.seconds(109))
        #expect(breaker.state == .open)
        clock.show(.seconds(110))
        #expect(breaker.state == .halfOpen)
    }

    private struct Deaf: PolicyObserver {
        func observe(_ event: some PolicyEvent) {}
    }
}
