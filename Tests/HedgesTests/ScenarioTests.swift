import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing

@testable import Hedges

/// What established toolkits document, by ID, and the faults that others have had.
@Suite(.timeLimit(.minutes(30)))
struct ScenarioTests {
    let stage = Stage()

    private func hedge(_ delay: Hedge.Delay, maxHedges: Int) throws -> Hedge {
        try Hedge("h", .init(delay: delay, maxHedges: maxHedges), clock: stage.clock)
    }

    @Test("PO-38: the hedge that succeeds first wins, whichever started first")
    func fastestAlternative() async throws {
        let hedge = try hedge(.fixed(.seconds(1)), maxHedges: 3)
        let upstream = Upstream(
            stage.clock,
            [
                .success(0, after: .seconds(100)), .success(1, after: .seconds(10)), .success(2, after: .seconds(2)),
                .success(3, after: .seconds(3)),
            ])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .milliseconds(3_999))
        #expect(upstream.starts.map(\.milliseconds) == [0, 1_000, 2_000, 3_000])
        #expect(upstream.running == 4)
        stage.advance(by: .milliseconds(1))
        #expect(try await call.value == 2)
        #expect(upstream.running == 0)
        #expect(hedge.totals == .init(hedgeWins: 1, startedByDelay: 3, lost: 3))
    }

    @Test("PO-39: without a delay all start although the clock stands still")
    func allAtOnce() async throws {
        for delay in [Hedge.Delay.immediate, .fixed(.zero), .list([.zero]), .custom { _ in .seconds(-1) }] {
            let hedge = try hedge(delay, maxHedges: 3)
            let upstream = Upstream(stage.clock, [.hang, .hang, .success(2, after: .seconds(1)), .hang])
            let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
            #expect(upstream.attempts == [1, 2, 3, 4])
            #expect(stage.clock.timerCount == 0)
            stage.advance(by: .seconds(1))
            #expect(try await call.value == 2)
            #expect(upstream.cancelled == 3)
        }
    }

    @Test("PO-40: with hedges only after failures there are never two attempts at once")
    func neverTwoAtOnce() async throws {
        let hedge = try hedge(.onlyAfterFailure, maxHedges: 3)
        let upstream = Upstream(
            stage.clock,
            [
                .failure("a", after: .seconds(3600)), .failure("b", after: .seconds(1)),
                .success(2, after: .seconds(7)),
            ])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        #expect(stage.clock.timerCount == 0)
        stage.advance(by: .seconds(3608))
        #expect(try await call.value == 2)
        #expect(upstream.mostRunning == 1)
        #expect(upstream.starts.map(\.milliseconds) == [0, 3_600_000, 3_601_000])
        #expect(hedge.totals == .init(hedgeWins: 1, startedByFailure: 2))
    }

    @Test(
        "PO-41: when all fail, the primary's outcome is the call's",
        arguments: [Hedge.Delay.onlyAfterFailure, .immediate, .fixed(.seconds(1))])
    func allFail(delay: Hedge.Delay) async throws {
        let hedge = try hedge(delay, maxHedges: 2)
        // The slowest, so that it is also the last where they run beside each other.
        let upstream = Upstream(
            stage.clock, [.failure("primary", after: .seconds(10)), .failure("b"), .failure("c")])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(11))
        await #expect(throws: InjectedFailure("primary")) { try await call.value }
        #expect(upstream.attempts == [1, 2, 3])
        #expect(hedge.totals.failed == 1)
        #expect(hedge.totals.hedges == 2)

        let unaccepted = Upstream(stage.clock, [.success(1, after: .seconds(10)), .success(2), .failure("c")])
        let other = stage.start {
            try await hedge.execute(accepting: { $0 > 9 }) { context in try await unaccepted.call(context) }
        }
        stage.advance(by: .seconds(11))
        #expect(try await other.value == 1)
        #expect(hedge.totals.failed == 2)
    }

    @Test("X-16: a failure that is first does not win, the success after it does")
    func firstSuccessWins() async throws {
        let hedge = try hedge(.immediate, maxHedges: 2)
        let upstream = Upstream(
            stage.clock, [.hang, .failure("first", after: .seconds(1)), .success(2, after: .seconds(2))])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(1))
        #expect(upstream.running == 2)
        stage.advance(by: .seconds(1))
        #expect(try await call.value == 2)
    }

    @Test("X-16: nor does a value that is not accepted")
    func firstAcceptedWins() async throws {
        let hedge = try hedge(.fixed(.seconds(5)), maxHedges: 1)
        let upstream = Upstream(stage.clock, [.success(500, after: .seconds(1)), .success(200, after: .seconds(1))])
        let call = stage.start {
            try await hedge.execute(accepting: { $0 < 500 }) { context in try await upstream.call(context) }
        }
        stage.advance(by: .seconds(2))
        #expect(try await call.value == 200)
        #expect(upstream.starts.map(\.milliseconds) == [0, 1_000])
        #expect(hedge.totals == .init(hedgeWins: 1, startedByFailure: 1))
    }

    @Test("X-17: losers are cancelled, and have ended when the call returns, even if they do not listen")
    func losersAreJoined() async throws {
        let hedge = try hedge(.immediate, maxHedges: 2)
        let upstream = Upstream(
            stage.clock,
            [
                .hang, .success(1, after: .seconds(1)),
                .stubbornFailure(InjectedFailure(), after: .seconds(9)),
            ])
        let call = stage.start {
            let value = try await hedge.execute { context in try await upstream.call(context) }
            #expect(upstream.running == 0)
            return (value, stage.now)
        }
        stage.advance(by: .seconds(1))
        #expect(upstream.cancelled == 1)
        #expect(upstream.running == 1)
        stage.advance(by: .seconds(20))
        #expect(try await call.value == (1, 9_000))
        #expect(hedge.totals == .init(hedgeWins: 1, startedByDelay: 2, lost: 2))
    }

    @Test("hedges do not escape the concurrency limit: every attempt passes the layers inside")
    func everyAttemptCounts() async throws {
        let counting = CountingLayer(limit: 2)
        let policy = try Policy("p", clock: stage.clock) {
            counting
            CircuitBreaker.layer()
        }
        let hedged = try policy.hedged(.init(delay: .fixed(.seconds(1)), maxHedges: 3))
        let upstream = Upstream(stage.clock, [.success(0, after: .seconds(10)), .hang])
        let call = stage.start { try await hedged.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(4))
        #expect(upstream.attempts == [1, 2], "the third and the fourth are refused")
        #expect(counting.running == 2)
        #expect(counting.refused == 2)
        stage.advance(by: .seconds(6))
        #expect(try await call.value == 0)
        #expect(counting.running == 0)
        let breaker = try #require(policy.circuitBreakers.first)
        #expect(breaker.totals.succeeded == 1)
        #expect(breaker.totals.cancelled == 1, "a loser says nothing about the service")
        #expect(breaker.totals.failed == 0)
        #expect(hedged.hedge.totals == .init(primaryWins: 1, startedByDelay: 3, lost: 1))
    }

    @Test("a call that is quick enough is not hedged, and leaves no timer")
    func quick() async throws {
        let hedge = try hedge(.fixed(.seconds(1)), maxHedges: 3)
        let upstream = Upstream(stage.clock, [.success(0, after: .milliseconds(999))])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        #expect(stage.clock.timerCount == 1)
        stage.advance(by: .milliseconds(999))
        #expect(try await call.value == 0)
        #expect(stage.clock.timerCount == 0)
        #expect(hedge.totals == .init(primaryWins: 1))
    }
}
