import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// A half-open breaker lets a few probes through and decides by them.
@Suite(.timeLimit(.minutes(30)))
struct HalfOpenStateTests {
    /// A breaker whose break is just over.
    private func halfOpen(_ configuration: Configuration) throws -> Fixture {
        let fixture = try Fixture(configuration)
        fixture.breaker.open()
        try fixture.breaker.halfOpen()
        fixture.recorder.clear()
        return fixture
    }

    @Test("GB-12: ignored outcomes never exhaust the probes")
    func ignoredProbes() throws {
        let fixture = try Fixture(ClosedStateTests.intervals)
        try fixture.play("FSF")
        // The scenario goes one nanosecond past the end.
        fixture.clock.advance(by: .seconds(90))
        for _ in 1...4 {
            try fixture.play("X")
            #expect(fixture.state == .halfOpen)
        }
        #expect(fixture.breaker.counts.ignored == 4)
        #expect(fixture.breaker.counts.calls == 0)
    }

    @Test("GB-13: a failed probe opens the breaker at once")
    func failedProbe() throws {
        let fixture = try halfOpen(ClosedStateTests.intervals)
        try fixture.play("XXXXF")
        #expect(fixture.state == .open)
        #expect(fixture.transitions.map(\.reason) == [.probesFailed])
        #expect(fixture.transitions.first?.from == .halfOpen)
    }

    @Test("GB-14: a probe that runs is counted, and keeps its place")
    func runningProbe() throws {
        let fixture = try halfOpen(ClosedStateTests.intervals)
        try fixture.play("SS")
        #expect(fixture.breaker.counts.row == [2, 2, 0, 0, 2, 0])
        let third = try fixture.start()
        #expect(fixture.breaker.counts.row == [3, 2, 0, 0, 2, 0])
        // The two that are back took no time; nobody is told to come back in less than a millisecond.
        fixture.expectRejection(.halfOpen, retryAfter: .milliseconds(1))
        third.end("S")
        #expect(fixture.state == .closed)
        #expect(fixture.breaker.counts == Counts())
        #expect(fixture.transitions.map(\.reason) == [.probesSucceeded])
    }

    @Test("R4-10: three of four probes failed")
    func rateReached() throws {
        let fixture = try halfOpen(.halfOfFive)
        try fixture.play("FFS")
        #expect(fixture.state == .halfOpen)
        try fixture.play("F")
        #expect(fixture.state == .open)
        #expect(fixture.transitions.first?.counts.failureRate == 0.75)
        #expect(fixture.transitions.first?.counts.calls == 4)
    }

    @Test("R4-11: three of four probes were slow")
    func slowProbes() throws {
        // The scenario is told the durations; here the clock moves, so probes must be allowed to take that long.
        var configuration = Configuration.halfOfFive
        configuration.halfOpen.maxWait = .seconds(60)
        let fixture = try halfOpen(configuration)
        try fixture.play("SSS", taking: .seconds(5))
        try fixture.play("S", taking: .seconds(1))
        #expect(fixture.state == .open)
        #expect(fixture.transitions.first?.counts.slowCallRate == 0.75)
        #expect(fixture.transitions.first?.counts.failureRate == 0)
    }

    @Test("R4-12: one of four probes failed; closed, the counts start anew")
    func rateNotReached() throws {
        let fixture = try halfOpen(.halfOfFive)
        try fixture.play("FSSS")
        #expect(fixture.state == .closed)
        #expect(fixture.breaker.counts == Counts() && fixture.breaker.failureRate == nil)
        try fixture.play("S")
        #expect(fixture.breaker.counts.calls == 1)
    }

    @Test("R4-13: probes without results keep their places; a new half-open state has fresh ones")
    func sixAsks() throws {
        let fixture = try halfOpen(.halfOfFive)
        func ask(_ number: Int) -> [RunningCall] { (0..<number).compactMap { _ in try? fixture.start() } }
        let old = ask(6)
        #expect(old.count == 4 && fixture.breaker.totals.rejected == 2)
        fixture.breaker.open()
        try fixture.breaker.halfOpen()
        let new = ask(6)
        #expect(new.count == 4 && fixture.breaker.totals.rejected == 4)
        for call in old { call.end("F") }
        #expect(fixture.state == .halfOpen && fixture.breaker.counts.running == 4 && !fixture.admits())
        for call in new { call.end("S") }
        #expect(fixture.state == .closed)
    }

    @Test("R4-14: a place given back is given out once")
    func placeGivenBack() throws {
        let fixture = try halfOpen(.halfOfFive)
        var calls = try (0..<4).map { _ in try fixture.start() }
        #expect(!fixture.admits() && !fixture.admits())
        calls[1].end("C")
        calls.append(try fixture.start())
        #expect(!fixture.admits())
        for call in calls { call.end("C") }
    }

    @Test("R4-15: an ignored probe gives its place back and leaves the counts of the others")
    func ignoredAmongOthers() throws {
        let fixture = try halfOpen(.halfOfFive)
        try fixture.play("SSS")
        try fixture.play("X")
        #expect(fixture.breaker.counts.calls == 3 && fixture.state == .halfOpen)
        try fixture.play("F")
        #expect(fixture.state == .closed)
        #expect(fixture.transitions.first?.counts.failureRate == 0.25)
    }

    @Test("R4-16: only ignored probes decide nothing")
    func onlyIgnored() throws {
        let fixture = try halfOpen(.halfOfFive)
        try fixture.play("XXXX")
        #expect(fixture.state == .halfOpen && fixture.breaker.counts.calls == 0)
        try fixture.play("SSSS")
        #expect(fixture.state == .closed)
    }

    /// The threshold of failures while closed does not matter to probes.
    private func successes(_ number: Int) throws -> Fixture {
        try halfOpen(
            .init(
                trip: .consecutiveFailures(2), breakLength: .fixed(.seconds(1)),
                halfOpen: .init(probes: 3, verdict: .successes(atLeast: number))))
    }

    @Test(
        "FS-05: three successes of three",
        arguments: [("SSF", CircuitBreaker.State.open), ("SF", .open), ("SSS", .closed), ("SS", .halfOpen)])
    func threeOfThree(script: String, state: CircuitBreaker.State) throws {
        let fixture = try successes(3)
        try fixture.play(script)
        #expect(fixture.state == state)
    }

    @Test(
        "FS-06: two successes of three",
        arguments: [
            ("FSF", CircuitBreaker.State.open), ("FSS", .closed), ("FS", .halfOpen), ("SS", .closed), ("FF", .open),
        ])
    func twoOfThree(script: String, state: CircuitBreaker.State) throws {
        let fixture = try successes(2)
        try fixture.play(script)
        #expect(fixture.state == state)
    }

    @Test("X-01: a call from before the break changes neither the state nor the places", arguments: ["S", "F"])
    func lateResult(letter: Character) throws {
        let fixture = try Fixture(.sixInARow)
        let late = try fixture.start()
        try fixture.play("FFFFFF")
        fixture.clock.advance(by: .seconds(60))
        #expect(fixture.state == .halfOpen)
        late.end(letter)
        #expect(fixture.state == .halfOpen && fixture.breaker.counts == Counts())
        #expect(fixture.breaker.totals.late == 1)
        #expect(fixture.breaker.totals.succeeded + fixture.breaker.totals.failed == 7)
        let probe = try fixture.start()
        #expect(!fixture.admits())
        probe.end("S")
        #expect(fixture.state == .closed)
    }

    @Test("X-02: nor if its outcome is ignored, or it is cancelled", arguments: ["X", "C"])
    func lateIgnored(letter: Character) throws {
        let fixture = try Fixture(.sixInARow)
        let late = try fixture.start()
        try fixture.play("FFFFFF")
        fixture.clock.advance(by: .seconds(60))
        let probe = try fixture.start()
        late.end(letter)
        #expect(!fixture.admits() && fixture.breaker.counts.running == 1)
        probe.end("S")
        #expect(fixture.state == .closed)
        let twin = try Fixture(.sixInARow)
        let twinLate = try twin.start()
        try twin.play("FFFFFF")
        twin.clock.advance(by: .seconds(60))
        #expect(twin.state == .halfOpen)
        twinLate.end(letter)
        let one = try twin.start()
        #expect(!twin.admits())
        one.end("C")
    }

    @Test("X-03: the caller cancels the probe; the next one is the probe")
    func cancelledProbe() async throws {
        let fixture = try halfOpen(.fragile())
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let probe = Task {
            try await fixture.breaker.execute {
                start.finish()
                try await fixture.clock.sleep(for: .seconds(5))
            }
        }
        for await _ in started {}
        fixture.expectRejection(.halfOpen, retryAfter: .seconds(1))
        probe.cancel()
        await #expect(throws: CancellationError.self) { try await probe.value }
        #expect(fixture.state == .halfOpen && fixture.breaker.counts == Counts())
        #expect(fixture.breaker.totals.cancelled == 1)
        try fixture.play("S")
        #expect(fixture.state == .closed)
    }

    @Test("X-04: a probe that never returns is given up", arguments: [CircuitBreaker.State.open, .closed])
    func hungProbe(after: CircuitBreaker.State) throws {
        let fixture = try halfOpen(.fragile(maxWait: .seconds(3), afterMaxWait: after))
        let probe = try fixture.start()
        fixture.clock.advance(by: .seconds(3) - .nanoseconds(1))
        #expect(fixture.state == .halfOpen)
        fixture.expectRejection(.halfOpen, retryAfter: .nanoseconds(1))
        fixture.clock.advance(by: .nanoseconds(1))
        #expect(fixture.state == after)
        #expect(fixture.transitions.map(\.reason) == [.probesTimedOut])
        #expect(fixture.transitions.first?.counts.running == 1)
        probe.end("F")
        #expect(fixture.state == after && fixture.breaker.counts == Counts())
        #expect(fixture.breaker.totals.late == 1)
    }
}
