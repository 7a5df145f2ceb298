import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Retries

/// What servers and rejections ask for: kept to, spread, and followed by a backoff from its first step.
@Suite("Retry: hints", .timeLimit(.minutes(30)))
struct HintTests {
    private struct Response: Sendable, ServerHintProviding {
        var status = 503
        var serverHint: ServerHint?
    }

    private func first(_ configuration: Configuration, _ error: any Error, random: RandomSource) async throws
        -> Duration?
    {
        try await Stage(configuration, random: random).run([error]).slept.first
    }

    @Test(
        "delays that were asked for are spread above that, never sooner, also at the longest delay",
        arguments: [1, 29, 30] as [Int64])
    func spread(seconds: Int64) async throws {
        let asked = Duration.seconds(seconds)
        for error: any Error in [InjectedFailure(retryAfter: asked), Refused(retryAfter: asked)] {
            var delays: Set<Duration> = []
            for seed: UInt64 in 0..<40 {
                let delay = try #require(
                    try await first(
                        Configuration(backoff: .immediate, onRejection: .waitUntilRetryAfter), error,
                        random: .seeded(seed)))
                #expect(delay >= asked && delay <= asked * 1.5, "seed \(seed)")
                delays.insert(delay)
            }
            #expect(delays.count > 35 && (delays.max() ?? .zero) - (delays.min() ?? .zero) > asked * 0.3)
        }
    }

    @Test("a hint beyond the longest delay is shortened to that and spread above it, never sooner")
    func beyondTheLongest() async throws {
        var delays: Set<Duration> = []
        for seed: UInt64 in 0..<40 {
            let delay = try #require(
                try await first(
                    Configuration(), InjectedFailure(retryAfter: .seconds(3600)), random: .seeded(seed)))
            #expect(delay >= .seconds(30) && delay <= .seconds(45), "seed \(seed)")
            delays.insert(delay)
        }
        #expect(delays.count > 35)
    }

    @Test("jitter gives way to the longest duration, what was asked for does not")
    func limits() async throws {
        for (asked, maxDuration, random, slept) in [
            (4, 5, 1.0, 5), (4, 5, 0, 4), (5, 5, 1, 5), (6, 5, 0, nil),
        ] as [(Int64, Int64, Double, Int64?)] {
            for lastDelay in [Retry.LastDelay.refuse, .trim] {
                let delay = try await first(
                    Configuration(maxDuration: .seconds(maxDuration), lastDelay: lastDelay),
                    InjectedFailure(retryAfter: .seconds(asked)), random: .constant(random))
                #expect(delay == slept.map { .seconds($0) })
            }
        }
    }

    @Test("a trimmed last delay stays spread too")
    func trimmed() async throws {
        var delays: Set<Duration> = []
        for seed: UInt64 in 0..<20 {
            let delay = try #require(
                try await first(
                    Configuration(
                        backoff: .constant(.seconds(60), jitter: .equal), maxDuration: .seconds(10), lastDelay: .trim),
                    failure, random: .seeded(seed)))
            #expect(delay >= .seconds(5) && delay <= .seconds(10))
            delays.insert(delay)
        }
        #expect(delays.count > 15)
    }

    @Test(
        "at the longest delay every jitter is drawn below it, and nothing gathers there",
        arguments: [
            Jitter.full, .equal, .ratio(0.2), .ratio(1), .decorrelated,
        ])
    func jitterAtTheCap(jitter: Jitter) throws {
        for backoff in [
            Backoff.constant(.seconds(100), jitter: jitter), .exponential(from: .seconds(2), jitter: jitter),
            .list([.seconds(9), .seconds(11)], jitter: jitter),
        ] {
            var atTheCap = 0
            var delays: Set<Duration> = []
            for seed: UInt64 in 0..<200 {
                var memory = Jitter.Memory()
                var delay: Duration?
                let random = RandomSource.seeded(seed)
                for attempt in 1...6 {
                    let failed = Backoff.Failure(
                        error: failure, attempt: attempt, step: attempt, previousDelay: delay)
                    delay = try backoff.delay(after: failed, cap: .seconds(10), &memory, random)
                }
                let last = try #require(delay)
                #expect(last <= .seconds(10))
                if last == .seconds(10) { atTheCap += 1 }
                delays.insert(last)
            }
            #expect(atTheCap <= 1 && delays.count > 190, "\(backoff)")
        }
    }

    @Test("after a server's word the backoff begins again from its first step")
    func backoffBeginsAgain() async throws {
        let hint = InjectedFailure(retryAfter: .seconds(7))
        let unlimited = Retry.unlimited
        let exponential = Configuration(
            backoff: .exponential(from: .seconds(1), jitter: .none), maxAttempts: unlimited, hintJitter: 0)
        let errors: [any Error] = [failure, failure, hint, failure, failure, hint, hint, failure]
        #expect(
            try await Stage(exponential).run(errors).slept.map(\.components.seconds) == [1, 2, 7, 1, 2, 7, 7, 1])
        var ignoring = exponential
        ignoring.serverHints = .ignored
        #expect(
            try await Stage(ignoring).run(errors).slept.map(\.components.seconds) == [1, 2, 4, 8, 16, 30, 30, 30])
        for (backoff, expected) in [
            (Backoff.fibonacci(from: .seconds(1), jitter: .none), [1, 1, 7, 1, 1, 7, 7, 1]),
            (.linear(from: .seconds(1), jitter: .none), [1, 2, 7, 1, 2, 7, 7, 1]),
            (.list([.seconds(1), .seconds(3)]), [1, 3, 7, 1, 3, 7, 7, 1]),
            (.constant(.seconds(1), jitter: .decorrelated), [3, 9, 7, 3, 9, 7, 7, 3]),
            (.custom { ($0.previousDelay ?? .seconds(1)) * 2 }, [2, 4, 7, 2, 4, 7, 7, 2]),
            (.custom { .seconds($0.attempt * 10 + $0.step) }, [11, 22, 7, 30, 30, 7, 7, 30]),
        ] as [(Backoff, [Int64])] {
            var configuration = exponential
            configuration.backoff = backoff
            let slept = try await Stage(configuration, random: .constant(1)).run(errors).slept
            #expect(slept.map(\.components.seconds) == expected)
        }
    }

    @Test("a value that was not accepted gives its hint, and delay functions see it")
    func hintsOfValues() async throws {
        let stage = try Stage(Configuration(hintJitter: 0))
        let outcome = try await stage.run(accepting: { $0.status < 500 }) { context in
            context.attempt == 1
                ? Response(serverHint: .http(retryAfter: "2.5", secondsSince1970: 0)) : Response(status: 200)
        }
        #expect(outcome.slept == [.milliseconds(2_500)] && outcome.value?.status == 200)
        let stopped = try await stage.run(accepting: { $0.status < 500 }) { _ in Response(serverHint: .doNotRetry) }
        #expect(stopped.attempts == 1 && stopped.value?.status == 503 && stage.reasons == [.server])
        let asking = try Stage(
            Configuration(
                backoff: .custom { ($0.value(as: Int.self)).map { .seconds($0 % 100) } ?? .seconds(50) }))
        let asked = try await asking.run(accepting: { $0 < 500 }) { context in
            if context.attempt == 2 { throw failure }
            return context.attempt == 1 ? 507 : 200
        }
        #expect(asked.slept == [.seconds(7), .seconds(30)])
    }

    @Test("an exhausted retry inside means what its last error means")
    func wrapped() async throws {
        func exhausted(_ error: any Error) -> Retry.ExhaustedError {
            Retry.ExhaustedError(policyName: "i", reason: .attempts, attempts: 1, failures: [], wrappedError: error)
        }
        let stage = try Stage(
            Configuration(backoff: .immediate, handles: .only(InjectedFailure.self), hintJitter: 0))
        #expect(try await stage.run([exhausted(InjectedFailure(retryAfter: .seconds(3)))]).slept == [.seconds(3)])
        #expect(try await stage.run([exhausted(Other())]).error is Retry.ExhaustedError)
        #expect(exhausted(InjectedFailure(retryAfter: .seconds(3))).retryAfter == .seconds(3))
        let standard = try Stage(Configuration(backoff: .immediate))
        #expect(try await standard.run([exhausted(Refused(retryAfter: .zero))]).attempts == 1)
        #expect(try await standard.run([exhausted(Answer(serverHint: .doNotRetry))]).attempts == 1)
        #expect(standard.reasons == [.rejection, .server])
    }

    @Test("a condition that names rejections waits for them; no other does unless it is told to")
    func namedRejections() async throws {
        for condition: ErrorCondition in [.rejections, .only(Refused.self), .only(Other.self, Refused.self)] {
            let stage = try Stage(Configuration(backoff: .immediate, handles: condition, hintJitter: 0))
            let outcome = try await stage.run([Refused(retryAfter: .seconds(2)), Refused(retryAfter: .zero)])
            #expect(outcome.attempts == 3 && outcome.slept == [.seconds(2)])
        }
        for condition: ErrorCondition in [.all, .except(Other.self), .only(Other.self), .errors { _ in true }] {
            let stage = try Stage(Configuration(backoff: .immediate, handles: condition, hintJitter: 0))
            #expect(try await stage.run([Refused(retryAfter: .seconds(2))]).attempts == 1)
        }
    }

    @Test("a rejection ends the call at once, unless waiting is asked for")
    func rejections() async throws {
        let budget = try RetryBudget(.throttle())
        let stage = try Stage(Configuration(budget: budget))
        for retryAfter in [nil, Duration.zero, .seconds(1)] {
            let outcome = try await stage.run([Refused(retryAfter: retryAfter)])
            #expect(outcome.attempts == 1 && outcome.error is Refused && outcome.slept.isEmpty)
        }
        #expect(stage.reasons == [.rejection, .rejection, .rejection] && budget.balance == 10)
        let policy = try Policy("p", clock: ManualClock()) {
            Retry.layer(.immediate, maxAttempts: 7)
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(3), breakLength: .fixed(.seconds(5))))
        }
        let execution = await policy.run { throw failure }
        #expect(execution.attempts == 3 && execution.rejection is CircuitBreaker.OpenError)
    }
}
