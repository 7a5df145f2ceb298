import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

/// What becomes of calls and their errors.
@Suite struct AdaptiveThrottleCallTests {
    private struct Overloaded: Error {}
    private struct NotFound: Error {}
    private func outcome(
        of error: some Error, handles: ErrorCondition = .all, ignores: ErrorCondition = .none
    ) async throws -> AdaptiveThrottle.Totals {
        let configuration = AdaptiveThrottle.Configuration(handles: handles, ignores: ignores)
        let throttle = try AdaptiveThrottle("payments", configuration, clock: ManualClock())
        await #expect(throws: (any Error).self) { try await throttle.execute { throw error } }
        return throttle.totals
    }

    @Test("a value is accepted, an error refused, the rejection of a layer inside ignored")
    func standard() async throws {
        let throttle = try AdaptiveThrottle("payments", clock: ManualClock())
        #expect(try await throttle.execute { 7 } == 7)
        #expect(throttle.totals.accepted == 1)
        #expect(try await outcome(of: Overloaded()).refused == 1)
        #expect(try await outcome(of: Refused()).ignored == 1)
    }

    @Test("errors that are not handled are accepted calls, ignored ones neither")
    func refusals() async throws {
        for handles in [ErrorCondition.only(Overloaded.self), .errors { $0 is Overloaded }, .init { $0 is Overloaded }]
        {
            #expect(try await outcome(of: Overloaded(), handles: handles).refused == 1)
            #expect(try await outcome(of: NotFound(), handles: handles).accepted == 1)
            #expect(try await outcome(of: Refused(), handles: handles).ignored == 1)
            #expect(try await outcome(of: NotFound(), handles: handles, ignores: .all).ignored == 1)
            #expect(try await outcome(of: Overloaded(), handles: handles, ignores: .all).ignored == 1)
        }
    }

    @Test("a value that is not accepted is refused, under any rule for errors, and returned")
    func unaccepted() async throws {
        for configuration: AdaptiveThrottle.Configuration in [
            .init(), .init(handles: .errors { _ in false }), .init(ignores: .all), .init(handles: .only(NotFound.self)),
        ] {
            let throttle = try AdaptiveThrottle("payments", configuration, clock: ManualClock())
            #expect(try await throttle.execute(accepting: { $0 < 500 }) { 503 } == 503)
            #expect(throttle.totals.refused == 1)
        }
    }

    @Test("the caller's cancellation is neutral, whatever is thrown; one that was not asked for is a failure")
    func cancellation() async throws {
        #expect(try await outcome(of: CancellationError()).refused == 1)
        let throttle = try AdaptiveThrottle("payments", clock: ManualClock())
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await throttle.execute { throw Overloaded() }
        }
        await #expect(throws: Overloaded.self) { try await task.value }
        #expect(throttle.totals.cancelled == 1 && throttle.requests == 0)
    }

    @Test("a cancellation after the deadline is a refusal")
    func deadline() async throws {
        let clock = ManualClock()
        let throttle = try AdaptiveThrottle("payments", clock: clock)
        var context = throttle.rootContext
        context.deadline = context.time.now.advanced(by: .seconds(1))
        await #expect(throws: CancellationError.self) {
            try await throttle.execute(context) { _ in
                clock.advance(by: .seconds(1))
                throw CancellationError()
            }
        }
        #expect(throttle.totals.refused == 1)
    }

    @Test("a permit judges by the conditions")
    func permit() throws {
        let throttle = try AdaptiveThrottle(
            "payments", .init(handles: .only(Overloaded.self)), clock: ManualClock())
        try throttle.tryAcquirePermit().succeed()
        try throttle.tryAcquirePermit().fail(NotFound())
        try throttle.tryAcquirePermit().fail(Overloaded())
        try throttle.tryAcquirePermit().complete(as: .ignored)
        let totals = throttle.totals
        #expect([totals.accepted, totals.refused, totals.ignored, totals.cancelled] == [2, 1, 1, 0])
    }

    @Test("as a layer it takes the policy's name, clock, randomness and observers")
    func layer() async throws {
        let (clock, recorder) = (ManualClock(), EventRecorder())
        let policy = try Policy("payments", clock: clock, random: .constant(0), observers: [recorder]) {
            AdaptiveThrottle.layer(.init(minimumRequests: 1))
            AdaptiveThrottle.layer("inner")
        }
        #expect(policy.adaptiveThrottles.map(\.name) == ["payments", "inner"])
        #expect("\(policy)".contains("AdaptiveThrottle(payments)"))
        await #expect(throws: Overloaded.self) { try await policy.execute { throw Overloaded() } }
        await #expect(throws: AdaptiveThrottle.RejectedError.self) { try await policy.execute {} }
        #expect(recorder.events(of: AdaptiveThrottle.Event.self).count == 4)
        clock.advance(by: .seconds(120))
        try await policy.execute {}
    }

    @Test("the fluent form says the same; the policy reports the faults of all layers")
    func fluent() throws {
        let own = try AdaptiveThrottle("own")
        let policy = try Policy.pipeline("payments").adaptiveThrottle().adaptiveThrottle("other", .init(multiplier: 3))
            .adaptiveThrottle(own).build()
        #expect(policy.adaptiveThrottles.map(\.name) == ["payments", "other", "own"])
        #expect(policy.adaptiveThrottles[1].configuration.multiplier == 3)
        let error = #expect(throws: ConfigurationError.self) {
            try Policy.pipeline("payments").adaptiveThrottle(.init(multiplier: 0))
                .adaptiveThrottle(.init(buckets: 0)).build()
        }
        #expect(error?.faults.count == 2)
    }

    @Test("all faults of a configuration are told", arguments: [true, false])
    func faults(byUpdate: Bool) throws {
        let bad = AdaptiveThrottle.Configuration(
            multiplier: 0.99, window: .zero, buckets: 10_001, maxRejection: .nan, minimumRequests: -1)
        let throttle = try AdaptiveThrottle("payments")
        let error = #expect(throws: ConfigurationError.self) {
            if byUpdate { try throttle.update(bad) } else { _ = try AdaptiveThrottle("payments", bad) }
        }
        #expect(
            error?.faults.map(\.field) == [
                "adaptiveThrottle.multiplier", "adaptiveThrottle.window", "adaptiveThrottle.buckets",
                "adaptiveThrottle.maxRejection", "adaptiveThrottle.minimumRequests",
            ])
        #expect(throttle.configuration.multiplier == 2)
    }

    @Test("the ends of the ranges are allowed")
    func extremes() throws {
        for configuration in [
            AdaptiveThrottle.Configuration(
                multiplier: 1, window: .nanoseconds(1), buckets: 10_000, maxRejection: 0, minimumRequests: 0),
            .init(
                multiplier: 1000, window: .nanoseconds(Int64.max), buckets: 1, maxRejection: 1,
                minimumRequests: 1_000_000),
        ] {
            let clock = ManualClock()
            let throttle = try AdaptiveThrottle("payments", configuration, clock: clock)
            try throttle.tryAcquirePermit().succeed()
            clock.advance(by: .nanoseconds(Int64.max))
            try throttle.tryAcquirePermit().complete(as: .refused)
            clock.advance(by: .nanoseconds(Int64.max))
            try throttle.update(.init())
            #expect(throttle.totals.calls == 2)
        }
    }

    @Test("retuning keeps what the new window reaches back to, and applies at once")
    func update() throws {
        let stage = try ThrottleStage(
            .init(window: .seconds(10), buckets: 10, maxRejection: 1, minimumRequests: 0), random: .constant(1))
        try stage.play("AAAA")
        stage.clock.advance(by: .seconds(5))
        try stage.play("RRRR")
        #expect(stage.throttle.rejectionProbability == 0)
        try stage.throttle.update(
            .init(multiplier: 1, window: .seconds(10), buckets: 10, maxRejection: 1, minimumRequests: 0))
        #expect(stage.throttle.rejectionProbability == 4.0 / 9)
        try stage.throttle.update(.init(window: .seconds(6), buckets: 6, minimumRequests: 0))
        #expect(stage.throttle.requests == 8 && stage.throttle.accepts == 4)
        try stage.throttle.update(.init(window: .seconds(5), buckets: 5, minimumRequests: 0))
        #expect(stage.throttle.requests == 4 && stage.throttle.accepts == 0)
        try stage.throttle.update(
            .init(multiplier: 1, window: .seconds(4), buckets: 4, maxRejection: 1, minimumRequests: 0))
        #expect(stage.throttle.requests == 4 && stage.throttle.accepts == 0)
        try stage.throttle.update(.init(window: .seconds(20), buckets: 4, minimumRequests: 0))
        #expect(stage.throttle.requests == 4)
        try stage.throttle.update(.init(window: .seconds(20), buckets: 4, handles: .none))
        try stage.throttle.tryAcquirePermit().fail(Overloaded())
        #expect(stage.throttle.requests == 5 && stage.throttle.accepts == 1)
        #expect(stage.throttle.totals.calls == 9)
    }
}
