import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Retries

/// What bounds the delays and the whole call.
@Suite("Retry: limits", .timeLimit(.minutes(30)))
struct LimitTests {
    private func hint(_ delay: Duration) -> InjectedFailure { InjectedFailure("busy", retryAfter: delay) }

    @Test("X-13: Retry-After of 3600 s, delays of at most 30 s, 60 s in all")
    func hugeHint() async throws {
        var configuration = Configuration(
            maxAttempts: Retry.unlimited, maxDuration: .seconds(60), hintJitter: 0)
        let endless = Array(repeating: hint(.seconds(3600)), count: 100)
        for lastDelay in [Retry.LastDelay.refuse, .trim] {
            configuration.lastDelay = lastDelay
            let stage = try Stage(configuration)
            let outcome = try await stage.run(endless)
            #expect(outcome.slept == [.seconds(30), .seconds(30)] && stage.reasons == [.duration])
        }
        configuration.serverHints = .exact
        let exact = try Stage(configuration)
        #expect(try await exact.run(endless).slept == [] && exact.reasons == [.delay])
        configuration.maxDelay = .seconds(7200)
        let long = try Stage(configuration)
        #expect(try await long.run(endless).slept == [] && long.reasons == [.duration])
    }

    @Test("a hint wins over the backoff")
    func hintBeforeBackoff() async throws {
        let stage = try Stage(Configuration(backoff: .constant(.seconds(10)), hintJitter: 0))
        #expect(try await stage.run([hint(.seconds(2)), hint(.seconds(20))]).slept == [.seconds(2), .seconds(20)])
        #expect(try await stage.run([hint(.zero), hint(.seconds(-5))]).slept == [])
        #expect(try await stage.run([hint(.seconds(2)), failure]).slept == [.seconds(2), .seconds(10)])
    }

    @Test("a server may say stop")
    func stop() async throws {
        let stage = try Stage(Configuration(backoff: .immediate, hintJitter: 0))
        let outcome = try await stage.run([Answer(serverHint: .grpc(pushback: "-1"))])
        #expect(outcome.error is Answer && stage.reasons == [.server])
        #expect(try await stage.run([Answer(serverHint: .retryAfter(.seconds(3)))]).slept == [.seconds(3)])
        let ignoring = try Stage(Configuration(backoff: .immediate, serverHints: .ignored))
        #expect(try await ignoring.run([Answer(serverHint: .doNotRetry)]).value == 2)
    }

    @Test("a hint that cannot be read is ignored and counted")
    func unreadable() async throws {
        let stage = try Stage(Configuration(backoff: .constant(.seconds(1))))
        let unreadable = Answer(serverHint: .http(retryAfter: "soon", secondsSince1970: 0))
        #expect(try await stage.run([unreadable, unreadable]).slept == [.seconds(1), .seconds(1)])
        #expect(stage.retry.totals.hintsIgnored == 2)
        #expect(try await stage.run([Answer(serverHint: nil), failure]).slept == [.seconds(1), .seconds(1)])
        #expect(stage.retry.totals.hintsIgnored == 2)
    }

    @Test("a hint that cannot be read counts for its own failure, and for none of those after it")
    func unreadableHintsAreCountedOnce() async throws {
        let unreadable = Answer(serverHint: .http(retryAfter: "soon", secondsSince1970: 0))
        let calls: [(errors: [any Error], ignored: Int)] = [
            ([unreadable, failure, failure], 1), ([unreadable, failure, unreadable], 2), ([failure, unreadable], 1),
            ([unreadable, hint(.seconds(1)), failure], 1), ([unreadable, Answer(serverHint: .doNotRetry)], 1),
            ([unreadable, Answer(serverHint: nil), unreadable, failure], 2), ([failure, failure], 0),
        ]
        for call in calls {
            let stage = try Stage(Configuration(backoff: .constant(.seconds(1)), maxAttempts: 9))
            _ = try await stage.run(call.errors)
            #expect(stage.retry.totals.hintsIgnored == call.ignored, "\(call.errors)")
        }
    }

    @Test("the longest delay bounds a function too")
    func function() async throws {
        let stage = try Stage(
            Configuration(backoff: .custom { _ in .seconds(Int64.max) }, maxDelay: .seconds(3)))
        #expect(try await stage.run([failure, failure]).slept == [.seconds(3), .seconds(3)])
    }

    @Test("the longest duration refuses or trims")
    func duration() async throws {
        for (lastDelay, slept) in [
            (Retry.LastDelay.refuse, [4, 4]), (.trim, [4, 4, 2]),
        ] {
            let stage = try Stage(
                Configuration(
                    backoff: .constant(.seconds(4)), maxAttempts: Retry.unlimited, maxDuration: .seconds(10),
                    lastDelay: lastDelay))
            let outcome = try await stage.run { _ -> Int in throw failure }
            #expect(outcome.slept == slept.map { .seconds($0) })
            #expect(outcome.attempts == slept.count + 1 && stage.reasons == [.duration])
        }
    }

    @Test("an attempt may start exactly at the longest duration")
    func exactDuration() async throws {
        let stage = try Stage(
            Configuration(
                backoff: .constant(.seconds(5)), maxAttempts: Retry.unlimited, maxDuration: .seconds(10)))
        #expect(try await stage.run { _ -> Int in throw failure }.slept == [.seconds(5), .seconds(5)])
    }

    @Test("the time of the attempts counts")
    func attemptTime() async throws {
        let stage = try Stage(
            Configuration(backoff: .immediate, maxAttempts: Retry.unlimited, maxDuration: .seconds(10)))
        let outcome = try await stage.run { _ -> Int in
            stage.clock.advance(by: .seconds(4))
            throw failure
        }
        #expect(outcome.attempts == 3 && stage.reasons == [.duration])
    }

    @Test("the rejection of a layer is not trimmed")
    func rejection() async throws {
        let stage = try Stage(
            Configuration(
                backoff: .immediate, maxDuration: .seconds(10), lastDelay: .trim, onRejection: .waitUntilRetryAfter))
        #expect(try await stage.run([Refused(retryAfter: .seconds(11))]).slept == [])
        #expect(try await stage.run([Refused(retryAfter: .seconds(10))]).slept == [.seconds(10)])
    }

    @Test("no attempt starts at or after the deadline")
    func deadline() async throws {
        let stage = try Stage(Configuration(backoff: .constant(.seconds(5)), maxAttempts: Retry.unlimited))
        for (left, attempts) in [(Duration.seconds(5), 1), (.seconds(5) + .nanoseconds(1), 2), (.seconds(11), 3)] {
            let outcome = try await drive(stage.clock) {
                await Deadline(left: left, inner: stage.retry).run { throw failure }
            }
            #expect(outcome.attempts == attempts && outcome.error as? InjectedFailure == failure)
        }
        #expect(stage.reasons == [.deadline, .deadline, .deadline])
        #expect(stage.retry.totals.failedWithoutRetry == 1 && stage.retry.totals.failedWithRetry == 2)
    }

    @Test("a deadline on another clock is kept")
    func otherClock() async throws {
        // A retry that exists already keeps its clock; the policy's shows another time.
        let clock = ManualClock()
        clock.advance(by: .seconds(1000))
        let retry = try Retry(.constant(.seconds(5)), maxAttempts: Retry.unlimited, clock: ManualClock())
        let policy = try Policy("p", clock: clock) {
            Deadline(left: .seconds(5))
            retry
        }
        #expect(await policy.run { throw failure }.attempts == 1)
    }

    @Test("immediate retries end at the deadline too")
    func immediate() async throws {
        let stage = try Stage(Configuration(backoff: .immediate, maxAttempts: Retry.unlimited))
        let outcome = try await drive(stage.clock) {
            await Deadline(left: .seconds(3), inner: stage.retry).run {
                stage.clock.advance(by: .seconds(1))
                throw failure
            }
        }
        #expect(outcome.attempts == 3)
    }

    @Test("a retry in a policy waits on the policy's clock")
    func policyClock() async throws {
        let clock = ManualClock()
        let policy = try Policy.pipeline("p", clock: clock, random: .constant(1))
            .retry(.exponential(from: .seconds(1)), maxAttempts: 3).build()
        let outcome = try await drive(clock) { await policy.run { throw failure } }
        #expect(outcome.slept == [.seconds(1), .seconds(2)])
    }

    @Test("a delay may end ten milliseconds after the longest duration, and not a nanosecond later")
    func tolerance() {
        let state = RetryState(.init(backoff: .immediate, maxDuration: .seconds(1)), isIdempotent: true)
        for elapsed in [Duration.seconds(1), .milliseconds(1_010)] {
            #expect(state.reasonToStop(.init(elapsed: elapsed)) == nil)
            let later = max(elapsed, .milliseconds(1_010)) + .nanoseconds(1)
            #expect(state.reasonToStop(.init(elapsed: later)) == .duration)
        }
    }

    @Test("a delay that a server asked for is spread below the deadline, however much jitter there is")
    func hintBelowDeadline() throws {
        for (remaining, random) in [(11, 1.0), (15, 1), (15, 0.9), (10_000, 1)] {
            var state = RetryState(.init(backoff: .immediate, hintJitter: 1), isIdempotent: true)
            let limits = RetryState.Limits(remaining: .seconds(remaining))
            let failure = InjectedFailure(retryAfter: .seconds(10))
            let action = try state.plan(after: failure, .failed, limits, .constant(random))
            guard case .retry(let delay) = action else {
                Issue.record("\(remaining) s: \(action)")
                continue
            }
            #expect(delay >= .seconds(10) && delay < .seconds(remaining) && delay <= .seconds(20))
        }
    }
}

/// Gives calls a deadline.
private struct Deadline<Inner: Strategy>: Strategy {
    let left: Duration
    let inner: Inner?

    init(left: Duration, inner: Inner) { (self.left, self.inner) = (left, inner) }

    var rootContext: Context { inner?.rootContext ?? Context(name: "", time: .continuous) }

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        var context = context
        context.deadline = context.time.now.advanced(by: left)
        if let inner { try await inner.execute(context, next) } else { try await next(context) }
    }
}

extension Deadline where Inner == Retry {
    init(left: Duration) { (self.left, self.inner) = (left, nil) }
}
