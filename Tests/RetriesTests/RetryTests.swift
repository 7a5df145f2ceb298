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
        let fixture = try Fixture(Self.constant)
        let outcome = try await fixture.run([failure, failure])
        #expect(outcome.value == 3 && outcome.attempts == 3)
        #expect(outcome.slept == [.milliseconds(500), .milliseconds(500)])
        #expect(fixture.recorder.names == ["retry.attempt_failed", "retry.attempt_failed", "retry.succeeded"])
        var expected = Totals()
        expected.succeededWithRetry = 1
        expected.retries = 2
        #expect(fixture.retry.totals == expected)
        #expect(fixture.retry.totals.calls == 1 && fixture.retry.totals.attempts == 3)
    }

    @Test("R4-45: three failures: the last of them comes back, or all if so configured")
    func exhausted() async throws {
        let errors = [InjectedFailure("first"), InjectedFailure("second"), InjectedFailure("third")]
        let fixture = try Fixture(Self.constant)
        let outcome = try await fixture.run(errors)
        #expect(outcome.error as? InjectedFailure == errors[2])
        #expect(fixture.retry.totals.failedWithRetry == 1 && fixture.reasons == [.attempts])

        var configuration = Self.constant
        configuration.exhaustion = .exhaustedError
        let collecting = try Fixture(configuration)
        let all = try #require(try await collecting.run(errors).error as? Retry.ExhaustedError)
        #expect(all.attempts == 3 && all.reason == .attempts && all.lastError as? InjectedFailure == errors[2])
        #expect(all.failures.map { $0.error as? InjectedFailure } == errors)
        #expect(all.failures.map(\.delay) == [.milliseconds(500), .milliseconds(500), nil])
        #expect(
            all.description
                == "retry \"test\" gave up after 3 attempts (no attempts are left): injected failure \"third\"")
    }

    @Test("R4-45: a result that was refused to the end is returned, or is an error if so configured")
    func exhaustedResult() async throws {
        let fixture = try Fixture(Self.constant)
        let outcome = try await fixture.run(accepting: { $0 < 500 }) { 500 + $0.attempt }
        #expect(outcome.value == 503 && !outcome.execution.isAccepted)
        var configuration = Self.constant
        configuration.exhaustion = .exhaustedError
        let strict = try await Fixture(configuration).run(accepting: { $0 < 500 }) { 500 + $0.attempt }
        let error = try #require(strict.error as? Retry.ExhaustedError)
        #expect(error.lastError is UnacceptedResult)
    }

    @Test("R4-46: 500 ms, doubled")
    func doubled() async throws {
        let backoff = Backoff.exponential(from: .milliseconds(500), factor: 2, jitter: .none)
        let outcome = try await Fixture(Configuration(backoff: backoff)).run([failure, failure, failure])
        #expect(outcome.slept == [.milliseconds(500), .seconds(1)])
    }

    @Test("PO-33: twelve retries on the value 0")
    func twelveRetries() async throws {
        let fixture = try Fixture(Configuration(backoff: .immediate, maxAttempts: 13))
        let outcome = try await fixture.run(accepting: { $0 != 0 }) { _ in 0 }
        #expect(outcome.value == 0 && outcome.attempts == 13 && outcome.slept == [])
        #expect(fixture.delays == Array(repeating: .zero, count: 12))
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

    @Test func aCallThatSucceedsAtOnceIsCountedAndLeavesTheAttemptAlone() async throws {
        let fixture = try Fixture(Configuration())
        var context = fixture.retry.rootContext
        context.attempt = 7
        try await fixture.retry.execute(context) { #expect($0.attempt == 7) }
        #expect(fixture.retry.totals.succeededWithoutRetry == 1 && fixture.retry.totals.attempts == 1)
        #expect(fixture.recorder.names == ["retry.succeeded"])
    }

    @Test func theAttemptNumberReachesTheOperationAlsoThroughNestedRetries() async throws {
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

    @Test func anExhaustedErrorKeepsTheLatestFailures() async throws {
        let fixture = try Fixture(
            Configuration(backoff: .immediate, maxAttempts: 100, exhaustion: .exhaustedError), observed: false)
        let outcome = try await fixture.run { context -> Int in throw InjectedFailure("\(context.attempt)") }
        let error = try #require(outcome.error as? Retry.ExhaustedError)
        #expect(error.attempts == 100 && error.failures.map(\.attempt) == Array(69...100))
    }

    @Test func unlimitedAttempts() async throws {
        let fixture = try Fixture(
            Configuration(backoff: .exponential(), maxAttempts: Retry.unlimited), observed: false,
            random: .constant(0))
        let outcome = try await fixture.run(Array(repeating: failure, count: 10_000))
        #expect(outcome.value == 10_001 && fixture.retry.totals.retries == 10_000)
        #expect(fixture.retry.layers.first?.description == "Retry(unlimited)")
    }

    @Test func anExecutionTellsOfFailedAttempts() async throws {
        let outcome = try await Fixture(Self.constant).run([failure, Other()])
        #expect(outcome.execution.failedAttempts.map(\.attempt) == [1, 2])
        #expect(outcome.execution.failedAttempts.map(\.delay) == [.milliseconds(500), .milliseconds(500)])
        let failed = try await Fixture(Configuration(maxAttempts: 1)).run([failure])
        #expect(failed.execution.failedAttempts.map(\.delay) == [nil])
        #expect(failed.execution.failedAttempts.first?.description.hasPrefix("attempt 1 failed: injected") == true)
    }

    @Test func anErrorOfADelayFunctionSurfaces() async throws {
        let fixture = try Fixture(
            Configuration(backoff: .custom { if $0.attempt == 2 { throw Other() } else { .zero } }, maxAttempts: 9))
        let outcome = try await fixture.run([failure, failure, failure])
        #expect(outcome.error is Other && outcome.attempts == 2 && fixture.reasons == [.backoff])
        #expect(fixture.retry.totals.failedWithRetry == 1)
        #expect(try await fixture.run([failure]).value == 2)
    }

    @Test func aDelayFunctionCanSayStop() async throws {
        let fixture = try Fixture(Configuration(backoff: .custom { _ in nil }))
        #expect(try await fixture.run([failure]).error as? InjectedFailure == failure)
        #expect(fixture.reasons == [.backoff] && fixture.retry.totals.failedWithoutRetry == 1)
    }

    @Test func eventsTellTheirStory() async throws {
        let fixture = try Fixture(Self.constant)
        _ = try await fixture.run([failure, failure, failure])
        #expect(
            fixture.events.map(\.description) == [
                "retry \"test\": attempt 1 failed: injected failure \"injected\"; retry after 500 milliseconds",
                "retry \"test\": attempt 2 failed: injected failure \"injected\"; retry after 500 milliseconds",
                "retry \"test\" gave up after 3 attempts (no attempts are left): injected failure \"injected\"",
            ])
        #expect(fixture.events.map(\.severity) == [.info, .info, .warning])
        #expect(fixture.events.allSatisfy { $0.source == "test" })
    }

    @Test func anObserverAddedLaterHears() async throws {
        let fixture = try Fixture(Self.constant, observed: false)
        _ = try await fixture.run([])
        fixture.retry.addObserver(fixture.recorder)
        _ = try await fixture.run([failure])
        #expect(fixture.recorder.names == ["retry.attempt_failed", "retry.succeeded"])
        #expect(fixture.events.last?.description == "retry \"test\" succeeded after 2 attempts")
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
