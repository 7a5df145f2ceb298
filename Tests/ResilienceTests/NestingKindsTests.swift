import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

/// What wraps, nests and recurs in ways that are easily forgotten.
@Suite("Nested and wrapped in other ways", .timeLimit(.minutes(30)))
struct NestingKindsTests {
    private let clock = ManualClock()

    private struct Outer: ErrorWrapper { let wrappedError: any Error }
    private class Known: Error, @unchecked Sendable {}
    private final class Special: Known, @unchecked Sendable {}
    private enum Tag: ContextKey { typealias Value = String }

    @Test("functions of the user may read what they configure: delays, conditions, keys, observers that call back")
    func readingBack() async throws {
        let retry = Box<Retry>()
        let delays = Backoff.custom { _ in
            _ = retry.value?.totals
            _ = retry.value?.configuration
            return .zero
        }
        retry.value = try Retry(delays, maxAttempts: 2, clock: clock)
        await #expect(throws: InjectedFailure.self) { try await retry.value?.execute { throw InjectedFailure() } }
        let fallback = Box<Fallback<Int>>()
        fallback.value = try Fallback<Int>(
            "f",
            .init(handles: .errors { _ in (fallback.value?.totals.served ?? 0) >= 0 }) {
                .value(3, handles: .errors { _ in fallback.value?.lastGood(for: NoKey()) == nil })
            }, clock: clock)
        #expect(try await fallback.value?.execute { throw InjectedFailure() } == 3)
        let keyed = Box<KeyedRateLimiter<String>>()
        keyed.value = try KeyedRateLimiter("k", .tokenBucket(1, per: .seconds(1)), clock: clock)
        let byKey = keyed.value?.by { context in "\(keyed.value?.totals.permitted ?? 0) \(context.policyName)" }
        try await byKey?.execute {}
        try await byKey?.execute {}
        let limiter = Box<RateLimiter>()
        let caller = CallingBack { _ = limiter.value?.tryAcquire() }
        limiter.value = try RateLimiter("l", .tokenBucket(3, per: .seconds(1)), clock: clock, observers: [caller])
        try await limiter.value?.execute {}
        #expect(limiter.value?.totals.permitted == 3 && limiter.value?.available == 0)
        let breaker = Box<CircuitBreaker>()
        let reader = CallingBack {
            if breaker.value?.state == .open { breaker.value?.close() }
        }
        breaker.value = try CircuitBreaker(
            "b", .init(trip: .consecutiveFailures(1)), clock: clock, observers: [reader])
        try? await breaker.value?.execute { throw InjectedFailure() }
        #expect(breaker.value?.state == .closed)
        for box in [retry, fallback, keyed, limiter, breaker] as [any Clearable] { box.clear() }
    }

    @Test("a value that an outer policy refuses is refused through wrappers in any order", arguments: 0..<5)
    func refused(order: Int) async throws {
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(1)), clock: clock)
        let plain = try Policy("inner", clock: clock) { breaker }
        let inner =
            switch order {
            case 0: plain.setting(Tag.self, to: "a").idempotent(true)
            case 1: plain.idempotent(true).setting(Tag.self, to: "a")
            case 2: plain.accepting(String.self) { _ in true }.setting(Tag.self, to: "a").idempotent(false)
            case 3: plain.setting(Tag.self, to: "a").accepting(Int.self) { _ in true }
            default: plain.setting(Bulkhead.Partition.self, to: "gold").setting(Tag.self, to: "a")
            }
        let outer = try Policy("outer", clock: clock) { inner }.accepting(Int.self) { $0 >= 0 }
        let value = try await outer.setting(Tag.self, to: "b").execute { -1 }
        #expect(value == -1 && breaker.state == .open)
    }

    @Test("an error in wrappers in wrappers, of a subclass, means the same to every pattern")
    func wrapped() async throws {
        let error = Outer(wrappedError: Outer(wrappedError: Special()))
        let breaker = try CircuitBreaker(
            "b", .init(trip: .consecutiveFailures(1), ignores: .only(Known.self)), clock: clock)
        try? await breaker.execute { throw error }
        #expect(breaker.state == .closed && breaker.totals.ignored == 1)
        for condition in [
            ErrorCondition.only(Known.self), .errors { $0 is Known }, .init { $0 is Special },
            .errors { !($0 is InjectedFailure) },
        ] {
            let retry = try Retry("r", .init(backoff: .immediate, maxAttempts: 3, handles: condition), clock: clock)
            try? await retry.execute { throw error }
            #expect(retry.totals.retries == 2)
        }
        for condition in [ErrorCondition.except(Known.self), .errors { !($0 is Known) }] {
            let retry = try Retry("r", .init(backoff: .immediate, maxAttempts: 3, handles: condition), clock: clock)
            try? await retry.execute { throw error }
            #expect(retry.totals.retries == 0)
        }
        let throttle = try AdaptiveThrottle(
            "t", .init(handles: .errors { !($0 is Known) }), clock: clock, random: .constant(0.5))
        try? await throttle.execute { throw error }
        #expect(throttle.totals.accepted == 1)
        let fallback = try Fallback<Int>(
            "f", .init(handles: .only(Known.self)) { .value(1, handles: .except(Outer.self)) })
        await #expect(throws: Outer.self) { try await fallback.execute { throw error } }
        let bulkhead = try Bulkhead(
            "b", .init(limit: .adaptive(AIMDLimit(initial: 100), handles: .only(Known.self))), clock: clock)
        clock.advance(by: .seconds(1))
        try? await bulkhead.execute { throw error }
        #expect(bulkhead.limit == 90)
    }

    private final class Box<Value: Sendable>: Clearable, Sendable {
        private let storage = Lock<Value?>(nil)
        var value: Value? {
            get { storage.withLock { $0 } }
            set { storage.withLock { $0 = newValue } }
        }
        func clear() { value = nil }
    }

    private protocol Clearable { func clear() }

    private final class CallingBack: PolicyObserver {
        private let body: @Sendable () -> Void
        private let depth = Lock(0)
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        func observe(_ event: some PolicyEvent) {
            let depth = depth.withLock { depth in
                depth += 1
                return depth
            }
            if depth <= 5 { body() }
        }
    }
}
