import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Hedges

/// When hedges start.
@Suite(.timeLimit(.minutes(30)))
struct DelayTests {
    let stage = Stage()

    /// The starts of a call whose attempts do what is written, in milliseconds.
    private func starts(_ delay: Hedge.Delay, maxHedges: Int, _ steps: [Upstream.Step]) async throws -> [Int] {
        let hedge = try Hedge("h", .init(delay: delay, maxHedges: maxHedges), clock: stage.clock)
        let upstream = Upstream(stage.clock, steps)
        let begin = stage.now
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(1_000))
        _ = await call.result
        return upstream.starts.map { $0.milliseconds - begin }
    }

    @Test("a fixed delay counts from the start of the attempt before")
    func fixed() async throws {
        let steps: [Upstream.Step] = [.hang, .hang, .success(2, after: .seconds(60))]
        #expect(try await starts(.fixed(.seconds(2)), maxHedges: 4, steps) == [0, 2_000, 4_000, 6_000, 8_000])
    }

    @Test("the delays of a list are taken one after another, the last again and again")
    func list() async throws {
        let steps: [Upstream.Step] = [.success(0, after: .seconds(60))]
        let delay = Hedge.Delay.list([.seconds(1), .seconds(5), .zero])
        #expect(try await starts(delay, maxHedges: 4, steps) == [0, 1_000, 6_000, 6_000, 6_000])
    }

    @Test("a function is asked for each hedge, with the number of the attempt; nil starts no more")
    func function() async throws {
        let asked = Log<Int>()
        let delay = Hedge.Delay.custom { context in
            asked.append(context.attempt)
            return context.attempt == 4 ? nil : .seconds(context.attempt)
        }
        let steps: [Upstream.Step] = [.success(0, after: .seconds(60))]
        #expect(try await starts(delay, maxHedges: 9, steps) == [0, 2_000, 5_000])
        #expect(asked.elements == [2, 3, 4])
    }

    @Test("a failure starts the next at once, and the delay counts again from then on")
    func failureStartsTheNext() async throws {
        let steps: [Upstream.Step] = [
            .success(0, after: .seconds(60)), .failure("b", after: .milliseconds(500)), .hang,
        ]
        #expect(try await starts(.fixed(.seconds(2)), maxHedges: 3, steps) == [0, 2_000, 2_500, 4_500])
    }

    @Test("a timer that fires while a failure starts the next hedge does not start one more")
    func lateTimer() async throws {
        let hedge = try Hedge("h", .init(delay: .fixed(.seconds(2)), maxHedges: 5), clock: stage.clock)
        let primary = ScriptedOperation<Int>(clock: stage.clock, [.hang])
        let upstream = Upstream(stage.clock, [.hang])
        let call = stage.start {
            try await hedge.execute { context in
                try await context.hedge == 0 ? primary() : upstream.call(context)
            }
        }
        primary.release(with: .failure(InjectedFailure()))
        while primary.running > 0, stage.step() {}
        // The failure is known, but not what follows from it, when the first timer fires.
        stage.clock.advance(by: .seconds(2))
        stage.settle()
        #expect(upstream.attempts == [2, 3], "by failure at 0 seconds, and 2 seconds later")
        #expect(hedge.totals == .init(startedByDelay: 1, startedByFailure: 1))
        call.cancel()
        stage.settle()
        _ = await call.result
    }

    @Test("during warm-up the fallback holds; then the percentile of what primaries took")
    func percentile() async throws {
        let delay = Hedge.Delay.percentile(0.9, window: 20, warmUp: 10, minimum: .zero, fallback: .seconds(50))
        let hedge = try Hedge("h", .init(delay: delay), clock: stage.clock)
        for milliseconds in 1...10 {
            #expect(hedge.currentDelay == .seconds(50))
            let call = stage.start { [stage] in
                try await hedge.execute { try await stage.clock.sleep(for: .milliseconds(milliseconds)) }
            }
            stage.advance(by: .milliseconds(milliseconds))
            try await call.value
        }
        #expect(hedge.currentDelay == .milliseconds(9))
        let upstream = Upstream(stage.clock, [.success(0, after: .milliseconds(60))])
        let begin = stage.now
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(1))
        _ = try await call.value
        #expect(upstream.starts.map { $0.milliseconds - begin } == [0, 9])
    }

    @Test("without a fallback there are no hedges by time during warm-up; a minimum holds after it")
    func warmUpWithoutFallback() async throws {
        let delay = Hedge.Delay.percentile(0.5, window: 10, warmUp: 1, minimum: .seconds(3))
        let hedge = try Hedge("h", .init(delay: delay), clock: stage.clock)
        #expect(hedge.currentDelay == nil)
        let first = stage.start { [stage] in try await hedge.execute { try await stage.clock.sleep(for: .seconds(1)) } }
        #expect(stage.clock.timerCount == 0)
        stage.advance(by: .seconds(1))
        try await first.value
        #expect(hedge.currentDelay == .seconds(3))
    }

    @Test("a primary that is overtaken counts with the time it had taken; a failed one and a hedge do not count")
    func overtaken() async throws {
        let delay = Hedge.Delay.percentile(0.5, window: 10, warmUp: 1, fallback: .seconds(1))
        let hedge = try Hedge("h", .init(delay: delay), clock: stage.clock)
        func run(_ steps: [Upstream.Step]) async throws {
            let upstream = Upstream(stage.clock, steps)
            let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
            stage.advance(by: .seconds(100))
            _ = try await call.value
        }
        try await run([.failure("a"), .success(1)])
        #expect(hedge.latencies.withLock { $0.count } == 0)
        try await run([.failure("a", after: .seconds(2)), .success(1, after: .seconds(2))])
        #expect(hedge.latencies.withLock { $0.count } == 0)
        try await run([.hang, .success(1, after: .seconds(4))])
        #expect(hedge.latencies.withLock { $0.count } == 1)
        #expect(hedge.currentDelay == .seconds(5), "1 second until the hedge began, 4 that it took")
    }

    @Test("no hedge starts once the deadline has passed")
    func deadline() async throws {
        let hedge = try Hedge("h", .init(delay: .fixed(.seconds(2)), maxHedges: 5), clock: stage.clock)
        var outer = Context(name: "outer", time: TimeSource(stage.clock))
        outer.shortenDeadline(to: outer.time.now.advanced(by: .seconds(5)), on: outer.time)
        let upstream = Upstream(stage.clock, [.success(0, after: .seconds(60))])
        let call = stage.start { [outer] in
            try await hedge.execute(within: outer) { context in try await upstream.call(context) }
        }
        stage.advance(by: .seconds(60))
        #expect(try await call.value == 0)
        #expect(upstream.starts.map(\.milliseconds) == [0, 2_000, 4_000])
    }

    @Test("a new configuration holds for the calls that start then; latencies stay")
    func update() async throws {
        let hedge = try Hedge("h", .init(delay: .percentile(window: 100, warmUp: 1)), clock: stage.clock)
        let call = stage.start { [stage] in try await hedge.execute { try await stage.clock.sleep(for: .seconds(7)) } }
        stage.advance(by: .seconds(7))
        try await call.value
        try hedge.update(.init(delay: .percentile(0.5, window: 10, warmUp: 1), maxHedges: 4))
        #expect(hedge.currentDelay == .seconds(7))
        #expect(hedge.configuration.maxHedges == 4)
        #expect(hedge.latencies.withLock { $0.capacity } == 10)
        #expect(throws: ConfigurationError.self) { try hedge.update(.init(maxHedges: 0)) }
        #expect(hedge.configuration.maxHedges == 4)
        #expect(hedge.totals.calls == 1)
    }

    @Test("a call that is cancelled before it begins has failed if its deadline has passed", arguments: [-1, 5])
    func cancelledBefore(secondsLeft: Int) async throws {
        let hedge = try Hedge("h", .init(delay: .fixed(.seconds(2))), clock: stage.clock)
        var outer = Context(name: "outer", time: TimeSource(stage.clock))
        outer.deadline = outer.time.now.advanced(by: .seconds(secondsLeft))
        let call = stage.start { [outer] in
            withUnsafeCurrentTask { $0?.cancel() }
            return try await hedge.execute(within: outer) { _ in 1 }
        }
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(hedge.totals == (secondsLeft < 0 ? .init(failed: 1) : .init(cancelled: 1)))
    }

    @Test("once a call is decided no timer is set for it, also while losers run on")
    func decided() async throws {
        let hedge = try Hedge("h", .init(delay: .fixed(.seconds(1)), maxHedges: 2), clock: stage.clock)
        let upstream = Upstream(
            stage.clock, [.stubbornSuccess(0, after: .seconds(9)), .success(1, after: .milliseconds(500))])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .milliseconds(1_600))
        // That of the loser itself.
        #expect(stage.clock.timerCount == 1 && upstream.running == 1)
        stage.advance(by: .seconds(9))
        #expect(try await call.value == 1 && upstream.attempts == [1, 2])
    }
}
