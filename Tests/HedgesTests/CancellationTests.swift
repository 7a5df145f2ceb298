import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Hedges

/// Cancellation by the caller, in every phase of a call.
@Suite(.timeLimit(.minutes(30)))
struct CancellationTests {
    let stage = Stage()
    let recorder = EventRecorder()

    private func hedge(_ delay: Hedge.Delay, _ maxHedges: Int = 3) throws -> Hedge {
        try Hedge("h", .init(delay: delay, maxHedges: maxHedges), clock: stage.clock, observers: [recorder])
    }

    @Test("before the call: nothing runs")
    func before() async throws {
        let hedge = try hedge(.immediate)
        let upstream = Upstream(stage.clock, [.success(0)])
        let call = stage.start {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await hedge.execute { context in try await upstream.call(context) }
        }
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(upstream.attempts == [])
        #expect(hedge.totals == .init(cancelled: 1))
    }

    @Test("while the primary runs, or several attempts: all end, none starts, no timer is left", arguments: 0...3)
    func running(hedges: Int) async throws {
        let hedge = try hedge(.fixed(.seconds(1)))
        let upstream = Upstream(stage.clock, [.hang])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .milliseconds(500 + 1_000 * hedges))
        #expect(upstream.running == hedges + 1)
        call.cancel()
        stage.settle()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(upstream.cancelled == hedges + 1)
        #expect(stage.clock.timerCount == 0)
        #expect(hedge.totals == .init(cancelled: 1, startedByDelay: hedges))
        #expect(!recorder.names.contains("hedge.failed"))
    }

    @Test("while attempts run that do not listen: none starts, and the call waits for them")
    func stubborn() async throws {
        let hedge = try hedge(.fixed(.seconds(2)))
        let upstream = Upstream(stage.clock, [.stubbornFailure(InjectedFailure(), after: .seconds(5))])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(1))
        call.cancel()
        stage.advance(by: .seconds(3))
        #expect(upstream.running == 1)
        #expect(upstream.attempts == [1])
        stage.advance(by: .seconds(1))
        await #expect(throws: InjectedFailure.self) { try await call.value }
        #expect(hedge.totals == .init(cancelled: 1))
    }

    @Test("a value that comes nevertheless is returned")
    func lateSuccess() async throws {
        let hedge = try hedge(.immediate, 1)
        let upstream = Upstream(stage.clock, [.hang, .stubbornSuccess(1, after: .seconds(5))])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(1))
        call.cancel()
        stage.advance(by: .seconds(4))
        #expect(try await call.value == 1)
        #expect(hedge.totals == .init(hedgeWins: 1, startedByDelay: 1))
    }

    @Test("after the primary has failed: the caller hears of the cancellation")
    func afterFailure() async throws {
        let hedge = try hedge(.onlyAfterFailure, 1)
        let upstream = Upstream(stage.clock, [.failure("primary"), .hang])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        #expect(upstream.attempts == [1, 2])
        call.cancel()
        stage.settle()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(hedge.totals == .init(cancelled: 1, startedByFailure: 1))
    }

    @Test("after the decision, while a loser is waited for: the winner stays the winner")
    func whileJoining() async throws {
        let hedge = try hedge(.immediate, 1)
        let upstream = Upstream(
            stage.clock, [.stubbornSuccess(0, after: .seconds(9)), .success(1, after: .seconds(1))])
        let released = Log<Int>()
        let call = stage.start {
            try await hedge.execute(releasing: { released.append($0) }) { context in try await upstream.call(context) }
        }
        stage.advance(by: .seconds(2))
        call.cancel()
        stage.advance(by: .seconds(7))
        #expect(try await call.value == 1)
        #expect(released.elements == [0])
        #expect(hedge.totals == .init(hedgeWins: 1, startedByDelay: 1, lost: 1))
    }

    @Test("a CancellationError of a client, in a call that was not cancelled, is a failure as any other")
    func selfCancelled() async throws {
        let hedge = try hedge(.fixed(.seconds(1)), 2)
        let upstream = Upstream(
            stage.clock,
            [.failure(CancellationError(), after: .milliseconds(500)), .success(1, after: .milliseconds(800))])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(9))
        #expect(try await call.value == 1)
        #expect(upstream.starts.map(\.milliseconds) == [0, 500])
        #expect(hedge.totals == .init(hedgeWins: 1, startedByFailure: 1))

        let alone = Upstream(stage.clock, [.failure(CancellationError())])
        await #expect(throws: CancellationError.self) {
            try await hedge.execute { context in try await alone.call(context) }
        }
        #expect(alone.attempts == [1, 2, 3])
        #expect(hedge.totals.cancelled == 0 && hedge.totals.failed == 1)
    }

    @Test("while an attempt runs that does not listen, and a server has asked to wait: the call ends with the attempt")
    func stubbornBesidePushback() async throws {
        let hedge = try hedge(.fixed(.seconds(1)), 2)
        let upstream = Upstream(
            stage.clock,
            [
                .stubbornFailure(InjectedFailure(), after: .seconds(10)),
                .failure(InjectedFailure(retryAfter: .seconds(3))), .success(7),
            ])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(2))
        #expect(upstream.attempts == [1, 2] && upstream.running == 1)
        call.cancel()
        stage.settle()
        stage.advance(by: .seconds(8))
        await #expect(throws: (any Error).self) { try await call.value }
        #expect(upstream.attempts == [1, 2] && stage.clock.timerCount == 0)
    }
}
