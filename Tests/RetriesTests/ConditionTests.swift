import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Retries

/// What is retried.
@Suite("Retry: conditions", .timeLimit(.minutes(30)))
struct ConditionTests {
    private class Base: Error, @unchecked Sendable {}
    private final class Derived: Base, @unchecked Sendable {}

    /// Whether an error is retried.
    private func isRetried(_ error: any Error, _ configuration: Configuration) async throws -> Bool {
        let outcome = try await Stage(configuration).run([error])
        if let thrown = outcome.error { #expect("\(thrown)" == "\(error)") }
        return outcome.attempts == 2
    }

    private func isRetried(_ error: any Error, _ condition: ErrorCondition) async throws -> Bool {
        try await isRetried(error, Configuration(handles: condition))
    }

    @Test("errors are retried by their types")
    func types() async throws {
        #expect(try await isRetried(failure, .all))
        #expect(try await !isRetried(failure, .none))
        #expect(try await isRetried(failure, .only(Other.self, InjectedFailure.self)))
        #expect(try await !isRetried(failure, .only(Other.self)))
        #expect(try await !isRetried(failure, .only()))
        #expect(try await !isRetried(failure, .except(Other.self, InjectedFailure.self)))
        #expect(try await isRetried(failure, .except(Other.self)))
        #expect(try await isRetried(Derived(), .only(Base.self)))
        #expect(try await !isRetried(Base(), .only(Derived.self)))
        #expect(try await isRetried(Base(), .except(Derived.self)))
    }

    @Test("errors are retried by a predicate")
    func predicate() async throws {
        let server = ErrorCondition.errors { ($0 as? InjectedFailure)?.label == "server" }
        #expect(try await isRetried(InjectedFailure("server"), server))
        #expect(try await !isRetried(InjectedFailure("client"), server))
        let everything = ErrorCondition { $0 is Other || $0 is UnacceptedResultError }
        #expect(try await isRetried(Other(), everything))
        #expect(try await !isRetried(failure, everything))
    }

    @Test("a value that is not accepted is retried whichever types of errors are, unless nothing is")
    func unaccepted() async throws {
        let conditions: [(ErrorCondition, Int)] = [
            (.all, 3), (.only(Other.self), 3), (.except(InjectedFailure.self), 3), (.errors { _ in false }, 3),
            (.none, 1), (.init { $0 is Other }, 1),
        ]
        for (condition, attempts) in conditions {
            let stage = try Stage(Configuration(backoff: .immediate, handles: condition))
            let outcome = try await stage.run(accepting: { $0 < 500 }) { _ in 503 }
            #expect(outcome.attempts == attempts && outcome.value == 503)
        }
    }

    @Test("a value that is not accepted and then an error is the error")
    func lastError() async throws {
        let stage = try Stage(Configuration(backoff: .immediate, maxAttempts: 2))
        let outcome = try await stage.run(accepting: { $0 < 500 }) { context in
            if context.attempt == 2 { throw failure }
            return 503
        }
        #expect(outcome.error as? InjectedFailure == failure)
    }

    // MARK: Idempotence

    @Test("a call that is not idempotent is retried only if it never ran")
    func notIdempotent() async throws {
        var configuration = Configuration(idempotent: false)
        #expect(try await !isRetried(failure, configuration))
        #expect(try await !isRetried(Refused(retryAfter: .zero), configuration))
        configuration.neverRan = .only(Other.self)
        #expect(try await isRetried(Other(), configuration))
        #expect(try await !isRetried(failure, configuration))
        configuration.neverRan = .rejections
        configuration.onRejection = .waitUntilRetryAfter
        #expect(try await isRetried(Refused(retryAfter: .zero), configuration))
        let stage = try Stage(configuration)
        // It did run: there is a value.
        #expect(try await stage.run(accepting: { _ in false }) { _ in 1 }.attempts == 1)
        #expect(stage.reasons == [.notIdempotent] && stage.events.last?.severity == .debug)
    }

    @Test("a call says for itself whether it is idempotent")
    func ownIdempotence() async throws {
        let clock = ManualClock()
        for byDefault in [true, false] {
            let policy = try Policy("p", clock: clock) {
                Retry.layer(.init(backoff: .immediate, idempotent: byDefault))
            }
            for said in [true, false] {
                let execution = await policy.idempotent(said).run { throw failure }
                #expect(execution.attempts == (said ? 3 : 1) && execution.policyName == "p")
            }
            #expect(await policy.run { throw failure }.attempts == (byDefault ? 3 : 1))
            #expect(policy.idempotent(true).layers.map(\.description) == ["Retry(3)"])
        }
    }

    // MARK: Rejections of layers inside

    @Test("where asked, a rejection is waited for if it says when")
    func rejection() async throws {
        #expect(try await !isRetried(Refused(), .all))
        let stage = try Stage(
            Configuration(backoff: .constant(.seconds(1)), hintJitter: 0, onRejection: .waitUntilRetryAfter))
        #expect(try await stage.run([Refused(retryAfter: .seconds(7))]).slept == [.seconds(7)])
        #expect(try await stage.run([Refused(retryAfter: .milliseconds(1))]).slept == [.seconds(1)])
        #expect(try await stage.run([Refused(retryAfter: .seconds(31))]).error is Refused)
        #expect(try await stage.run([Refused()]).error is Refused)
        #expect(stage.reasons == [.delay, .rejection])
    }

    @Test("hints of servers may be ignored, those of rejections may not")
    func ignoredHints() async throws {
        let stage = try Stage(
            Configuration(
                backoff: .immediate, serverHints: .ignored, hintJitter: 0, onRejection: .waitUntilRetryAfter))
        #expect(try await stage.run([Refused(retryAfter: .seconds(7))]).slept == [.seconds(7)])
        #expect(try await stage.run([InjectedFailure(retryAfter: .seconds(7))]).slept == [])
    }

    @Test("FS-17: seven attempts around a breaker that opens after three failures")
    func aroundABreaker() async throws {
        // Written for retries that ask an open breaker again at once: 7 attempts, of which 4 are refused. Here a
        // rejection ends the call, or is followed no sooner than it says, as here. First a break longer than any delay:
        // no attempt is wasted.
        let clock = ManualClock()
        func policy(breakLength: Duration) throws -> Policy {
            try Policy("p", clock: clock) {
                Retry.layer(
                    .init(
                        backoff: .immediate, maxAttempts: 7, hintJitter: 0, onRejection: .waitUntilRetryAfter))
                CircuitBreaker.layer(
                    .init(
                        trip: .consecutiveFailures(3), breakLength: .fixed(breakLength), halfOpen: .init(probes: 1)))
            }
        }
        let long = try policy(breakLength: .seconds(60))
        let calls = Count()
        let refused = await long.run {
            calls.increment()
            throw failure
        }
        #expect(calls.value == 3 && refused.rejection is CircuitBreaker.OpenError)
        #expect(refused.failedAttempts.count == 4 && long.retries.first?.totals.retries == 3)
        #expect(long.circuitBreakers.first?.totals.failed == 3)

        // A break that fits: attempts 4 and 6 are refused, 5 and 7 are the probes after each break; 7 attempts in all.
        let short = try policy(breakLength: .seconds(5))
        let outcome = try await drive(clock) { await short.run { throw failure } }
        #expect(outcome.attempts == 5 && outcome.slept == [.seconds(5), .seconds(5)])
        #expect(outcome.execution.failedAttempts.count == 7 && short.retries.first?.totals.retries == 6)
        #expect(outcome.error as? InjectedFailure == failure)
    }

    @Test("FS-18: without limit, around a breaker of three failures")
    func unlimitedAroundABreaker() async throws {
        let policy = try Policy("p", clock: ManualClock()) {
            Retry.layer(.immediate, maxAttempts: Retry.unlimited)
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(3)))
        }
        let execution = await policy.run { context in if context.attempt < 3 { throw failure } }
        #expect(execution.value != nil && execution.attempts == 3)
        let totals = try #require(policy.circuitBreakers.first?.totals)
        #expect(totals.succeeded == 1 && totals.failed == 2)
    }

    @Test("FS-19: a breaker around retries counts one failure")
    func insideABreaker() async throws {
        let policy = try Policy("p", clock: ManualClock()) {
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(3)))
            Retry.layer(.immediate, maxAttempts: 3)
        }
        #expect(await policy.run { throw failure }.attempts == 3)
        let breaker = try #require(policy.circuitBreakers.first)
        #expect(breaker.totals.failed == 1 && breaker.state == .closed)
    }

    @Test("FS-22: two timeouts, then a quick answer")
    func aroundATimeout() async throws {
        // The error stands for the limit of each attempt.
        let stage = try Stage(Configuration(backoff: .immediate))
        let outcome = try await stage.run([InjectedFailure("50 ms are over"), InjectedFailure("50 ms are over")])
        #expect(outcome.value == 3 && outcome.attempts == 3)
    }

    @Test("an isolated breaker ends the call")
    func isolated() async throws {
        let policy = try Policy("p", clock: ManualClock()) {
            Retry.layer(.immediate)
            CircuitBreaker.layer(.init(initialState: .isolated))
        }
        #expect(await policy.run {}.failedAttempts.count == 1)
    }

    @Test("a function is given the error inside of wrappers, also where it says what not to retry")
    func wrapped() async throws {
        struct Wrapped: ErrorWrapper, CustomStringConvertible {
            let wrappedError: any Error
            var description: String { "wrapped" }
        }
        for error in [Wrapped(wrappedError: Other()), Wrapped(wrappedError: Wrapped(wrappedError: Other()))] {
            #expect(try await isRetried(error, .errors { $0 is Other }))
            #expect(try await !isRetried(error, .errors { !($0 is Other) }))
            #expect(try await isRetried(error, .init { $0 is Other }))
            #expect(try await isRetried(error, .only(Wrapped.self)))
            #expect(try await !isRetried(error, .except(Wrapped.self)))
            #expect(try await !isRetried(error, .except(Other.self)))
        }
    }
}
