import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Calls that do not fit into a closure.
@Suite(.timeLimit(.minutes(30)))
struct PermitTests {
    private func halfOpen(probes: Int) throws -> Stage {
        let stage = try Stage(.fragile(probes: probes))
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        stage.recorder.clear()
        return stage
    }

    @Test("GB-24: ignored permits give their places back")
    func ignoredPermits() throws {
        let stage = try halfOpen(probes: 2)
        let first = try stage.start()
        let second = try stage.start()
        stage.expectRejection(.halfOpen, retryAfter: .seconds(1))
        first.end("X")
        second.end("X")
        let third = try stage.start()
        let fourth = try stage.start()
        #expect(!stage.admits())
        third.end("S")
        #expect(stage.state == .halfOpen)
        fourth.end("F")
        #expect(stage.state == .open)
    }

    @Test("GB-25: as many successes as probes close the breaker")
    func successes() throws {
        let stage = try halfOpen(probes: 2)
        try stage.breaker.tryAcquirePermit().succeed()
        #expect(stage.state == .halfOpen)
        try stage.breaker.tryAcquirePermit().succeed()
        #expect(stage.state == .closed)
    }

    @Test("a permit that is dropped does not keep a probe's place")
    func droppedPermit() throws {
        let stage = try halfOpen(probes: 1)
        do {
            let permit = try stage.breaker.tryAcquirePermit()
            #expect(!stage.admits())
            _ = permit
        }
        #expect(stage.breaker.totals.cancelled == 1 && stage.breaker.counts.running == 0)
        try stage.breaker.tryAcquirePermit().succeed()
        #expect(stage.state == .closed)
    }

    @Test("a permit that is ended is counted once")
    func once() throws {
        let stage = try Stage(.sixInARow)
        try stage.breaker.tryAcquirePermit().succeed()
        try stage.breaker.tryAcquirePermit().fail(InjectedFailure())
        try stage.breaker.tryAcquirePermit().complete(as: .ignored)
        try stage.breaker.tryAcquirePermit().complete(as: .cancelled)
        try stage.breaker.tryAcquirePermit().fail(CancellationError())
        _ = try stage.breaker.tryAcquirePermit()
        let totals = stage.breaker.totals
        #expect([totals.succeeded, totals.failed, totals.ignored, totals.cancelled] == [1, 2, 1, 2])
        #expect(totals.calls == 6)
    }

    @Test("a permit fails by the conditions")
    func conditions() throws {
        var configuration = Configuration.sixInARow
        configuration.ignores = .only(InjectedFailure.self)
        let stage = try Stage(configuration)
        try stage.breaker.tryAcquirePermit().fail(InjectedFailure())
        #expect(stage.breaker.counts.ignored == 1)
    }

    @Test("half-open lets only as many through as there are probes, also one after another")
    func placesAreNotGivenBackByResults() throws {
        // A success takes its place for good: three probes are three calls, not three at a time.
        let stage = try Stage(.fragile(probes: 3, verdict: .failureRate(below: 0.5)))
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        let hung = try stage.start()
        try stage.play("SS")
        for _ in 1...10 { #expect(!stage.admits()) }
        hung.end("S")
        #expect(stage.state == .closed)
    }

    @Test("each probe has its own time")
    func probeTime() throws {
        let stage = try halfOpen(probes: 2)
        stage.clock.advance(by: .seconds(100))
        #expect(stage.state == .halfOpen)
        let first = try stage.start()
        stage.clock.advance(by: .seconds(4))
        let second = try stage.start()
        stage.clock.advance(by: .seconds(4))
        first.end("C")
        // The first one is back: its deadline means nothing any more.
        stage.clock.advance(by: .seconds(6) - .nanoseconds(1))
        #expect(stage.state == .halfOpen)
        stage.clock.advance(by: .nanoseconds(1))
        second.end("S")
        #expect(stage.state == .open && stage.breaker.totals.late == 1)
    }
}
