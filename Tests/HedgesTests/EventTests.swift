import ResilienceCore
import ResilienceTesting
import Testing

@testable import Hedges

/// What observers hear.
@Suite(.timeLimit(.minutes(30)))
struct EventTests {
    let stage = Stage()
    let recorder = EventRecorder()

    @Test("a call tells of its hedges, the winner and the losers, in order")
    func sequence() async throws {
        let hedge = try Hedge(
            "h", .init(delay: .fixed(.seconds(1)), maxHedges: 3, budget: TokenBudget(2)), clock: stage.clock,
            observers: [recorder])
        let upstream = Upstream(
            stage.clock,
            [
                .stubbornSuccess(0, after: .seconds(9)), .failure("b", after: .milliseconds(500)),
                .success(2, after: .seconds(3)),
            ])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(9))
        #expect(try await call.value == 2)
        #expect(
            recorder.events.map { "\($0.severity) \($0)" } == [
                "info hedge \"h\" started attempt 2 after 1 second (delay)",
                "info hedge \"h\" started attempt 3 after 1.5 seconds (failure)",
                "info hedge \"h\" has no budget for attempt 4 after 2.5 seconds (delay)",
                "info hedge \"h\": attempt 3 succeeded after 4.5 seconds",
                "debug hedge \"h\": attempt 1 was overtaken and ended after 9 seconds",
            ])
        #expect(
            recorder.names == ["hedge.started", "hedge.started", "hedge.refused", "hedge.won", "hedge.lost"])
        #expect(recorder.events.allSatisfy { $0.source == "h" })
    }

    @Test(
        "a delay below zero starts the hedge at once, and no event tells of a time below zero",
        arguments: [.nanoseconds(-1), .seconds(-5), .seconds(Int64.min), .nanoseconds(Int64.min)] as [Duration], [0, 3])
    func negativeDelays(delay: Duration, seconds: Int) async throws {
        // The first is due in some seconds, or at once; those after it before they are asked for.
        let delays = Hedge.Delay.custom { $0.attempt == 2 ? .seconds(seconds) : delay }
        let hedge = try Hedge("h", .init(delay: delays, maxHedges: 3), clock: stage.clock, observers: [recorder])
        let upstream = Upstream(stage.clock, [.success(0, after: .seconds(9))])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(20))
        _ = try await call.value
        let times = recorder.events(of: Hedge.Event.self).compactMap { event -> Duration? in
            if case .started(_, .delay, let time) = event.kind { time } else { nil }
        }
        #expect(times == Array(repeating: .seconds(seconds), count: 3))
    }

    @Test("a call that fails although it was hedged is a warning, one that just fails is not")
    func failures() async throws {
        let hedge = try Hedge("h", .init(delay: .onlyAfterFailure, maxHedges: 1), clock: stage.clock)
        hedge.addObserver(recorder)
        _ = try? await hedge.execute { throw InjectedFailure("x") }
        let rejected = try Policy("p", clock: stage.clock, observers: [recorder]) { CountingLayer(limit: 0) }
            .hedged(.init(delay: .onlyAfterFailure))
        _ = try? await rejected.execute {}
        let failures = recorder.events(of: Hedge.Event.self).filter { $0.name == "hedge.failed" }
        #expect(failures.map(\.severity) == [.warning, .debug])
        #expect(failures.first?.description.hasPrefix("hedge \"h\" failed after 2 attempts: ") == true)
        #expect(failures.last?.description == "hedge \"p\" failed after 1 attempt: full")
    }

    @Test("the observers of a policy hear its hedge, and those that come later hear both")
    func observersOfThePolicy() async throws {
        let own = EventRecorder()
        let late = EventRecorder()
        let hedged = try Policy("p", clock: stage.clock, observers: [recorder]) { CountingLayer() }
            .hedged(.init(delay: .onlyAfterFailure), observers: [own])
        hedged.addObserver(late)
        try await hedged.execute {}
        #expect(recorder.names == ["policy.succeeded", "hedge.won"])
        #expect(own.names == ["hedge.won"])
        #expect(late.names == ["policy.succeeded", "hedge.won"])
        #expect(hedged.description == "Hedge(p) → CountingLayer")
    }
}
