import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Calls that do not fit into a closure.
@Suite(.timeLimit(.minutes(30)))
struct PermitTests {
    private func halfOpen(probes: Int) throws -> Fixture {
        let fixture = try Fixture(.fragile(probes: probes))
        fixture.breaker.open()
        fixture.clock.advance(by: .seconds(10))
        fixture.recorder.clear()
        return fixture
    }

    @Test("GB-24: ignored permits give their places back")
    func ignoredPermits() throws {
        let fixture = try halfOpen(probes: 2)
        let first = try fixture.start()
        let second = try fixture.start()
        fixture.expectRejection(.halfOpen, retryAfter: .seconds(1))
        first.end("X")
        second.end("X")
        let third = try fixture.start()
        let fourth = try fixture.start()
        #expect(!fixture.admits())
        third.end("S")
        #expect(fixture.state == .halfOpen)
        fourth.end("F")
        #expect(fixture.state == .open)
    }

    @Test("GB-25: as many successes as probes close the breaker")
    func successes() throws {
        let fixture = try halfOpen(probes: 2)
        try fixture.breaker.tryAcquirePermit().succeed()
        #expect(fixture.state == .halfOpen)
        try fixture.breaker.tryAcquirePermit().succeed()
        #expect(fixture.state == .closed)
    }

    @Test("DEFECT: a permit that is dropped does not keep a probe's place")
    func droppedPermit() throws {
        let fixture = try halfOpen(probes: 1)
        do {
            let permit = try fixture.breaker.tryAcquirePermit()
            #expect(!fixture.admits())
            _ = permit
        }
        #expect(fixture.breaker.totals.cancelled == 1 && fixture.breaker.counts.running == 0)
        try fixture.breaker.tryAcquirePermit().succeed()
        #expect(fixture.state == .closed)
    }

    @Test func aPermitThatIsEndedIsCountedOnce() throws {
        let fixture = try Fixture(.sixInARow)
        try fixture.breaker.tryAcquirePermit().succeed()
        try fixture.breaker.tryAcquirePermit().fail(InjectedFailure())
        try fixture.breaker.tryAcquirePermit().complete(as: .ignored)
        try fixture.breaker.tryAcquirePermit().complete(as: .cancelled)
        try fixture.breaker.tryAcquirePermit().fail(CancellationError())
        _ = try fixture.breaker.tryAcquirePermit()
        let totals = fixture.breaker.totals
        #expect([totals.succeeded, totals.failed, totals.ignored, totals.cancelled] == [1, 2, 1, 2])
        #expect(totals.calls == 6)
    }

    @Test func aPermitFailsByTheConditions() throws {
        var configuration = Configuration.sixInARow
        configuration.ignores = .only(InjectedFailure.self)
        let fixture = try Fixture(configuration)
        try fixture.breaker.tryAcquirePermit().fail(InjectedFailure())
        #expect(fixture.breaker.counts.ignored == 1)
    }

    @Test("DEFECT: half-open lets only as many through as there are probes, also one after another")
    func placesAreNotGivenBackByResults() throws {
        // A success takes its place for good: three probes are three calls, not three at a time.
        let fixture = try Fixture(.fragile(probes: 3, verdict: .failureRate(below: 0.5)))
        fixture.breaker.open()
        fixture.clock.advance(by: .seconds(10))
        let hung = try fixture.start()
        try fixture.play("SS")
        for _ in 1...10 { #expect(!fixture.admits()) }
        hung.end("S")
        #expect(fixture.state == .closed)
    }

    @Test func eachProbeHasItsOwnTime() throws {
        let fixture = try halfOpen(probes: 2)
        fixture.clock.advance(by: .seconds(100))
        #expect(fixture.state == .halfOpen)
        let first = try fixture.start()
        fixture.clock.advance(by: .seconds(4))
        let second = try fixture.start()
        fixture.clock.advance(by: .seconds(4))
        first.end("C")
        // The first one is back: its deadline means nothing any more.
        fixture.clock.advance(by: .seconds(6) - .nanoseconds(1))
        #expect(fixture.state == .halfOpen)
        fixture.clock.advance(by: .nanoseconds(1))
        second.end("S")
        #expect(fixture.state == .open && fixture.breaker.totals.late == 1)
    }
}
