import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// How often and when a call runs.
@Suite("Retry", .timeLimit(.minutes(30)))
struct RetryTests {
    private static let constant = Configuration(backoff: .constant(.milliseconds(500)))

    @Test("R4-44: two failures, then a success")
    func succeedsWithRetry() async throws {
        let stage = try Stage(Self.constant)
        let outcome = try await stage.run([failure, failure])
        #expect(outcome.value == 3 && outcome.attempts == 3)
        #expect(outcome.slept == [.milliseconds(500), .milliseconds(500)])
        #expect(stage.recorder.names == ["retry.attempt_failed", "retry.attempt_failed", "retry.succeeded"])
        var expected = Totals()
        expected.succeededWithRetry = 1
        expected.retries = 2
        #expect(stage.retry.totals == expected)
        #expect(stage.retry.totals.calls == 1 && stage.retry.totals.attempts == 3)
    }

    @Test("R4-45: three failures: the last of them comes back, or all if so configured")
    func exhausted() async throws {
        let errors = [InjectedFailure("first"), InjectedFailure("second"), InjectedFailure("third")]
        let stage = try Stage(Self.constant)
        let outcome = try await stage.run(errors)
        #expect(outcome.error as? InjectedFailure == errors[2])
        #expect(stage.retry.totals.failedWithRetry == 1 && stage.reasons == [.attempts])

        var configuration = Self.constant
        configuration.exhaustion = .exhaustedError
        let collecting = try Stage(configuration)
        let all = try #require(try await collecting.run(errors).error as? Retry.ExhaustedError)
        #expect(all.attempts == 3 && all.reason == .attempts && all.wrappedError as? InjectedFailure == errors[2])
        #expect(all.failures.map { $0.error as? InjectedFailure } == errors)
        #expect(all.failures.map(\.delay) == [.milliseconds(500), .milliseconds(500), nil])
        #expect(
            all.description
                == "retry \"test\" gave up after 3 attempts (no attempts are left): injected failure \"third\"")
    }

    @Test("R4-45: a result that was refused to the end is returned, or is an error if so configured")
    func exhaustedResult() async throws {
        let stage = try Stage(Self.constant)
        let outcome = try await stage.run(accepting: { $0 < 500 }) { 500 + $0.attempt }
        #expect(outcome.value == 503 && !outcome.execution.isAccepted)
        var configuration = Self.constant
        configuration.exhaustion = .exhaustedError
        let strict = try await Stage(configuration).run(accepting: { $0 < 500 }) { 500 + $0.attempt }
        let error = try #require(strict.error as? Retry.ExhaustedError)
        #expect(error.wrappedError is UnacceptedResultError)
    }

    @Test("R4-46: 500 ms, doubled")
    func doubled() async throws {
        let backoff = Backoff.exponential(from: .milliseconds(500), factor: 2, jitter: .none)
        let outcome = try await Stage(Configuration(backoff: backoff)).run([failure, failure, failure])
        #expect(outcome.slept == [.milliseconds(500), .seconds(1)])
    }

    @Test("PO-33: twelve retries on the value 0")
    func twelveRetries() async throws {
        let stage = try Stage(Configuration(backoff: .immediate, maxAttempts: 13))
        let outcome = try await stage.run(accepting: { $0 != 0 }) { _ in 0 }
        #expect(outcome.value == 0 && outcome.attempts == 13 && outcome.slept == [])
        #expect(stage.delays == Array(repeating: .zero, count: 12))
    }

    @Test("PO-32: a result that is followed by another is released, the last is not")
    func discardedResults() async throws {
        final class Resource: Sendable {
            let released: Count
            init(_ released: Count) { self.released = released }
            deinit { released.increment() }
        }
        let released = Count()
        let retry = try Retry("test", Configuration(backoff: .immediate, maxAttempts: 6))
        var made = 0
        let last = try await retry.execute(accepting: { _ in false }) {
            // Before the next attempt, not only once that has a result.
            #expect(released.value == made)
            made += 1
            return Resource(released)
        }
        #expect(made == 6 && released.value == 5 && last.released === released)
    }

    @Test("a call that succeeds at once is counted, and leaves the attempt alone")
    func success() async throws {
        let stage = try Stage(Configuration())
        var context = stage.retry.rootContext
        context.attempt = 7
        try await stage.retry.execute(context) { #expect($0.attempt == 7) }
        #expect(stage.retry.totals.succeededWithoutRetry == 1 && stage.retry.totals.attempts == 1)
        #expect(stage.recorder.names == ["retry.succeeded"])
    }

    @Test("the attempt number reaches the operation, also through nested retries")
    func attemptNumber() async throws {
        let clock = ManualClock()
        let policy = try Policy("nested", clock: clock) {
            Retry.layer(.immediate, maxAttempts: 2)
            Retry.layer(.immediate, maxAttempts: 3)
        }
        var seen: [Int] = []
        try? await policy.execute { context in
            seen.append(context.attempt)
            throw failure
        }
        // Never 1 again: the operation is told that it has run before.
        #expect(seen == [1, 2, 3, 2, 3, 4])
    }

    @Test("an exhausted error keeps the latest failures")
    func exhaustedError() async throws {
        let stage = try Stage(
            Configuration(backoff: .immediate, maxAttempts: 100, exhaustion: .exhaustedError), observed: false)
        let outcome = try await stage.run { context -> Int in throw InjectedFailure("\(context.attempt)") }
        let error = try #require(outcome.error as? Retry.ExhaustedError)
        #expect(error.attempts == 100 && error.failures.map(\.attempt) == Array(69...100))
    }

    @Test("attempts without limit go on until one succeeds")
    func unlimited() async throws {
        let stage = try Stage(
            Configuration(backoff: .exponential(), maxAttempts: Retry.unlimited), observed: false,
            random: .constant(0))
        let outcome = try await stage.run(Array(repeating: failure, count: 10_000))
        #expect(outcome.value == 10_001 && stage.retry.totals.retries == 10_000)
        #expect(stage.retry.layers.first?.description == "Retry(unlimited)")
    }

    @Test("an execution tells of failed attempts")
    func failedAttempts() async throws {
        let outcome = try await Stage(Self.constant).run([failure, Other()])
        #expect(outcome.execution.failedAttempts.map(\.attempt) == [1, 2])
        #expect(outcome.execution.failedAttempts.map(\.delay) == [.milliseconds(500), .milliseconds(500)])
        let failed = try await Stage(Configuration(maxAttempts: 1)).run([failure])
        #expect(failed.execution.failedAttempts.map(\.delay) == [nil])
        #expect(failed.execution.failedAttempts.first?.description.hasPrefix("attempt 1 failed: injected") == true)
    }

    @Test("an error of a delay function surfaces")
    func delayError() async throws {
        let stage = try Stage(
            Configuration(backoff: .custom { if $0.attempt == 2 { throw Other() } else { .zero } }, maxAttempts: 9))
        let outcome = try await stage.run([failure, failure, failure])
        #expect(outcome.error is Other && outcome.attempts == 2 && stage.reasons == [.backoff])
        #expect(stage.retry.totals.failedWithRetry == 1)
        #expect(try await stage.run([failure]).value == 2)
    }

    @Test("a delay function can say stop")
    func delayStop() async throws {
        let stage = try Stage(Configuration(backoff: .custom { _ in nil }))
        #expect(try await stage.run([failure]).error as? InjectedFailure == failure)
        #expect(stage.reasons == [.backoff] && stage.retry.totals.failedWithoutRetry == 1)
    }

    @Test("events tell their story")
    func story() async throws {
        let stage = try Stage(Self.constant)
        _ = try await stage.run([failure, failure, failure])
        #expect(
            stage.events.map(\.description) == [
                "retry \"test\": attempt 1 failed: injected failure \"injected\"; retry after 500 milliseconds",
                "retry \"test\": attempt 2 failed: injected failure \"injected\"; retry after 500 milliseconds",
                "retry \"test\" gave up after 3 attempts (no attempts are left): injected failure \"injected\"",
            ])
        #expect(stage.events.map(\.severity) == [.info, .info, .warning])
        #expect(stage.events.allSatisfy { $0.source == "test" })
    }

    @Test("an observer added later hears")
    func laterObserver() async throws {
        let stage = try Stage(Self.constant, observed: false)
        _ = try await stage.run([])
        stage.retry.addObserver(stage.recorder)
        _ = try await stage.run([failure])
        #expect(stage.recorder.names == ["retry.attempt_failed", "retry.succeeded"])
        #expect(stage.events.last?.description == "retry \"test\" succeeded after 2 attempts")
    }

    @Test("contention: every call is counted once")
    func contention() async throws {
        let retry = try Retry(.immediate, maxAttempts: 4)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    for call in 0..<1000 {
                        _ = try? await retry.execute { context in
                            if context.attempt <= (number + call) % 6 { throw failure }
                        }
                    }
                }
            }
        }
        // Of six calls, one succeeds at once, three after 1, 2 and 3 retries, and two fail after 3.
        let totals = retry.totals
        let sums = (0..<8).flatMap { number in (0..<1000).map { (number + $0) % 6 } }
        #expect(totals.succeededWithoutRetry == sums.count { $0 == 0 })
        #expect(totals.succeededWithRetry == sums.count { (1...3).contains($0) })
        #expect(totals.failedWithRetry == sums.count { $0 > 3 })
        #expect(totals.retries == sums.reduce(0) { $0 + min($1, 3) } && totals.calls == 8000)
    }
}
