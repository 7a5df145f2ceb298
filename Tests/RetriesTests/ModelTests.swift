import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Retries

/// Random calls through random configurations against a model written the plain way, second by second.
@Suite("Retry: model", .timeLimit(.minutes(30)))
struct ModelTests {
    private enum Fault: CaseIterable {
        case plain, denied, hint, longHint, stop, unreadable, rejection, longRejection, isolated, cancelled

        var error: any Error {
            switch self {
            case .plain: failure
            case .denied: Other()
            case .hint: InjectedFailure(retryAfter: .seconds(3))
            case .longHint: InjectedFailure(retryAfter: .seconds(500))
            case .stop: Answer(serverHint: .doNotRetry)
            case .unreadable: Answer(serverHint: .unreadable("?"))
            case .rejection: Refused(retryAfter: .seconds(4))
            case .longRejection: Refused(retryAfter: .seconds(500))
            case .isolated: Refused()
            case .cancelled: CancellationError()
            }
        }
    }

    private struct Script {
        let faults: [Fault]
        let lengths: [Int]
        let maxAttempts: Int
        let delay: Int
        let maxDelay: Int
        let maxDuration: Int?
        let deadline: Int?
        let trims: Bool
        let waits: Bool
        let hints: Retry.ServerHints
        let quota: Int

        init(_ generator: inout SplitMix64) {
            func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
            let count = number(0...8)
            faults = (0..<count).map { _ in
                number(0...2) > 0 ? .plain : Fault.allCases[number(0...Fault.allCases.count - 1)]
            }
            lengths = (0...count).map { _ in number(0...3) }
            maxAttempts = number(1...9)
            delay = number(0...6)
            maxDelay = number(0...10)
            maxDuration = number(0...1) == 0 ? nil : number(1...30)
            deadline = number(0...1) == 0 ? nil : number(1...30)
            trims = number(0...1) == 0
            waits = number(0...1) == 0
            hints = [.shortened, .exact, .ignored][number(0...2)]
            quota = number(1...8)
        }

        /// What should happen: the delays, why it ended, the tokens that are left.
        var expected: (delays: [Int], reason: StopReason?, tokens: Int) {
            var now = 0
            var delays: [Int] = []
            var tokens = quota
            for (index, fault) in faults.enumerated() {
                now += lengths[index]
                if fault == .denied { return (delays, .notRetryable, tokens) }
                if index + 1 >= maxAttempts { return (delays, .attempts, tokens) }
                if fault == .isolated { return (delays, .rejection, tokens) }
                if !waits, fault == .rejection || fault == .longRejection { return (delays, .rejection, tokens) }
                if fault == .stop, hints != .ignored { return (delays, .server, tokens) }
                var wanted = min(delay, maxDelay)
                var isBinding = false
                var isAskedFor = false
                switch fault {
                case .hint where hints != .ignored: (wanted, isBinding, isAskedFor) = (3, hints == .exact, true)
                case .longHint where hints != .ignored: (wanted, isBinding, isAskedFor) = (500, hints == .exact, true)
                case .rejection: (wanted, isBinding, isAskedFor) = (max(4, wanted), true, true)
                case .longRejection: (wanted, isBinding, isAskedFor) = (500, true, true)
                default: break
                }
                if isBinding, wanted > maxDelay { return (delays, .delay, tokens) }
                wanted = min(wanted, maxDelay)
                if let maxDuration {
                    if now >= maxDuration { return (delays, .duration, tokens) }
                    if now + wanted > maxDuration {
                        if isAskedFor || !trims { return (delays, .duration, tokens) }
                        wanted = maxDuration - now
                    }
                }
                if let deadline, now + wanted >= deadline { return (delays, .deadline, tokens) }
                if tokens == 0 { return (delays, .budget, tokens) }
                tokens -= 1
                delays.append(wanted)
                now += wanted
            }
            return (delays, nil, min(quota, tokens + 1))
        }
    }

    @Test("property: delays, reasons, totals and tokens are those of the model")
    func model() async throws {
        for seed: UInt64 in 0..<2000 {
            var generator = SplitMix64(seed: seed)
            let script = Script(&generator)
            let budget = try RetryBudget(.quota(script.quota, cost: 1))
            let stage = try Stage(
                Configuration(
                    backoff: .constant(.seconds(script.delay)), maxAttempts: script.maxAttempts,
                    maxDelay: .seconds(script.maxDelay), maxDuration: script.maxDuration.map { .seconds($0) },
                    lastDelay: script.trims ? .trim : .refuse, handles: .except(Other.self),
                    serverHints: script.hints, hintJitter: 0,
                    onRejection: script.waits ? .waitUntilRetryAfter : .giveUp, budget: budget))
            var context = stage.retry.rootContext
            context.deadline = script.deadline.map { TimeSource.Instant(nanoseconds: Int64($0) * 1_000_000_000) }
            let start = context
            let (result, _) = try await driven(stage.clock) {
                try await stage.retry.execute(start) { context in
                    let index = context.attempt - 1
                    stage.clock.advance(by: .seconds(script.lengths[min(index, script.faults.count)]))
                    if index < script.faults.count { throw script.faults[index].error }
                }
            }
            let expected = script.expected
            let ends = script.faults.prefix(expected.delays.count + 1)
            let last = expected.reason == nil ? nil : ends.last?.error
            #expect("\(String(describing: result.error))" == "\(String(describing: last))", "seed \(seed)")
            #expect(stage.delays == expected.delays.map { .seconds($0) }, "seed \(seed)")
            #expect(stage.reasons.first == expected.reason, "seed \(seed)")
            #expect(budget.balance == Double(expected.tokens), "seed \(seed)")
            let totals = stage.retry.totals
            #expect(totals.calls == 1 && totals.retries == expected.delays.count, "seed \(seed)")
            #expect(totals.refusedByBudget == (expected.reason == .budget ? 1 : 0), "seed \(seed)")
            #expect(totals.cancelled == (expected.reason == .cancelled ? 1 : 0), "seed \(seed)")
        }
    }
}
