import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Resilience

/// The same rule in every form in which a call can be made: alone, in a policy, hedged, abandoning, with a fallback, of
/// a module, of a family.
@Suite("Every form of a call", .timeLimit(.minutes(30)))
struct EveryFormTests {
    /// A form of a call, around layers.
    struct Form: Sendable, CustomTestStringConvertible {
        let name: String
        let call:
            @Sendable (ManualClock, [any Strategy & Sendable], @escaping @Sendable (Context) async throws -> Int)
                async throws -> Int
        var testDescription: String { name }
    }

    private static func policy(_ clock: ManualClock, _ strategies: [any Strategy & Sendable]) throws -> Policy {
        try Policy("p", clock: clock) { LayerList(strategies: strategies) }
    }

    static let forms: [Form] = [
        Form(name: "policy") { try await policy($0, $1).execute($2) },
        Form(name: "policy in a policy") { clock, layers, operation in
            let inner = try policy(clock, layers)
            return try await Policy("outer", clock: clock) { inner }.execute(operation)
        },
        Form(name: "setting") { try await policy($0, $1).setting(Tag.self, to: 1).execute($2) },
        Form(name: "run") { try await policy($0, $1).run($2).result.get() },
        Form(name: "hedged") {
            try await policy($0, $1).hedged(.init(delay: .onlyAfterFailure, handles: .none)).execute($2)
        },
        Form(name: "abandoning") { try await policy($0, $1).abandoning(after: .seconds(3_600)).execute($2) },
        Form(name: "timeout around") { clock, layers, operation in
            let timeout = try Timeout(.seconds(3_600), clock: clock)
            let inner = try policy(clock, layers)
            return try await timeout.execute { try await inner.execute(operation) }
        },
        Form(name: "timeout as a layer") { clock, layers, operation in
            let timeout = try Timeout(.seconds(3_600), clock: clock)
            return try await policy(clock, [timeout] + layers).execute(operation)
        },
        Form(name: "fallback that handles nothing") {
            try await policy($0, $1).fallback(to: Fallback<Int>("f", .init(handles: .none) { .value(-1) }, clock: $0))
                .execute($2)
        },
        Form(name: "module") { clock, layers, operation in
            let policy = try policy(clock, layers)
            let module = try ResilienceModule("m", clock: clock) { Registration(policy) }
            return try await module.execute("p", operation)
        },
        Form(name: "policy of a module, hedged") { clock, layers, operation in
            let policy = try policy(clock, layers)
            let module = try ResilienceModule("m", clock: clock) { Registration(policy) }
            return try await module.policy("p").hedged(.init(delay: .onlyAfterFailure, handles: .none)).execute(
                operation)
        },
        Form(name: "family") { clock, layers, operation in
            let family = try PolicyFamily<Int>("f", maxKeys: 3, clock: clock) { LayerList(strategies: layers) }
            return try await family.execute(for: 1, operation)
        },
    ]

    private enum Tag: ContextKey { typealias Value = Int }
    private struct Wrapped: ErrorWrapper { let wrappedError: any Error }
    @Test(
        "a caller who cancelled beforehand is seen before the operation suspends, or it does not run", arguments: forms)
    func cancelledBefore(form: Form) async throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(1)), clock: clock)
        await #expect(throws: CancellationError.self) {
            try await inCancelledTask {
                _ = try await form.call(clock, [breaker]) { _ in
                    #expect(Task.isCancelled)
                    try Task.checkCancellation()
                    Issue.record("not seen")
                    return 1
                }
            }
        }
        #expect(breaker.totals.failed == 0 && breaker.state == .closed)
    }

    @Test(
        "a caller that cancels while the operation computes is seen at once, and is not the service's failure",
        arguments: forms)
    func cancelledMeanwhile(form: Form) async throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(1)), clock: clock)
        let executor = SteppingExecutor()
        let caller = Lock<Task<Void, any Error>?>(nil)
        let isSeen = Flag<Bool>()
        let call = Task(executorPreference: executor) {
            _ = try await form.call(clock, [breaker]) { _ -> Int in
                caller.withLock { $0 }?.cancel()
                isSeen.set(Task.isCancelled)
                throw InjectedFailure()
            }
        }
        caller.withLock { $0 = call }
        // Until the operation has ended too, which need not be before the call.
        executor.drain()
        #expect(isSeen.value == true)
        await #expect(throws: (any Error).self) { try await call.value }
        #expect(breaker.totals.cancelled == 1 && breaker.totals.failed == 0)
    }

    @Test("a client's own CancellationError is a failure, in wrappers too", arguments: forms, [false, true])
    func ownCancellation(form: Form, isWrapped: Bool) async throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(1)), clock: clock)
        await #expect(throws: (any Error).self) {
            _ = try await form.call(clock, [breaker]) { _ in
                if isWrapped { throw Wrapped(wrappedError: CancellationError()) }
                throw CancellationError()
            }
        }
        #expect(breaker.state == .open)
    }

    @Test("a rejection inside counts against no layer, also after the deadline, in wrappers", arguments: forms, 0..<4)
    func rejections(form: Form, way: Int) async throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(1)), clock: clock)
        let throttle = try AdaptiveThrottle("t", .init(minimumRequests: 0), clock: clock)
        let bulkhead = try Bulkhead("bh", .init(limit: .adaptive(.aimd(initial: 100, minimum: 1))), clock: clock)
        let timeout = try Timeout(.seconds(10), clock: clock)
        let noTime = try Timeout(.remaining, clock: clock)
        await #expect(throws: (any Error).self) {
            _ = try await form.call(clock, [breaker, throttle, bulkhead, timeout]) { _ in
                clock.advance(by: .seconds(way == 0 ? 1 : 11))
                switch way {
                case 0, 1: throw Refused()
                case 2: throw Wrapped(wrappedError: Refused())
                default: return try await noTime.execute { 1 }
                }
            }
        }
        #expect(breaker.totals.failed == 0 && throttle.totals.refused == 0 && bulkhead.limit == 100)
        #expect(timeout.totals.rejectedInside == 1 && timeout.totals.exceeded == 0)
    }

    @Test(
        "an error that comes late by the clock is the limit's, in every form, with or without the timer",
        arguments: forms)
    func late(form: Form) async throws {
        let clock = SkewedClock()
        let manual = ManualClock()
        let timeout = try Timeout(.seconds(10), clock: clock)
        await #expect(throws: Timeout.ExceededError.self) {
            _ = try await form.call(manual, [timeout]) { context in
                // The timer of this clock does not fire; the clock shows the deadline.
                clock.show(.seconds(10))
                #expect(context.isPastDeadline)
                throw InjectedFailure()
            }
        }
    }

    @Test("calls cut off by a limit are overload, wherever the limit is", arguments: forms)
    func overload(form: Form) async throws {
        let clock = ManualClock()
        let bulkhead = try Bulkhead("bh", .init(limit: .adaptive(.aimd(initial: 100, minimum: 1))), clock: clock)
        for layers in [
            [bulkhead, try Timeout(.seconds(10), clock: clock)], [try Timeout(.seconds(10), clock: clock), bulkhead],
        ]
            as [[any Strategy & Sendable]]
        {
            let before = bulkhead.limit
            let call = Task { try await form.call(clock, layers) { _ in try await Waiter<Int>().value { true } } }
            try await clock.waitForTimers(form.name.hasPrefix("timeout") || form.name == "abandoning" ? 2 : 1)
            clock.advance(by: .seconds(10))
            await #expect(throws: Timeout.ExceededError.self) { try await call.value }
            #expect(bulkhead.limit < before)
        }
    }
}
