import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Hedges

/// What becomes of values and errors.
@Suite(.timeLimit(.minutes(30)))
struct OutcomeTests {
    let stage = Stage()

    private func hedge(
        _ delay: Hedge.Delay, _ maxHedges: Int = 1, handles: ErrorCondition = .all
    ) throws -> Hedge {
        try Hedge("h", .init(delay: delay, maxHedges: maxHedges, handles: handles), clock: stage.clock)
    }

    @Test("each attempt knows which it is, also when a layer runs it again")
    func attemptNumbers() async throws {
        let seen = Log<[Int]>()
        let hedged = try Policy("p", clock: stage.clock) { Again(times: 1) }
            .hedged(.init(delay: .onlyAfterFailure, maxHedges: 2))
        await #expect(throws: InjectedFailure.self) {
            try await hedged.execute { context in
                seen.append([context.hedge, context.attempt])
                throw InjectedFailure()
            }
        }
        #expect(seen.elements == [[0, 1], [0, 1], [1, 2], [1, 2], [2, 3], [2, 3]])
    }

    @Test("a hedge inside a hedge counts for itself")
    func nested() async throws {
        let outer = try hedge(.onlyAfterFailure)
        let inner = try hedge(.onlyAfterFailure)
        let seen = Log<[Int]>()
        _ = try? await outer.execute { context in
            try await inner.execute(within: context) { nested in
                seen.append([context.hedge, nested.hedge, nested.attempt])
                throw InjectedFailure()
            }
        }
        #expect(seen.elements == [[0, 0, 1], [0, 1, 2], [1, 0, 1], [1, 1, 2]])
    }

    @Test("a different action for each hedge")
    func differentActions() async throws {
        let hedge = try hedge(.onlyAfterFailure, 2)
        let hosts = ["a", "b", "c"]
        let answer = try await hedge.execute { context in
            guard context.hedge == 2 else { throw InjectedFailure() }
            return hosts[context.hedge]
        }
        #expect(answer == "c")
    }

    @Test("a value that is used is never released, each other exactly once")
    func released() async throws {
        let hedge = try hedge(.immediate, 3)
        let released = Log<Int>()
        let upstream = Upstream(
            stage.clock,
            [
                .stubbornSuccess(0, after: .seconds(9)), .success(1, after: .seconds(2)),
                .success(500, after: .seconds(1)), .stubbornSuccess(3, after: .seconds(4)),
            ])
        let call = stage.start {
            try await hedge.execute(accepting: { $0 < 500 }, releasing: { released.append($0) }) { context in
                try await upstream.call(context)
            }
        }
        stage.advance(by: .seconds(8))
        #expect(released.elements == [], "not before all have ended")
        stage.advance(by: .seconds(1))
        #expect(try await call.value == 1)
        #expect(released.elements == [500, 3, 0])
    }

    @Test("values that are lost to a layer inside are released too; of those that fail, all but the primary's")
    func releasedFromLayers() async throws {
        let released = Log<Int>()
        let made = Log<Int>()
        let hedged = try Policy("p", clock: stage.clock) { Again(times: 2) }
            .hedged(.init(delay: .onlyAfterFailure))
        let value = try await hedged.execute(accepting: { _ in false }, releasing: { released.append($0) }) { context in
            let value = 10 * context.attempt + made.elements.count
            made.append(value)
            return value
        }
        #expect(value == 12)
        #expect(made.elements == [10, 11, 12, 23, 24, 25])
        #expect(released.elements.sorted() == [10, 11, 23, 24, 25])
    }

    @Test("a fatal error ends the call at once")
    func fatal() async throws {
        let hedge = try hedge(
            .fixed(.seconds(1)), 3, handles: .errors { $0 as? InjectedFailure != InjectedFailure("bad request") })
        let upstream = Upstream(stage.clock, [.hang, .failure("bad request", after: .seconds(1))])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(2))
        await #expect(throws: InjectedFailure("bad request")) { try await call.value }
        #expect(upstream.attempts == [1, 2, 3])
        #expect(upstream.cancelled == 2)
        #expect(hedge.totals == .init(failed: 1, startedByDelay: 2, lost: 2))
    }

    @Test("what a layer refused is not tried again: the primary's rejection comes back at once")
    func refused() async throws {
        let hedged = try Policy("p", clock: stage.clock) { CountingLayer(limit: 0) }
            .hedged(.init(delay: .fixed(.seconds(1)), maxHedges: 3))
        await #expect(throws: Refused.self) { try await hedged.execute { 1 } }
        #expect(hedged.hedge.totals == .init(failed: 1))
    }

    @Test("a rejection that the operation itself meets, at one of its hosts, is a failure as any other")
    func refusedInside() async throws {
        let hedge = try hedge(.onlyAfterFailure)
        let value = try await hedge.execute { context in
            if context.hedge == 0 { throw Refused() }
            return 7
        }
        #expect(value == 7)
        #expect(hedge.totals == .init(hedgeWins: 1, startedByFailure: 1))
    }

    @Test("what the policy declares as unaccepted is hedged")
    func declared() async throws {
        let policy = try Policy("p", clock: stage.clock) { CountingLayer() }.accepting(Int.self) { $0 < 500 }
        let hedged = try policy.hedged(.init(delay: .onlyAfterFailure))
        #expect(try await hedged.execute { context in context.hedge == 0 ? 503 : 200 } == 200)
        #expect(try await hedged.execute { context in 500 + context.hedge } == 500)
        #expect(hedged.hedge.totals == .init(hedgeWins: 1, failed: 1, startedByFailure: 2))
    }

    @Test("run tells of the attempts, the winner and what the layers reported")
    func run() async throws {
        let hedged = try Policy("p", clock: stage.clock) { CountingLayer() }
            .hedged(.init(delay: .onlyAfterFailure, maxHedges: 2))
        let success = await hedged.run { context in
            if context.hedge < 2 { throw InjectedFailure() }
            return "c"
        }
        #expect(success.value == "c")
        #expect(success.attempts == 3)
        #expect(success.winningAttempt == 3)
        #expect(success.isAccepted)
        #expect(success.policyName == "p")

        let unaccepted = await hedged.run(accepting: { $0 > 1 }) { 1 }
        #expect(unaccepted.value == 1)
        #expect(!unaccepted.isAccepted)
        #expect(unaccepted.winningAttempt == nil)

        let failed: Execution<Int> = await hedged.run { throw InjectedFailure("x") }
        #expect(failed.attempts == 3)
        #expect(throws: InjectedFailure("x")) { try failed.get() }

        let hedge = try hedge(.onlyAfterFailure)
        let alone = await hedge.run { 1 }
        #expect(alone.winningAttempt == 1)
        #expect(alone.policyName == "h")
    }

    @Test("the context of a call around holds inside: deadline, values, rules for values, record")
    func within() async throws {
        enum Tenant: ContextKey { typealias Value = String }
        let policy = try Policy("inner", clock: stage.clock) { CountingLayer() }
        let hedged = try policy.hedged(.init(delay: .onlyAfterFailure))
        let outer = try Policy("outer", clock: stage.clock) { CountingLayer() }
            .accepting(Int.self) { $0 != 500 }
        let execution = await outer.run { context in
            var context = context
            context[Tenant.self] = "blue"
            context.shortenDeadline(to: context.time.now.advanced(by: .seconds(9)), on: context.time)
            return try await hedged.execute(within: context) { inner in
                #expect(inner[Tenant.self] == "blue")
                #expect(inner.remaining == .seconds(9))
                #expect(inner.policyName == "inner")
                return 500 + inner.hedge
            }
        }
        #expect(execution.value == 501)
        #expect(execution.attempts == 1)
        #expect(execution.winningAttempt == 2)
    }

    @Test("task-local values reach every attempt; names tell the attempts apart")
    func taskLocals() async throws {
        enum Local { @TaskLocal static var value = 0 }
        let hedge = try hedge(.onlyAfterFailure)
        let seen = Log<String>()
        _ = try? await Local.$value.withValue(7) {
            try await hedge.execute {
                seen.append("\(Local.value) \(Task.name ?? "")")
                throw InjectedFailure()
            }
        }
        #expect(seen.elements == ["7 primary h", "7 hedge 1 h"])
    }

    @Test("an error inside of wrappers is fatal as itself")
    func fatalInside() async throws {
        struct Wrapped: ErrorWrapper { let wrappedError: any Error }
        let hedge = try hedge(
            .onlyAfterFailure, handles: .errors { $0 as? InjectedFailure != InjectedFailure("fatal") })
        for (label, attempts) in [("fatal", 1), ("other", 2)] {
            let execution = await hedge.run {
                throw Wrapped(wrappedError: Wrapped(wrappedError: InjectedFailure(label)))
            }
            #expect(execution.attempts == attempts, "\(label)")
        }
    }
}
