import ResilienceTesting
import Testing

@testable import Fallbacks
@testable import Resilience
@testable import Retries

@Suite("Event details")
struct EventDetailsTests {
    private static let rejection = ResilienceModule.ShutdownError(module: "m", policyName: "p")
    private static let served = FallbackServed(fallback: "f", step: "cached", age: .seconds(3))
    private static let failed = Retry.FailedAttempt(attempt: 2, error: InjectedFailure(), delay: .milliseconds(1500))

    /// Events of every type, with the keys of their details.
    private static var events: [(any PolicyEvent, keys: [String], hasError: Bool)] {
        [
            (Policy.Event.succeeded(policy: "p", duration: .seconds(1)), ["duration_seconds"], false),
            (
                Policy.Event.failed(policy: "p", duration: .seconds(1), error: InjectedFailure()), ["duration_seconds"],
                true
            ),
            (Retry.Event.attemptFailed(retry: "r", failed), ["attempt", "delay_seconds"], true),
            (Retry.Event.succeeded(retry: "r", attempts: 2), ["attempts"], false),
            (
                Timeout.Event.exceeded(timeout: "t", limit: .seconds(1), duration: .seconds(2), isLateSuccess: true),
                ["limit_seconds", "duration_seconds", "late_success"], false
            ),
            (
                Timeout.Event.abandoned(timeout: "t", limit: .seconds(1), isCancelledByCaller: false),
                ["limit_seconds", "cancelled_by_caller"], false
            ),
            (Timeout.Event.abandonedEnded(timeout: "t", duration: .seconds(1)), ["duration_seconds"], false),
            (
                Hedge.Event.started(hedge: "h", attempt: 2, .delay, after: .seconds(1)),
                ["attempt", "trigger", "elapsed_seconds"], false
            ),
            (Hedge.Event.won(hedge: "h", attempt: 2, after: .seconds(1)), ["attempt", "elapsed_seconds"], false),
            (Hedge.Event.failed(hedge: "h", attempts: 2, error: InjectedFailure()), ["attempts"], true),
            (
                Bulkhead.Event.permitted(bulkhead: "b", waited: .seconds(1), inUse: 3), ["waited_seconds", "in_use"],
                false
            ),
            (
                Bulkhead.Event.limitChanged(bulkhead: "b", from: 1, to: 2, isAdaptive: true),
                ["from", "to", "adaptive"], false
            ),
            (RateLimiter.Event.rejected(limiter: "l", rejection), ["reason"], true),
            (RateLimiter.Event.drained(limiter: "l", permits: 3), ["permits"], false),
            (
                RateLimiter.KeyedEvent.permitted(limiter: "l", key: "secret", permits: 1, waited: .zero),
                ["permits", "waited_seconds"], false
            ),
            (AdaptiveThrottle.Event.throttling(throttle: "a", probability: 0.5), ["probability"], false),
            (
                FallbackEvent.served(served, after: .seconds(1), cause: InjectedFailure()),
                ["step", "age_seconds", "elapsed_seconds"], true
            ),
            (
                FallbackEvent.exhausted(fallback: "f", after: .seconds(1), cause: InjectedFailure()),
                ["elapsed_seconds"], true
            ),
            (
                StaleWhileRevalidateEvent.refreshFailed(name: "s", after: .seconds(1), error: InjectedFailure()),
                ["duration_seconds"], true
            ),
            (ResilienceModule.Event.stateChanged(module: "m", from: .idle, to: .running), ["from", "to"], false),
            (ResilienceModule.Event.registered(module: "m", kind: "policy", name: "p"), ["kind", "name"], false),
            (ResilienceModule.Event.reloadFailed(module: "m", error: InjectedFailure()), [], true),
        ]
    }

    @Test("every event is taken apart, and no key of a caller shows")
    func events() {
        for (event, keys, hasError) in Self.events {
            let details = EventDetails(event)
            #expect(details.values.map(\.key) == keys, "\(event.name)")
            #expect((details.error != nil) == hasError, "\(event.name)")
            #expect(!details.values.contains { "\($0.value)".contains("secret") }, "\(event.name)")
        }
    }

    @Test("durations are numbers of seconds")
    func seconds() {
        let details = EventDetails(Retry.Event.attemptFailed(retry: "r", Self.failed))
        #expect(details.values.map(\.value) == [.integer(2), .number(1.5)])
        #expect(details.error as? InjectedFailure == InjectedFailure())
    }

    @Test("a rejection tells its reason and when to try again")
    func rejections() async throws {
        let clock = ManualClock()
        let recorder = EventRecorder()
        let breaker = try CircuitBreaker(
            "b", .init(breakLength: .fixed(.seconds(30))), clock: clock, observers: [recorder])
        breaker.open()
        await #expect(throws: CircuitBreaker.OpenError.self) { try await breaker.execute {} }
        let details = try #require(recorder.events.last.map { EventDetails($0) })
        #expect(details.values.map(\.key) == ["state", "reason", "retry_after_seconds"])
        #expect(details.values.last?.value == .number(30))
        #expect(details.error is CircuitBreaker.OpenError)
    }

    @Test("what is about a call, and what changes things for others, is told apart, whatever the severity")
    func kinds() throws {
        let counts = try CircuitBreaker("b").counts
        #expect(EventKind(of: CircuitBreaker.Event.wouldOpen(breaker: "b", .predicate, counts: counts)) == .change)
        #expect(EventKind(of: Timeout.Event.abandoned(timeout: "t", limit: .zero, isCancelledByCaller: true)) == .call)
        #expect(EventKind(of: FallbackEvent.exhausted(fallback: "f", after: .zero, cause: InjectedFailure())) == .call)
        #expect(EventKind(of: Bulkhead.Event.limitChanged(bulkhead: "b", from: 1, to: 2, isAdaptive: false)) == .change)
        #expect(EventKind(of: Bulkhead.Event.limitChanged(bulkhead: "b", from: 1, to: 2, isAdaptive: true)) == .call)
        #expect(EventKind(of: AdaptiveThrottle.Event.throttling(throttle: "a", probability: 1)) == .change)
        #expect(EventKind(of: ResilienceModule.Event.reloadFailed(module: "m", error: InjectedFailure())) == .failure)
        #expect(EventKind(of: ResilienceModule.Event.reloaded(module: "m")) == .change)
        #expect(EventKind(of: ResilienceModule.Event.registered(module: "m", kind: "policy", name: "p")) == .call)
    }
}
