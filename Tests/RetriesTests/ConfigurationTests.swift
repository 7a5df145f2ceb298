import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// How retries are made, changed and described.
@Suite("Retry: configuration", .timeLimit(.minutes(30)))
struct ConfigurationTests {
    @Test("a retry is made with a name, a configuration, parts of one, or none of them")
    func forms() throws {
        #expect(try Retry().name == "retry" && Retry().configuration.maxAttempts == 3)
        #expect(try Retry(.immediate, maxAttempts: 4).configuration.maxAttempts == 4)
        #expect(try Retry("quotes").name == "quotes")
        #expect(try Retry("quotes", .init(maxAttempts: 7)).configuration.maxAttempts == 7)
        let shared = try Retry("shared", .init(maxAttempts: 9))
        let built = try Policy("p") {
            Retry.layer()
            Retry.layer(.exponential(from: .milliseconds(50)), maxAttempts: 4)
            Retry.layer(.init(maxAttempts: 5))
            Retry.layer("own", .init(maxAttempts: 6))
            shared
        }
        let fluent = try Policy.pipeline("p").retry().retry(.exponential(from: .milliseconds(50)), maxAttempts: 4)
            .retry(.init(maxAttempts: 5)).retry("own", .init(maxAttempts: 6)).retry(shared).build()
        for policy in [built, fluent] {
            #expect(policy.description == "Retry(3) → Retry(4) → Retry(5) → Retry(6) → Retry(9)")
            #expect(policy.retries.map(\.name) == ["p", "p", "p", "own", "shared"])
        }
    }

    @Test("bad input: every fault is named, and nothing traps")
    func faults() {
        let long = Duration.seconds(Int64.max)
        let outside = "is outside 0 s...292 years"
        let table: [(Configuration, [String])] = [
            (.init(maxAttempts: 0), ["maxAttempts: 0 is below 1"]),
            (.init(maxAttempts: .min), ["maxAttempts: \(Int.min) is below 1"]),
            (.init(maxDelay: .nanoseconds(-1)), ["maxDelay: -1e-09 seconds \(outside)"]),
            (.init(maxDelay: long), ["maxDelay: 9.223372036854776e+18 seconds \(outside)"]),
            (.init(maxDuration: .zero), ["maxDuration: 0.0 seconds is outside 1 ns...292 years"]),
            (.init(maxDuration: .seconds(-1)), ["maxDuration: -1.0 seconds is outside 1 ns...292 years"]),
            (
                .init(backoff: .exponential(from: .seconds(-1), factor: 0.5, jitter: .ratio(1.5))),
                [
                    "backoff.from: -1.0 seconds \(outside)",
                    "backoff.factor: 0.5 is not a number of at least 1",
                    "backoff.jitter: 1.5 is outside 0.0...1.0",
                ]
            ),
            (.init(backoff: .exponential(factor: .nan)), ["backoff.factor: nan is not a number of at least 1"]),
            (.init(backoff: .exponential(factor: .infinity)), ["backoff.factor: inf is not a number of at least 1"]),
            (
                .init(backoff: .linear(from: .seconds(-1), by: .seconds(-2))),
                [
                    "backoff.from: -1.0 seconds \(outside)",
                    "backoff.by: -2.0 seconds \(outside)",
                ]
            ),
            (.init(backoff: .fibonacci(from: long)), ["backoff.from: 9.223372036854776e+18 seconds \(outside)"]),
            (.init(backoff: .constant(.seconds(-1))), ["backoff.constant: -1.0 seconds \(outside)"]),
            (
                .init(backoff: .constant(.zero, jitter: .ratio(-.infinity))),
                ["backoff.jitter: -inf is outside 0.0...1.0"]
            ),
            (
                .init(backoff: .constant(.zero, jitter: .ratio(.nan))),
                ["backoff.jitter: nan is outside 0.0...1.0"]
            ),
            (.init(backoff: .list([])), ["backoff.list: [] is empty"]),
            (
                .init(backoff: .list([.zero, .seconds(-1)]), maxAttempts: -1),
                ["backoff.list[1]: -1.0 seconds \(outside)", "maxAttempts: -1 is below 1"]
            ),
        ]
        for (configuration, expected) in table {
            let error = #expect(throws: ConfigurationError.self) { _ = try Retry("r", configuration) }
            #expect(error?.faults.map(\.description) == expected.map { "retry." + $0 })
        }
        let error = #expect(throws: ConfigurationError.self) {
            _ = try Policy("p") {
                Retry.layer(.list([]), maxAttempts: 0)
                Retry.layer("q", .init(maxDelay: .seconds(-1)))
            }
        }
        #expect(
            error?.faults.map(\.field) == [
                "p.retry.backoff.list", "p.retry.maxAttempts", "p.retry.maxDelay",
            ])
    }

    @Test("the limits of the ranges work")
    func extremes() async throws {
        let longest = Duration.nanoseconds(Int64.max)
        let stage = try Stage(
            Configuration(
                backoff: .exponential(from: longest, factor: .greatestFiniteMagnitude, jitter: .ratio(1)),
                maxAttempts: Retry.unlimited, maxDelay: longest, maxDuration: longest), random: .constant(1))
        #expect(try await stage.run([failure, failure]).slept == [longest])
        #expect(stage.reasons == [.duration])
        let none = try Stage(Configuration(maxDelay: .zero, maxDuration: .nanoseconds(1)))
        #expect(try await none.run([failure, failure]).slept == [])
    }

    @Test("a configuration in force can be replaced")
    func update() async throws {
        let stage = try Stage(Configuration(backoff: .immediate, maxAttempts: 2))
        _ = try await stage.run { _ -> Int in throw failure }
        var configuration = stage.retry.configuration
        configuration.maxAttempts = 5
        configuration.budget = try RetryBudget(.quota(42))
        try stage.retry.update(configuration)
        #expect(try await stage.run { _ -> Int in throw failure }.attempts == 4)
        #expect(stage.reasons == [.attempts, .budget])
        #expect(throws: ConfigurationError.self) { try stage.retry.update(Configuration(maxAttempts: 0)) }
        #expect(stage.retry.configuration.maxAttempts == 5)
        try stage.retry.update(Configuration(backoff: .immediate))
        #expect(try await stage.run { _ -> Int in throw failure }.attempts == 3)
        #expect(stage.retry.totals.failedWithRetry == 3)
    }

    @Test("a call that has failed goes on by the old configuration")
    func runningCall() async throws {
        let stage = try Stage(Configuration(backoff: .immediate, maxAttempts: 4))
        let outcome = try await stage.run { context -> Int in
            if context.attempt == 2 { try stage.retry.update(Configuration(maxAttempts: 1)) }
            throw failure
        }
        #expect(outcome.attempts == 4)
        #expect(try await stage.run { _ -> Int in throw failure }.attempts == 1)
    }

    @Test("a longest duration set during a call counts from then")
    func laterDuration() async throws {
        let stage = try Stage(Configuration(backoff: .constant(.seconds(4))))
        stage.clock.advance(by: .seconds(1000))
        let outcome = try await stage.run { context -> Int in
            if context.attempt == 1 {
                try stage.retry.update(Configuration(backoff: .constant(.seconds(4)), maxDuration: .seconds(10)))
            }
            throw failure
        }
        #expect(outcome.slept == [.seconds(4), .seconds(4)])
    }

    @Test("totals add up")
    func totals() {
        var totals = Totals()
        totals.succeededWithoutRetry = .max
        totals.cancelled = 1
        #expect(totals.calls == .max && totals.attempts == .max)
        var other = Totals()
        other.hintsIgnored = 3
        other.succeededWithoutRetry = 1
        let sum = totals + other
        #expect(sum.succeededWithoutRetry == .max && sum.cancelled == 1 && sum.hintsIgnored == 3)
    }

    @Test("every reason has its words")
    func words() {
        #expect(Set(StopReason.allCases.map(\.description)).count == StopReason.allCases.count)
    }
}
