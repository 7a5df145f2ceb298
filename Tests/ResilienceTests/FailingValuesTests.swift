import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization
import Testing

private struct Reply: Sendable, Equatable {
    var status: Int
}

private struct Busy: OverloadError, ServerHintProviding, Equatable {
    var serverHint: ServerHint? = .retryAfter(.seconds(7))

    init?(_ reply: Reply) {
        if reply.status < 500 { return nil }
    }
}

private struct Other: Error {}

/// What every pattern makes of a value that counts as a failure of the user's making.
@Suite("Values as failures, pattern by pattern")
struct FailingValuesTests {
    private let clock = ManualClock()
    private let busy = Reply(status: 503)
    private let fine = Reply(status: 200)

    @Test("A retry waits as long as the failure asks, and asks functions about the failure and the value")
    func retry() async throws {
        let policy = try Policy("test", clock: clock) {
            Retry.layer(.init(maxAttempts: 2, hintJitter: 0))
        }
        let call = Task { [busy, fine] in
            try await policy.execute(failing: Busy.init) { context in context.attempt == 1 ? busy : fine }
        }
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(6))
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        #expect(try await call.value == fine)

        let only = try Policy("test", clock: clock) { Retry.layer(.init(handles: .only(Other.self))) }
        let execution = await only.run(failing: Busy.init) { busy }
        #expect(execution.attempts == 1 && execution.value == busy)

        let byValue = try Policy("test", clock: clock) {
            Retry.layer(
                .init(
                    backoff: .custom { failure in
                        failure.value(as: Reply.self)?.status == 503 && failure.error is UnacceptedResultError
                            ? .zero : nil
                    }, serverHints: .ignored))
        }
        let repeated = await byValue.run(failing: Busy.init) { busy }
        #expect(repeated.attempts == 3)
    }

    @Test("A breaker counts, ignores and breaks by the failure")
    func breaker() async throws {
        let breaker = try CircuitBreaker(
            "test",
            .init(
                trip: .consecutiveFailures(1),
                breakLength: .serverHint(upTo: .seconds(60), hintJitter: 0, otherwise: .fixed(.seconds(1)))),
            clock: clock)
        let value = try await breaker.execute(failing: Busy.init) { busy }
        #expect(value == busy)
        clock.advance(by: .seconds(6))
        #expect(breaker.state == .open)
        clock.advance(by: .seconds(2))
        #expect(breaker.state == .halfOpen)

        let ignoring = try CircuitBreaker("test", .init(ignores: .only(Busy.self)), clock: clock)
        _ = try await ignoring.execute(failing: Busy.init) { busy }
        #expect(ignoring.totals.failed == 0 && ignoring.totals.ignored == 1)
        let unhandled = try CircuitBreaker("test", .init(handles: .only(Other.self)), clock: clock)
        _ = try await unhandled.execute(failing: Busy.init) { busy }
        #expect(unhandled.totals.succeeded == 1)
    }

    @Test("An adaptive limit takes overload for a drop, and no other value")
    func bulkhead() async throws {
        let bulkhead = try Bulkhead(
            "test", .init(limit: .adaptive(.aimd(initial: 20, minimum: 1, backoff: 0.5))), clock: clock)
        _ = try await bulkhead.execute(failing: { (_: Reply) in Other() }) { busy }
        #expect(bulkhead.limit == 20)
        _ = try await bulkhead.execute(failing: Busy.init) { busy }
        #expect(bulkhead.limit == 10)
    }

    @Test("A throttle counts what its condition says of the failure")
    func throttle() async throws {
        let throttle = try AdaptiveThrottle("test", .init(handles: .only(Busy.self)), clock: clock)
        _ = try await throttle.execute(failing: Busy.init) { busy }
        _ = try await throttle.execute(failing: { (_: Reply) in Other() }) { busy }
        #expect(throttle.totals.refused == 1 && throttle.totals.accepted == 1)
    }

    @Test("A hedge follows a failure that it handles, and gives the primary's value if none is better")
    func hedge() async throws {
        let configuration = Hedge.Configuration(delay: .onlyAfterFailure, handles: .only(Other.self))
        let hedge = try Hedge("test", configuration, clock: clock)
        let fatal = await hedge.run(failing: { Busy($0) }) { [busy] in busy }
        #expect(fatal.attempts == 1)
        #expect(fatal.value == busy)
        #expect(fatal.failure is Busy)
        #expect(!fatal.isAccepted)
        let followed = await hedge.run(failing: { (reply: Reply) in reply.status == 503 ? Other() : nil }) {
            [busy, fine] context in context.hedge == 0 ? busy : fine
        }
        #expect(followed.attempts == 2)
        #expect(followed.value == fine)
        let policy = try Policy("test", clock: clock) { CircuitBreaker.layer() }
        let hedged = try policy.hedged(.init(delay: .onlyAfterFailure)).failing(Reply.self) { _ in Other() }
        let outcome1 = try await hedged.execute { [busy] in busy }
        #expect(outcome1 == busy)
        #expect(policy.circuitBreakers.first?.totals.failed == 2)
    }

    @Test("A hedge waits as long as the failure asks")
    func hedgeHint() async throws {
        let hedge = try Hedge("test", .init(delay: .onlyAfterFailure, hintJitter: 0), clock: clock)
        let call = Task { [busy, fine] in
            try await hedge.execute(failing: { Busy($0) }) { context in context.hedge == 0 ? busy : fine }
        }
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(7))
        #expect(try await call.value == fine)
    }

    @Test("An abandoning policy knows the failure of the value it returns")
    func abandoning() async throws {
        let breaker = try CircuitBreaker("test", clock: clock)
        let policy = try Policy("test", clock: clock) { breaker }.abandoning(after: .seconds(5))
        let execution = await policy.run(failing: { Busy($0) }) { [busy] in busy }
        #expect(execution.value == busy)
        #expect(execution.failure is Busy)
        let outcome2 = try await policy.failing(Reply.self) { Busy($0) }.execute { [busy] in busy }
        #expect(outcome2 == busy)
        #expect(breaker.totals.failed == 2)
    }

    @Test("The steps of a fallback are chosen by the failure, and the value comes back if none answers")
    func fallback() async throws {
        let policy = try Policy("test", clock: clock) { CircuitBreaker.layer() }.failing(Reply.self) { Busy($0) }
        let answering = try policy.fallback(Reply.self, handles: .only(Busy.self)) { .value(fine) }
        let other = try policy.fallback(Reply.self, handles: .only(Other.self)) { .value(fine) }
        let outcome3 = try await answering.execute { busy }
        #expect(outcome3 == fine)
        let outcome4 = try await other.execute { busy }
        #expect(outcome4 == busy)
        let execution = await answering.run { busy }
        #expect(execution.fallbackCause is UnacceptedResultError)
        #expect(execution.isAccepted)
        let unanswered = await other.run { busy }
        #expect(unanswered.failure is Busy)
    }

    @Test("Families and modules take a classifier, per call and declared")
    func registered() async throws {
        let family = try PolicyFamily<String>("hosts", maxKeys: 4, clock: clock) { CircuitBreaker.layer() }
        let fromFamily = try await family.execute(for: "a", failing: Busy.init) { busy }
        #expect(fromFamily == busy)
        let inFamily = await family.run(for: "a", failing: Busy.init) { _ in busy }
        #expect(inFamily.failure is Busy)
        #expect(family["a"].circuitBreakers.first?.totals.failed == 2)
        let module = try ResilienceModule("shop", clock: clock) {
            Registration("payments") { CircuitBreaker.layer() }
        }
        let fromModule = try await module.execute("payments", failing: Busy.init) { busy }
        #expect(fromModule == busy)
        let inModule = try await module.run("payments", failing: Busy.init) { busy }
        #expect(inModule.failure is Busy)
        let declared = try module.policy("payments").failing(Reply.self) { Busy($0) }
        let outcome5 = try await declared.execute { busy }
        #expect(outcome5 == busy)
        #expect(try module.policy("payments").circuitBreakers.first?.totals.failed == 3)
    }
}
