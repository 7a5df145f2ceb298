import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// What is no more the outcome of its call, and attempts that come too late.
@Suite("Retry: superseded attempts", .timeLimit(.minutes(30)))
struct SupersededTests {
    private final class Connection: Sendable {
        let number: Int
        let ended: Count
        init(_ number: Int, _ ended: Count) { (self.number, self.ended) = (number, ended) }
        deinit { ended.increment() }
    }

    @Test(
        "a value that is not accepted is let go of before the delay, whatever holds the failure",
        arguments: [true, false])
    func beforeTheDelay(isRecorded: Bool) async throws {
        let stage = try Stage(Configuration(backoff: .constant(.seconds(1)), exhaustion: .exhaustedError))
        let ended = Count()
        let task = Task {
            let operation = { @Sendable (context: Context) in Connection(context.attempt, ended) }
            if isRecorded {
                return try await stage.retry.run(accepting: { $0.number > 1 }, operation).get().number
            }
            return try await stage.retry.execute(accepting: { $0.number > 1 }, operation).number
        }
        try await stage.clock.waitForSleepers(1)
        #expect(ended.value == 1)
        stage.clock.advance(by: .seconds(1))
        #expect(try await task.value == 2)
    }

    @Test("the hook gets each value that is superseded, before its delay, and not the last")
    func hook() async throws {
        let stage = try Stage(Configuration(backoff: .constant(.seconds(1))))
        let released = Lock<[Int]>([])
        let task = Task {
            try await stage.retry.execute(
                accepting: { _ in false }, releasing: { (value: Int) in released.withLock { $0.append(value) } },
                { context in context.attempt })
        }
        for expected in [[1], [1, 2]] {
            try await stage.clock.waitForSleepers(1)
            #expect(released.withLock { $0 } == expected)
            stage.clock.advance(by: .seconds(1))
        }
        #expect(try await task.value == 3)
        #expect(released.withLock { $0 } == [1, 2])
    }

    @Test("the hook gets the value that a cancelled caller does not")
    func hookAfterCancellation() async throws {
        let stage = try Stage(Configuration(backoff: .immediate))
        let released = Count()
        let task = Task {
            try await stage.retry.execute(
                accepting: { _ in false }, releasing: { (_: Int) in released.increment() },
                { () in
                    withUnsafeCurrentTask { $0?.cancel() }
                    return 1
                })
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(released.value == 1)
    }

    @Test("the hook runs on the caller's actor, with values that are not Sendable")
    @MainActor func hookOnTheActor() async throws {
        final class Plain { var isClosed = false }
        let retry = try Retry(.immediate)
        let first = Plain()
        let last = try await retry.execute(
            accepting: { (value: Plain) in value !== first },
            releasing: { value in
                MainActor.preconditionIsolated()
                value.isClosed = true
            },
            { context in context.attempt == 1 ? first : Plain() })
        #expect(first.isClosed && !last.isClosed)
    }

    @Test("no attempt starts past the deadline after a sleep that ended late", arguments: [true, false])
    func lateSleep(hasDeadline: Bool) async throws {
        let budget = try RetryBudget(.quota(14))
        var configuration = Configuration(backoff: .constant(.seconds(1)), budget: budget)
        if !hasDeadline { configuration.maxDuration = .seconds(2) }
        let stage = try Stage(configuration)
        var context = stage.retry.rootContext
        if hasDeadline { context.deadline = stage.retry.time.now.advanced(by: .seconds(2)) }
        let calls = Count()
        let task = Task { [context] in
            try await stage.retry.execute(context) { _ in
                calls.increment()
                throw failure
            }
        }
        try await stage.clock.waitForSleepers(1)
        stage.clock.advance(by: .seconds(60))
        await #expect(throws: InjectedFailure.self) { try await task.value }
        #expect(calls.value == 1 && stage.reasons == [hasDeadline ? .deadline : .duration])
        #expect(budget.balance == 14 && stage.retry.totals.retries == 0)
    }

    @Test("one call deposits once, through two retries that share a budget, and nested policies")
    func deposits() async throws {
        final class Noting: AttemptBudget {
            let deposits = Count()
            let failures = Count()
            let successes = Count()
            func deposit() { deposits.increment() }
            func tryWithdraw() -> Bool { true }
            func recordFailure() { failures.increment() }
            func recordSuccess(ofRetry isRetry: Bool) { successes.increment() }
        }
        let (budget, other) = (Noting(), Noting())
        let inner = try Policy("inner") {
            Retry.layer(.immediate, maxAttempts: 2, budget: other)
            Retry.layer(.immediate, maxAttempts: 2, budget: budget)
        }
        let policy = try Policy("outer") {
            Retry.layer(.immediate, maxAttempts: 2, budget: budget)
            inner
        }
        let calls = Count()
        let failed = await policy.run {
            calls.increment()
            throw failure
        }
        #expect(failed.value == nil && calls.value == 8)
        #expect(budget.deposits.value == 1 && other.deposits.value == 1)
        try await policy.execute {}
        #expect(budget.deposits.value == 2 && budget.successes.value == 1 && other.successes.value == 1)
    }

    @Test("the hook gets the values of a retry inside that gave up with an error, and the last that an error replaces")
    func hookThroughWrappers() async throws {
        let policy = try Policy("p") {
            Retry.layer(.init(backoff: .immediate, maxAttempts: 2, exhaustion: .exhaustedError))
            Retry.layer(.init(backoff: .immediate, maxAttempts: 2, exhaustion: .exhaustedError))
        }
        let released = Lock<[Int]>([])
        let calls = Count()
        await #expect(throws: Retry.ExhaustedError.self) {
            try await policy.execute(
                accepting: { _ in false }, releasing: { (value: Int) in released.withLock { $0.append(value) } },
                {
                    calls.increment()
                    return calls.value
                })
        }
        #expect(released.withLock { $0 } == [1, 2, 3, 4])
    }
}
