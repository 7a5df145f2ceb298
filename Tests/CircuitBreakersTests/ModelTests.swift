import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// Random sequences of operations on a breaker, against a model of what is documented.
@Suite(.timeLimit(.minutes(30)))
struct ModelTests {
    @Test("X-26: equals the model in every step", arguments: 0..<4 as Range<UInt64>)
    func equalsTheModel(quarter: UInt64) throws {
        try forSeeds(stride(from: quarter, to: seeds(2_000).upperBound, by: 4)) { seed, _ in
            let run = try ModelRun(seed: seed)
            for _ in 0..<60 {
                guard let difference = try run.step() else { continue }
                throw Difference("\(difference)\n\(run.settings)\n\(run.operations.joined(separator: "\n"))")
            }
        }
    }
}

private final class ModelRun {
    private struct Running {
        let call: ReferenceModel.Call
        let permit: RunningCall
    }

    private var random: SplitMix64
    private var stage: Stage
    private var model: ReferenceModel
    private var running: [Running] = []
    private let draws: Draws
    /// What was done, for the report of a failure.
    private(set) var operations: [String] = []
    let settings: ReferenceSettings

    init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        settings = .random(&random)
        draws = Draws(seed: seed)
        let isObserved = Bool.random(using: &random)
        stage = try Stage(settings.configuration, observed: isObserved, random: draws.source)
        model = ReferenceModel(settings, isObserved: isObserved, now: 0, draw: Draws(seed: seed).value)
    }

    /// Does something at random; returns how the breaker then differs from the model, or `nil` if it does not.
    func step() throws -> String? {
        let difference: String? =
            switch Int.random(in: 0..<100, using: &random) {
            case ..<40: start()
            case ..<70: end()
            case ..<88: advance()
            case ..<94: changeByHand()
            case ..<97: try update()
            default: try restore()
            }
        if let difference { return difference }
        // Without a look at it, the state stays behind the time.
        return Int.random(in: 0..<4, using: &random) == 0 ? nil : compare()
    }

    private func start() -> String? {
        let expected = model.start()
        do {
            let permit = try stage.start()
            operations.append("start")
            guard case .success(let call) = expected else { return "admitted instead of \(expected)" }
            running.append(Running(call: call, permit: permit))
        } catch {
            operations.append("start, rejected: \(error)")
            guard case .failure(let rejected) = expected, let error = error as? OpenError else {
                return "rejected instead of admitted"
            }
            let actual = ReferenceModel.Rejection(
                state: error.state, retryAfter: error.retryAfter.map { Int($0.saturatedNanoseconds) })
            if actual != rejected.rejection { return "\(actual) instead of \(rejected.rejection)" }
        }
        return nil
    }

    private func end() -> String? {
        guard let index = running.indices.randomElement(using: &random) else { return nil }
        let ended = running.remove(at: index)
        let letter = "SSSFFFFXC".randomElement(using: &random) ?? "S"
        let hint = letter == "F" ? [nil, nil, -5, 0, 1, 33, 500].randomElement(using: &random) ?? nil : nil
        operations.append("end \(letter) of epoch \(ended.call.epoch), hint \(hint.map(String.init) ?? "-")")
        model.end(ended.call, letter, hint: hint)
        if letter == "F" {
            ended.permit.fail(InjectedFailure(retryAfter: hint.map { .nanoseconds($0) }))
        } else {
            ended.permit.end(letter)
        }
        return nil
    }

    private func advance() -> String? {
        var lengths = [0, 1, 5, 10, 24, 25, 26, 39, 40, 41, 95, 100, 500]
        if let deadline = model.nextDeadline { lengths += [-1, 0, 0, 1].map { deadline - model.now + $0 } }
        let length = lengths.randomElement(using: &random) ?? 0
        operations.append("advance by \(length) from \(model.now)")
        model.advance(by: length)
        stage.clock.advance(by: .nanoseconds(length))
        return nil
    }

    private func changeByHand() -> String? {
        let breaker = stage.breaker
        switch Int.random(in: 0..<7, using: &random) {
        case 0:
            operations.append("open")
            model.openByHand()
            breaker.open()
        case 1:
            let length = Int.random(in: 1...80, using: &random)
            operations.append("open for \(length)")
            model.open("by hand", hint: nil, length: length)
            try? breaker.open(for: .nanoseconds(length))
        case 2, 3:
            operations.append("half-open")
            let isAllowed = model.halfOpenByHand()
            let succeeded = (try? breaker.halfOpen()) != nil
            if isAllowed != succeeded { return "half-open by hand: \(succeeded) instead of \(isAllowed)" }
        default:
            let changes: [(CircuitBreaker.State, () -> Void)] = [
                (.closed, breaker.close), (.closed, breaker.close), (.isolated, breaker.isolate),
                (.disabled, breaker.disable), (.observing, breaker.observe),
            ]
            let (state, change) = changes[Int.random(in: changes.indices, using: &random)]
            operations.append("\(state) by hand")
            model.enter(state, "by hand")
            change()
        }
        return nil
    }

    private func update() throws -> String? {
        let new = ReferenceSettings.random(&random)
        operations.append("update \(new)")
        model.update(new)
        try stage.breaker.update(new.configuration)
        return nil
    }

    /// Saves the breaker, and goes on with it or with another one, elsewhere and at another time.
    private func restore() throws -> String? {
        model.settle()
        let json = try JSONEncoder().encode(stage.breaker.snapshot)
        let snapshot = try JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: json)
        let saved = model
        guard Bool.random(using: &random) else {
            operations.append("restore in place")
            model.restore(saved)
            try stage.breaker.restore(snapshot)
            return nil
        }
        if let difference = compareEvents() { return difference }
        var settings = Bool.random(using: &random) ? model.settings : .random(&random)
        settings.initialState = .closed
        let clock = ManualClock()
        let start = Int.random(in: 0...1_000, using: &random)
        clock.advance(by: .nanoseconds(start))
        operations.append("restore at \(start) with \(settings)")
        stage = try Stage(
            settings.configuration, observed: model.isObserved, clock: clock, random: draws.source,
            restoring: snapshot)
        running = []
        model = ReferenceModel(settings, isObserved: saved.isObserved, now: start, draw: saved.draw)
        model.draws = saved.draws
        model.restore(saved)
        return nil
    }

    private func compare() -> String? {
        model.settle()
        let breaker = stage.breaker
        func check<Value: Equatable>(_ what: String, _ actual: Value, _ expected: Value) -> String? {
            actual == expected ? nil : "\(what): \(actual) instead of \(expected)"
        }
        let (counts, totals) = (breaker.counts, breaker.totals)
        let names = ["S", "F", "X", "C", "rejected", "slow", "late", "opened", "would open"]
        return check("state", breaker.state, model.state)
            ?? check(
                "counts",
                [
                    counts.successes, counts.failures, counts.slow, counts.ignored, counts.consecutiveSuccesses,
                    counts.consecutiveFailures, counts.running,
                ], model.counts)
            ?? check(
                "totals \(names)",
                [
                    totals.succeeded, totals.failed, totals.ignored, totals.cancelled, totals.rejected, totals.slow,
                    totals.late, totals.opened, totals.wouldOpen,
                ], names.map { model.totals[$0] ?? 0 })
            ?? check(
                "remaining break", breaker.remainingBreak.map { Int($0.saturatedNanoseconds) },
                model.state == .open ? model.breakEnd - model.now : nil)
            ?? check("failure rate", breaker.failureRate, model.failureRate)
            ?? check("slow call rate", breaker.slowCallRate, model.slowCallRate)
            ?? check("timers", stage.clock.timerCount, model.settings.hasTimer && model.nextDeadline != nil ? 1 : 0)
            ?? compareEvents()
    }

    private func compareEvents() -> String? {
        let actual = stage.events.map(Self.describe)
        defer {
            stage.recorder.clear()
            model.events = []
        }
        return actual == model.events ? nil : "events: \(actual) instead of \(model.events)"
    }

    private static func describe(_ event: Event) -> String {
        func numbers(_ counts: Counts) -> [Int] {
            [
                counts.successes, counts.failures, counts.slow, counts.ignored, counts.consecutiveSuccesses,
                counts.consecutiveFailures, counts.running,
            ]
        }
        switch event.kind {
        case .transition(let transition):
            let length = transition.breakLength.map { " for \($0.saturatedNanoseconds)" } ?? ""
            return "\(transition) \(numbers(transition.counts))\(length)"
        case .wouldOpen(let reason, let counts): return "would open \(reason) \(numbers(counts))"
        case .reset(let state, let counts): return "reset \(state) \(numbers(counts))"
        case .called(let outcome, let duration, let isSlow):
            let letters: [Outcome: String] = [.success: "S", .failure: "F", .ignored: "X", .cancelled: "C"]
            return "called \(letters[outcome] ?? "?") \(duration.saturatedNanoseconds) \(isSlow)"
        case .rejected(let error):
            let retryAfter = error.retryAfter.map { "\($0.saturatedNanoseconds)" } ?? "-"
            return "rejected \(error.state) \(retryAfter)"
        }
    }
}

/// Quarters for jitter, the same for a breaker and for its model.
private final class Draws: Sendable {
    private let seed: UInt64
    private let count = Lock(0)

    init(seed: UInt64) { self.seed = seed }

    func value(_ index: Int) -> Int {
        var generator = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(index))
        return Int.random(in: 0...4, using: &generator)
    }

    var source: RandomSource {
        RandomSource { [self] in
            let index = count.withLock { count in
                count += 1
                return count
            }
            return Double(value(index)) / 4
        }
    }
}
