import ResilienceTesting
import Testing

@testable import Fallbacks
@testable import Resilience
@testable import Retries

@Suite("Event details")
struct EventDetailsTests {
    private static let rejection = ResilienceModule.ShutdownError(module: "m", policyName: "p")
    private static let served = FallbackServed(fallback: "f", step: "cached", age: .seconds(3))
    private static let skipped = FallbackStepEnd(step: "replica", reason: .notForThisError)
    private static let failed = Retry.FailedAttempt(attempt: 2, error: InjectedFailure(), delay: .milliseconds(1500))

    /// Events of every type, with the keys of their details.
    private static var events: [(any PolicyEvent, keys: [String], hasError: Bool)] {
        [
            (Policy.Event(source: "p", .succeeded(duration: .seconds(1))), ["duration_seconds"], false),
            (
                Policy.Event(source: "p", .failed(duration: .seconds(1), error: InjectedFailure())),
                ["duration_seconds"],
                true
            ),
            (Retry.Event(source: "r", .attemptFailed(failed)), ["attempt", "delay_seconds"], true),
            (Retry.Event(source: "r", .succeeded(attempts: 2)), ["attempts"], false),
            (
                Timeout.Event(source: "t", .exceeded(limit: .seconds(1), duration: .seconds(2), isLateSuccess: true)),
                ["limit_seconds", "duration_seconds", "late_success"], false
            ),
            (
                Timeout.Event(source: "t", .abandoned(limit: .seconds(1), isCancelledByCaller: false)),
                ["limit_seconds", "cancelled_by_caller"], false
            ),
            (Timeout.Event(source: "t", .abandonedEnded(duration: .seconds(1))), ["duration_seconds"], false),
            (
                Hedge.Event(source: "h", .started(attempt: 2, .delay, after: .seconds(1))),
                ["attempt", "trigger", "after_seconds"], false
            ),
            (Hedge.Event(source: "h", .won(attempt: 2, after: .seconds(1))), ["attempt", "after_seconds"], false),
            (Hedge.Event(source: "h", .failed(attempts: 2, error: InjectedFailure())), ["attempts"], true),
            (
                Bulkhead.Event(source: "b", .permitted(waited: .seconds(1), inUse: 3)), ["waited_seconds", "in_use"],
                false
            ),
            (
                Bulkhead.Event(source: "b", .limitChanged(from: 1, to: 2, isAdaptive: true)),
                ["from", "to", "adaptive"], false
            ),
            (RateLimiter.Event(source: "l", .rejected(rejection)), ["reason"], true),
            (RateLimiter.Event(source: "l", .drained(permits: 3)), ["permits"], false),
            (
                RateLimiter.KeyedEvent(source: "l", .permitted(key: "secret", permits: 1, waited: .zero)),
                ["permits", "waited_seconds"], false
            ),
            (AdaptiveThrottle.Event(source: "a", .throttling(probability: 0.5)), ["probability"], false),
            (Pause.Event(source: "p", .paused(for: .zero)), ["length_seconds"], false),
            (
                FallbackEvent(source: "f", .served(served, after: .seconds(1), error: InjectedFailure())),
                ["step", "age_seconds", "after_seconds"], true
            ),
            (
                FallbackEvent(source: "f", .exhausted(after: .seconds(1), error: InjectedFailure())),
                ["after_seconds"], true
            ),
            (
                StaleWhileRevalidateEvent(source: "s", .refreshFailed(duration: .seconds(1), error: InjectedFailure())),
                ["duration_seconds"], true
            ),
            (ResilienceModule.Event(source: "m", .stateChanged(from: .idle, to: .running)), ["from", "to"], false),
            (ResilienceModule.Event(source: "m", .registered(kind: "policy", name: "p")), ["kind", "name"], false),
            (ResilienceModule.Event(source: "m", .removed(kind: "policy", name: "p")), ["kind", "name"], false),
            (ResilienceModule.Event(source: "m", .reloaded), [], false),
            (ResilienceModule.Event(source: "m", .reloadFailed(error: InjectedFailure())), [], true),
            (ResilienceModule.Event(source: "m", .stateStoreFailed(error: InjectedFailure())), [], true),
            (PolicyFamilyEvent(source: "f", .overflowed(maxKeys: 3)), ["max_keys"], false),
            (
                FleetCircuit.Event(
                    source: "c", .opened(breakLength: .seconds(5), counts: SharedCounts(), nodes: 3, witnesses: 2)),
                ["break_seconds", "calls", "failures", "slow_calls", "nodes", "witnesses"], false
            ),
            (FleetCircuit.Event(source: "c", .closed), [], false),
            (FleetCircuit.Event(source: "c", .leased(.seconds(10))), ["lease_seconds"], false),
            (FleetCircuit.Event(source: "c", .leaseLost), [], false),
            (FleetCircuit.Event(source: "c", .degraded(InjectedFailure())), [], true),
            (FleetCircuit.Event(source: "c", .recovered(after: .seconds(3))), ["after_seconds"], false),
            (
                CircuitBreaker.Event(source: "b", .called(.failure, duration: .zero, isSlow: true)),
                ["outcome", "duration_seconds", "slow"], false
            ),
            (
                Retry.Event(source: "r", .gaveUp(attempts: 2, .attempts, error: InjectedFailure())),
                ["attempts", "reason"], true
            ),
            (Timeout.Event(source: "t", .rejected(limit: .zero)), ["limit_seconds"], false),
            (
                Hedge.Event(source: "h", .refused(attempt: 2, .delay, after: .zero)),
                ["attempt", "trigger", "after_seconds"], false
            ),
            (Hedge.Event(source: "h", .lost(attempt: 2, after: .zero)), ["attempt", "after_seconds"], false),
            (Bulkhead.Event(source: "b", .queued(waiting: 3)), ["waiting"], false),
            (Bulkhead.Event(source: "b", .cancelled(waited: .zero)), ["waited_seconds"], false),
            (Bulkhead.Event(source: "b", .finished(duration: .zero, inUse: 3)), ["duration_seconds", "in_use"], false),
            (RateLimiter.Event(source: "l", .cancelled(permits: 3)), ["permits"], false),
            (
                RateLimiter.Event(source: "l", .permitted(permits: 3, waited: .zero)), ["permits", "waited_seconds"],
                false
            ),
            (RateLimiter.KeyedEvent(source: "l", .rejected(key: "secret", rejection)), ["reason"], true),
            (RateLimiter.KeyedEvent(source: "l", .cancelled(key: "secret", permits: 1)), ["permits"], false),
            (RateLimiter.KeyedEvent(source: "l", .forgotten(key: "secret")), [], false),
            (AdaptiveThrottle.Event(source: "a", .recovered), [], false),
            (Pause.Event(source: "p", .resumed(after: .zero)), ["after_seconds"], false),
            (Pause.Event(source: "p", .waited(.zero)), ["waited_seconds"], false),
            (
                AdaptiveThrottle.Event(source: "a", .called(.refused, duration: .zero)),
                ["outcome", "duration_seconds"], false
            ),
            (
                FallbackEvent(source: "f", .stepFailed(skipped, duration: .zero)),
                ["step", "reason", "duration_seconds"],
                false
            ),
            (FallbackEvent(source: "f", .stepSkipped(skipped)), ["step", "reason"], false),
            (StaleWhileRevalidateEvent(source: "s", .refreshed(duration: .zero)), ["duration_seconds"], false),
            (StaleWhileRevalidateEvent(source: "s", .refreshDiscarded(duration: .zero)), ["duration_seconds"], false),
            (StaleWhileRevalidateEvent(source: "s", .refreshRefused), [], false),
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

    @Test("an event is called like its pattern and its case")
    func names() {
        for (event, _, _) in Self.events {
            let kind = Mirror(reflecting: event).descendant("kind")
            let label = kind.flatMap { Mirror(reflecting: $0).children.first?.label } ?? kind.map { "\($0)" } ?? ""
            let words = label.map { $0.isUppercase ? "_\($0.lowercased())" : "\($0)" }.joined()
            #expect(event.name.hasSuffix(".\(words)") && !words.isEmpty, "\(event.name)")
            #expect(event.name.split(separator: ".").count == 2, "\(event.name)")
        }
    }

    @Test("durations are numbers of seconds")
    func seconds() {
        let details = EventDetails(Retry.Event(source: "r", .attemptFailed(Self.failed)))
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
    func subjects() throws {
        let counts = try CircuitBreaker("b").counts
        #expect(EventSubject(of: CircuitBreaker.Event(source: "b", .wouldOpen(.predicate, counts: counts))) == .change)
        #expect(
            EventSubject(of: Timeout.Event(source: "t", .abandoned(limit: .zero, isCancelledByCaller: true))) == .call)
        #expect(
            EventSubject(of: FallbackEvent(source: "f", .exhausted(after: .zero, error: InjectedFailure()))) == .call)
        #expect(
            EventSubject(of: Bulkhead.Event(source: "b", .limitChanged(from: 1, to: 2, isAdaptive: false))) == .change)
        #expect(EventSubject(of: Bulkhead.Event(source: "b", .limitChanged(from: 1, to: 2, isAdaptive: true))) == .call)
        #expect(EventSubject(of: AdaptiveThrottle.Event(source: "a", .throttling(probability: 1))) == .change)
        #expect(
            EventSubject(of: ResilienceModule.Event(source: "m", .reloadFailed(error: InjectedFailure()))) == .failure)
        #expect(EventSubject(of: ResilienceModule.Event(source: "m", .reloaded)) == .change)
        #expect(EventSubject(of: ResilienceModule.Event(source: "m", .registered(kind: "policy", name: "p"))) == .call)
    }
}
