import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Hedges

/// Calls with random delays, latencies, outcomes, budgets and cancellation, against the model of what is documented.
@Suite(.timeLimit(.minutes(30)))
struct ModelTests {
    private struct Failed: Error, Equatable { let attempt: Int }
    private struct Fatal: Error, Equatable { let attempt: Int }

    @Test("X-26: which attempt wins, when, and how many were started", arguments: 0..<4 as Range<UInt64>)
    func equalsTheModel(quarter: UInt64) async throws {
        try await forSeeds(stride(from: quarter, to: seeds(4_000).upperBound, by: 4)) { seed, _ in
            let settings = settings(seed)
            let expected = ReferenceModel.play(settings)
            let actual = try await play(settings)
            guard actual == expected else { throw Difference("\(actual)\ninstead of \(expected)\n\(settings)") }
        }
    }

    private func settings(_ seed: UInt64) -> ReferenceModel.Settings {
        var random = SplitMix64(seed: seed)
        let maxHedges = Int.random(in: 1...5, using: &random)
        // Sparse enough that no two things happen at the same nanosecond; the seeds are always the same.
        func time() -> Int { Int.random(in: 1...1_000_000_000, using: &random) }
        let kinds: [ReferenceModel.Outcome] = [
            .success, .success, .unaccepted, .failure, .failure, .fatal, .cancelledItself,
        ]
        let behaviours = (0...maxHedges).map { _ in
            ReferenceModel.Behaviour(
                outcome: kinds.randomElement(using: &random) ?? .success, latency: time(),
                isStubborn: Int.random(in: 0..<4, using: &random) == 0)
        }
        let kind = Int.random(in: 0..<5, using: &random)
        let same = time() / 3
        let delays: [Int?] = (0...maxHedges).map { _ in
            switch kind {
            case 0: nil
            case 1: 0
            case 2: same
            case 3: time() / 3
            default: [nil, 0, time() / 3, time() / 3].randomElement(using: &random) ?? nil
            }
        }
        return ReferenceModel.Settings(
            delays: delays, maxHedges: maxHedges, behaviours: behaviours,
            tokens: Bool.random(using: &random) ? Int.random(in: 0...3, using: &random) : nil,
            cancelledAt: Int.random(in: 0..<4, using: &random) == 0 ? time() : nil)
    }

    private func play(_ settings: ReferenceModel.Settings) async throws -> ReferenceModel.Result {
        let stage = Stage()
        let budget = settings.tokens.map { TokenBudget($0) }
        let hedge = try Hedge(
            "h",
            .init(
                delay: .custom { context in settings.delays[context.attempt - 2].map { .nanoseconds($0) } },
                maxHedges: settings.maxHedges, handles: .except(Fatal.self), budget: budget),
            clock: stage.clock)
        let upstream = Upstream(stage.clock, settings.behaviours.enumerated().map { Self.step($1, $0 + 1) })
        let released = Log<Int>()
        let endedAt = Log<Int>()
        let starts = Log<Int>()
        let call = stage.start {
            defer { endedAt.append(stage.nanoseconds) }
            return try await hedge.execute(
                accepting: { $0 > 0 }, releasing: { released.append($0) },
                { context in
                    starts.append(stage.nanoseconds)
                    return try await upstream.call(context)
                })
        }
        if let cancelledAt = settings.cancelledAt {
            stage.advance(by: .nanoseconds(cancelledAt))
            call.cancel()
            stage.settle()
        }
        stage.advance(by: .seconds(100))
        var result = ReferenceModel.Result()
        do {
            result.ending = .value(abs(try await call.value))
        } catch let error as Failed {
            result.ending = .error(error.attempt)
        } catch let error as Fatal {
            result.ending = .error(error.attempt)
        } catch {
            result.ending = .cancelled
        }
        #expect(stage.clock.timerCount == 0)
        result.endedAt = endedAt.elements.first ?? -1
        result.starts = starts.elements
        result.totals = hedge.totals
        result.byDelay = result.totals.startedByDelay
        result.byFailure = result.totals.startedByFailure
        result.refused = result.totals.refusedByBudget
        result.lost = result.totals.lost
        result.released = Set(released.elements.map(abs))
        #expect(result.released.count == released.elements.count, "each value is released once")
        return result
    }

    private static func step(_ behaviour: ReferenceModel.Behaviour, _ attempt: Int) -> Upstream.Step {
        let delay = Duration.nanoseconds(behaviour.latency)
        func value(_ value: Int) -> Upstream.Step {
            behaviour.isStubborn ? .stubbornSuccess(value, after: delay) : .success(value, after: delay)
        }
        func error(_ error: any Error) -> Upstream.Step {
            behaviour.isStubborn ? .stubbornFailure(error, after: delay) : .failure(error, after: delay)
        }
        return switch behaviour.outcome {
        case .success: value(attempt)
        case .unaccepted: value(-attempt)
        case .failure: error(Failed(attempt: attempt))
        case .fatal: error(Fatal(attempt: attempt))
        case .cancelledItself: error(CancellationError())
        }
    }
}

extension Stage {
    fileprivate var nanoseconds: Int { Int(clock.now.offset.saturatedNanoseconds) }
}
