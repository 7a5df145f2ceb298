import ResilienceCore
import ResilienceTesting
import Retries
import TestSupport
import Testing

@testable import Hedges

/// What servers ask of hedges, and what hedged calls hand on.
@Suite(.timeLimit(.minutes(30)))
struct HintTests {
    let stage = Stage()

    private struct Answer: Error, ServerHintProviding { var serverHint: ServerHint? }

    private func play(
        _ configuration: Hedge.Configuration, _ steps: [Upstream.Step], random: RandomSource = .constant(0)
    ) async throws -> (starts: [Int], result: Result<Int, any Error>) {
        let hedge = try Hedge("h", configuration, clock: stage.clock, random: random)
        let upstream = Upstream(stage.clock, steps)
        let begin = stage.now
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(1_000))
        #expect(stage.clock.timerCount == 0)
        return (upstream.starts.map { $0.milliseconds - begin }, await call.result)
    }

    @Test("pushback delays the next hedge by at least it, also when nothing else runs")
    func pushback() async throws {
        let busy = Upstream.Step.failure(InjectedFailure(retryAfter: .seconds(3)))
        for delay in [Hedge.Delay.onlyAfterFailure, .fixed(.seconds(1)), .immediate] {
            let configuration = Hedge.Configuration(delay: delay, maxHedges: 2)
            let (starts, result) = try await play(configuration, [busy, busy, .success(7)])
            #expect(try result.get() == 7)
            #expect(starts == (delay.isImmediate ? [0, 0, 0] : [0, 3_000, 6_000]))
        }
        let other = try await play(
            .init(delay: .fixed(.seconds(1)), maxHedges: 2),
            [.success(1, after: .seconds(60)), busy, .success(7)])
        #expect(other.starts == [0, 1_000, 4_000])
    }

    @Test("pushback is spread above what is asked for")
    func spread() async throws {
        let busy = Upstream.Step.failure(InjectedFailure(retryAfter: .seconds(2)))
        for (random, expected) in [(0.0, 2_000), (0.5, 2_500), (1, 3_000)] {
            let (starts, _) = try await play(
                .init(delay: .onlyAfterFailure), [busy, .success(7)], random: .constant(random))
            #expect(starts == [0, expected])
        }
    }

    @Test("a server that asks not to try again, or too late, gets no further hedge")
    func noFurther() async throws {
        for hint in [ServerHint.doNotRetry, .retryAfter(.seconds(31))] {
            let (starts, result) = try await play(
                .init(delay: .fixed(.seconds(1)), maxHedges: 3), [.failure(Answer(serverHint: hint))])
            #expect(starts == [0])
            #expect(throws: Answer.self) { try result.get() }
        }
        let running = try await play(
            .init(delay: .fixed(.seconds(1)), maxHedges: 3),
            [.success(1, after: .seconds(9)), .failure(Answer(serverHint: .doNotRetry)), .success(3)])
        #expect(running.starts == [0, 1_000])
        #expect(try running.result.get() == 1)
    }

    @Test("a value that was not accepted gives its hint")
    func values() async throws {
        struct Response: Sendable, RetryAfterProviding { var retryAfter: Duration? }
        let hedge = try Hedge(
            "h", .init(delay: .onlyAfterFailure, hintJitter: 0), clock: stage.clock)
        let starts = Log<Int>()
        let call = stage.start { [stage] in
            try await hedge.execute(accepting: { $0.retryAfter == nil }) { context in
                starts.append(stage.now)
                return Response(retryAfter: context.hedge == 0 ? .seconds(4) : nil)
            }
        }
        stage.advance(by: .seconds(10))
        #expect(try await call.value.retryAfter == nil)
        #expect(starts.elements == [0, 4_000])
    }

    @Test(
        "calls with the same deadline are spread below it where the jitter reaches further", arguments: [1_000, 1_900])
    func spreadBelowTheDeadline(milliseconds: Int) async throws {
        var starts: Set<Int> = []
        for draw in 0..<20 {
            let stage = Stage()
            let hedge = try Hedge(
                "h", .init(delay: .onlyAfterFailure, hintJitter: 1), clock: stage.clock,
                random: .constant(Double(draw) / 20))
            let second = Log<Int>()
            var context = Context(name: "h", time: TimeSource(stage.clock))
            context.deadline = context.time.now.advanced(by: .seconds(2))
            let call = stage.start { [context] in
                try await hedge.execute(within: context) { context in
                    guard context.hedge == 0 else { return second.append(stage.now) }
                    throw InjectedFailure(retryAfter: .milliseconds(milliseconds))
                }
            }
            stage.advance(by: .seconds(2))
            try await call.value
            let start = try #require(second.elements.first)
            #expect(start >= milliseconds && start < 2_000)
            starts.insert(start)
        }
        #expect(starts.count == 20)
    }

    @Test("a caller that cancels while pushback is waited for is told at once")
    func cancelledWhileWaiting() async throws {
        let hedge = try Hedge("h", .init(delay: .onlyAfterFailure), clock: stage.clock)
        let call = stage.start { try await hedge.execute { throw InjectedFailure(retryAfter: .seconds(3)) } }
        stage.advance(by: .seconds(1))
        call.cancel()
        stage.settle()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(stage.clock.timerCount == 0 && hedge.totals == .init(cancelled: 1))
    }

    @Test("an operation that polls for cancellation before it suspends sees its caller's", arguments: [true, false])
    func polling(isBeforehand: Bool) async throws {
        let hedge = try Hedge("h", .init(delay: .onlyAfterFailure))
        let begin = Waiter<Void>()
        let caller = Lock<Task<Void, any Error>?>(nil)
        let task = Task {
            try await begin.value()
            if isBeforehand { withUnsafeCurrentTask { $0?.cancel() } }
            try await hedge.execute {
                // As from another thread, in the midst of the computation; and without one, for there may be none free.
                caller.withLock { $0 }?.cancel()
                #expect(Task.isCancelled)
                try Task.checkCancellation()
            }
        }
        caller.withLock { $0 = task }
        begin.finish()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(hedge.totals.cancelled == 1)
    }

    @Test("where all calls take the same, none is hedged; one that takes longer is")
    func constantLatency() async throws {
        for nanoseconds: Int64 in [1_000_000, 7_000_000, 10_000_001, 1_234_567_891] {
            let hedge = try Hedge("h", .init(delay: .percentile(window: 50, warmUp: 5)), clock: stage.clock)
            func run(_ length: Duration) async throws {
                let call = stage.start { [stage] in
                    try await hedge.execute { context in
                        if context.hedge == 0 { try await stage.clock.sleep(for: length) }
                    }
                }
                stage.advance(by: length)
                try await call.value
            }
            for _ in 0..<120 { try await run(.nanoseconds(nanoseconds)) }
            #expect(hedge.totals == .init(primaryWins: 120))
            try await run(.nanoseconds(nanoseconds + 10))
            #expect(hedge.totals.startedByDelay == 1)
        }
    }

    @Test("a retry and a hedge that share a budget deposit once, in either order")
    func deposits() async throws {
        let budget = TokenBudget(100)
        let retrying = try Policy("p", clock: stage.clock) { Retry.layer(.immediate, maxAttempts: 2, budget: budget) }
        let hedged = try retrying.hedged(.init(delay: .onlyAfterFailure, budget: budget))
        _ = try? await hedged.execute { throw InjectedFailure() }
        #expect(budget.current.calls == 1)
        let plain = try Policy("q", clock: stage.clock) { CountingLayer() }
            .hedged(.init(delay: .onlyAfterFailure, budget: budget))
        _ = try? await retrying.execute { context in
            try await plain.execute(within: context) { throw InjectedFailure() }
        }
        #expect(budget.current.calls == 2)
        try await hedged.execute {}
        #expect(budget.current.calls == 3 && budget.current.successes == 1)
    }

    @Test("a rejection that an operation meets is hedged, and is no failure to the budget")
    func rejectionAndBudget() async throws {
        let budget = TokenBudget(9)
        let hedge = try Hedge("h", .init(delay: .onlyAfterFailure, budget: budget), clock: stage.clock)
        _ = try? await hedge.execute { throw Refused() }
        #expect(budget.current == .init(tokens: 8, calls: 1))
    }

    @Test("rules for values of the policies around hold for every attempt")
    func outerRules() async throws {
        enum Tenant: ContextKey { typealias Value = Int }
        let hedged = try Policy("inner", clock: stage.clock) { CountingLayer() }
            .hedged(.init(delay: .onlyAfterFailure, maxHedges: 3))
        let hedge = try Hedge("alone", .init(delay: .onlyAfterFailure, maxHedges: 3), clock: stage.clock)
        let middle = try Policy("middle", clock: stage.clock) { CountingLayer() }.accepting(Int.self) { $0 != 501 }
        let outer = try Policy("outer", clock: stage.clock) { middle }.accepting(Int.self) { $0 != 500 }
        let value = try await outer.execute { context in
            var context = context
            context[Tenant.self] = 1
            return try await hedged.execute(within: context) { 500 + $0.hedge }
        }
        #expect(value == 502)
        #expect(try await outer.execute { try await hedge.execute(within: $0) { 500 + $0.hedge } } == 502)
    }

    @Test("until the time that a server asked for, no other failure and no delay starts a hedge")
    func notBefore() async throws {
        let busy = Upstream.Step.failure(InjectedFailure(retryAfter: .seconds(9)), after: .milliseconds(1_500))
        // The hedge of the first second fails while the wait goes on; the next one comes when it is over.
        for (seconds, expected) in [(1, [0, 1_000, 10_500]), (100, [0, 10_500, 12_000])] {
            let (starts, result) = try await play(
                .init(delay: .fixed(.seconds(seconds)), maxHedges: 3),
                [busy, .failure("x", after: .milliseconds(1_500)), .success(7)])
            #expect(try result.get() == 7)
            #expect(starts == expected)
        }
    }

    @Test("once a server has asked not to try again, no failure starts a hedge")
    func lastFailure() {
        for ending in [HedgeState.Ending.failure, .neutral, .lastFailure] {
            var state = HedgeState(maxHedges: 3)
            _ = state.startHedge()
            #expect(state.end(1, .lastFailure) == .wait && !state.mayHedge)
            #expect(state.end(2, ending) == .wait && !state.mayHedge)
        }
    }
}

extension Hedge.Delay {
    fileprivate var isImmediate: Bool { if case .fixed(.zero) = kind { true } else { false } }
}
