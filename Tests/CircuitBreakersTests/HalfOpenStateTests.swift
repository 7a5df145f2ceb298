import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// A half-open breaker lets a few probes through and decides by them.
@Suite(.timeLimit(.minutes(30)))
struct HalfOpenStateTests {
    /// A breaker whose break is just over.
    private func halfOpen(_ configuration: Configuration) throws -> Stage {
        let stage = try Stage(configuration)
        stage.breaker.open()
        try stage.breaker.halfOpen()
        stage.recorder.clear()
        return stage
    }

    @Test("GB-12: ignored outcomes never exhaust the probes")
    func ignoredProbes() throws {
        let stage = try Stage(ClosedStateTests.intervals)
        try stage.play("FSF")
        // The scenario goes one nanosecond past the end.
        stage.clock.advance(by: .seconds(90))
        for _ in 1...4 {
            try stage.play("X")
            #expect(stage.state == .halfOpen)
        }
        #expect(stage.breaker.counts.ignored == 4)
        #expect(stage.breaker.counts.calls == 0)
    }

    @Test("GB-13: a failed probe opens the breaker at once")
    func failedProbe() throws {
        let stage = try halfOpen(ClosedStateTests.intervals)
        try stage.play("XXXXF")
        #expect(stage.state == .open)
        #expect(stage.transitions.map(\.reason) == [.probesFailed])
        #expect(stage.transitions.first?.from == .halfOpen)
    }

    @Test("GB-14: a probe that runs is counted, and keeps its place")
    func runningProbe() throws {
        let stage = try halfOpen(ClosedStateTests.intervals)
        try stage.play("SS")
        #expect(stage.breaker.counts.row == [2, 2, 0, 0, 2, 0])
        let third = try stage.start()
        #expect(stage.breaker.counts.row == [3, 2, 0, 0, 2, 0])
        // The two that are back took no time; nobody is told to come back in less than a millisecond.
        stage.expectRejection(.halfOpen, retryAfter: .milliseconds(1))
        third.end("S")
        #expect(stage.state == .closed)
        #expect(stage.breaker.counts == Counts())
        #expect(stage.transitions.map(\.reason) == [.probesSucceeded])
    }

    @Test("R4-10: three of four probes failed")
    func rateReached() throws {
        let stage = try halfOpen(.halfOfFive)
        try stage.play("FFS")
        #expect(stage.state == .halfOpen)
        try stage.play("F")
        #expect(stage.state == .open)
        #expect(stage.transitions.first?.counts.failureRate == 0.75)
        #expect(stage.transitions.first?.counts.calls == 4)
    }

    @Test("R4-11: three of four probes were slow")
    func slowProbes() throws {
        // The scenario is told the durations; here the clock moves, so probes must be allowed to take that long.
        var configuration = Configuration.halfOfFive
        configuration.halfOpen.maxWait = .seconds(60)
        let stage = try halfOpen(configuration)
        try stage.play("SSS", taking: .seconds(5))
        try stage.play("S", taking: .seconds(1))
        #expect(stage.state == .open)
        #expect(stage.transitions.first?.counts.slowCallRate == 0.75)
        #expect(stage.transitions.first?.counts.failureRate == 0)
    }

    @Test("R4-12: one of four probes failed; closed, the counts start over")
    func rateNotReached() throws {
        let stage = try halfOpen(.halfOfFive)
        try stage.play("FSSS")
        #expect(stage.state == .closed)
        #expect(stage.breaker.counts == Counts() && stage.breaker.failureRate == nil)
        try stage.play("S")
        #expect(stage.breaker.counts.calls == 1)
    }

    @Test("R4-13: probes without results keep their places; a new half-open state has fresh ones")
    func sixAsks() throws {
        let stage = try halfOpen(.halfOfFive)
        func ask(_ number: Int) -> [RunningCall] { (0..<number).compactMap { _ in try? stage.start() } }
        let old = ask(6)
        #expect(old.count == 4 && stage.breaker.totals.rejected == 2)
        stage.breaker.open()
        try stage.breaker.halfOpen()
        let new = ask(6)
        #expect(new.count == 4 && stage.breaker.totals.rejected == 4)
        for call in old { call.end("F") }
        #expect(stage.state == .halfOpen && stage.breaker.counts.running == 4 && !stage.admits())
        for call in new { call.end("S") }
        #expect(stage.state == .closed)
    }

    @Test("R4-14: a place given back is given out once")
    func placeGivenBack() throws {
        let stage = try halfOpen(.halfOfFive)
        var calls = try (0..<4).map { _ in try stage.start() }
        #expect(!stage.admits() && !stage.admits())
        calls[1].end("C")
        calls.append(try stage.start())
        #expect(!stage.admits())
        for call in calls { call.end("C") }
    }

    @Test("R4-15: an ignored probe gives its place back and leaves the counts of the others")
    func ignoredAmongOthers() throws {
        let stage = try halfOpen(.halfOfFive)
        try stage.play("SSS")
        try stage.play("X")
        #expect(stage.breaker.counts.calls == 3 && stage.state == .halfOpen)
        try stage.play("F")
        #expect(stage.state == .closed)
        #expect(stage.transitions.first?.counts.failureRate == 0.25)
    }

    @Test("R4-16: only ignored probes decide nothing")
    func onlyIgnored() throws {
        let stage = try halfOpen(.halfOfFive)
        try stage.play("XXXX")
        #expect(stage.state == .halfOpen && stage.breaker.counts.calls == 0)
        try stage.play("SSSS")
        #expect(stage.state == .closed)
    }

    /// The threshold of failures while closed does not matter to probes.
    private func successes(_ number: Int) throws -> Stage {
        try halfOpen(
            .init(
                trip: .consecutiveFailures(2), breakLength: .fixed(.seconds(1)),
                halfOpen: .init(probes: 3, verdict: .successes(atLeast: number))))
    }

    @Test(
        "FS-05: three successes of three",
        arguments: [("SSF", CircuitBreaker.State.open), ("SF", .open), ("SSS", .closed), ("SS", .halfOpen)])
    func threeOfThree(script: String, state: CircuitBreaker.State) throws {
        let stage = try successes(3)
        try stage.play(script)
        #expect(stage.state == state)
    }

    @Test(
        "FS-06: two successes of three",
        arguments: [
            ("FSF", CircuitBreaker.State.open), ("FSS", .closed), ("FS", .halfOpen), ("SS", .closed), ("FF", .open),
        ])
    func twoOfThree(script: String, state: CircuitBreaker.State) throws {
        let stage = try successes(2)
        try stage.play(script)
        #expect(stage.state == state)
    }

    @Test("X-01: a call from before the break changes neither the state nor the places", arguments: ["S", "F"])
    func lateResult(letter: Character) throws {
        let stage = try Stage(.sixInARow)
        let late = try stage.start()
        try stage.play("FFFFFF")
        stage.clock.advance(by: .seconds(60))
        #expect(stage.state == .halfOpen)
        late.end(letter)
        #expect(stage.state == .halfOpen && stage.breaker.counts == Counts())
        #expect(stage.breaker.totals.late == 1)
        #expect(stage.breaker.totals.succeeded + stage.breaker.totals.failed == 7)
        let probe = try stage.start()
        #expect(!stage.admits())
        probe.end("S")
        #expect(stage.state == .closed)
    }

    @Test("X-02: nor if its outcome is ignored, or it is cancelled", arguments: ["X", "C"])
    func lateIgnored(letter: Character) throws {
        let stage = try Stage(.sixInARow)
        let late = try stage.start()
        try stage.play("FFFFFF")
        stage.clock.advance(by: .seconds(60))
        let probe = try stage.start()
        late.end(letter)
        #expect(!stage.admits() && stage.breaker.counts.running == 1)
        probe.end("S")
        #expect(stage.state == .closed)
        let twin = try Stage(.sixInARow)
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
        let stage = try halfOpen(.fragile())
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let probe = Task {
            try await stage.breaker.execute {
                start.finish()
                try await stage.clock.sleep(for: .seconds(5))
            }
        }
        for await _ in started {}
        stage.expectRejection(.halfOpen, retryAfter: .seconds(1))
        probe.cancel()
        await #expect(throws: CancellationError.self) { try await probe.value }
        #expect(stage.state == .halfOpen && stage.breaker.counts == Counts())
        #expect(stage.breaker.totals.cancelled == 1)
        try stage.play("S")
        #expect(stage.state == .closed)
    }

    @Test("X-04: a probe that never returns is given up", arguments: [CircuitBreaker.State.open, .closed])
    func hungProbe(after: CircuitBreaker.State) throws {
        let stage = try halfOpen(.fragile(maxWait: .seconds(3), afterMaxWait: after))
        let probe = try stage.start()
        stage.clock.advance(by: .seconds(3) - .nanoseconds(1))
        #expect(stage.state == .halfOpen)
        stage.expectRejection(.halfOpen, retryAfter: .nanoseconds(1))
        stage.clock.advance(by: .nanoseconds(1))
        #expect(stage.state == after)
        #expect(stage.transitions.map(\.reason) == [.probesTimedOut])
        #expect(stage.transitions.first?.counts.running == 1)
        probe.end("F")
        #expect(stage.state == after && stage.breaker.counts == Counts())
        #expect(stage.breaker.totals.late == 1)
    }
}
