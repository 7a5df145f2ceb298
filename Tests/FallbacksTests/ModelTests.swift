import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Fallbacks

/// Random chains and calls, against the model of what is documented.
@Suite("Fallback: reference model", .timeLimit(.minutes(30)))
struct ModelTests {
    struct Failed: Error, Equatable { let kind: Int }

    enum Kind: Equatable {
        case value
        case lastGood(maxAge: Int)
        /// The step is full if so many calls are in it, which is what others hold.
        case action(limit: Int?, held: Int, outcome: Outcome)
    }

    enum Outcome: Equatable { case answers, throwsError, throwsCancellation }

    struct StepScript: Equatable {
        var kind: Kind
        /// The kinds of errors it is for; `nil` for all.
        var only: Set<Int>?
    }

    enum Call: Equatable {
        case succeeds(Int)
        case fails(Int)
        case unaccepted
        case cancels
        /// With a `CancellationError` that is not the caller's.
        case foreign
        case advance(Int)
    }

    struct Script {
        var steps: [StepScript]
        var handled: Set<Int>?
        var isAttached: Bool
        var calls: [Call]
    }

    enum Ending: Equatable { case value(Int), error(String) }

    private func script(_ seed: UInt64) -> Script {
        var random = SplitMix64(seed: seed)
        func some(_ count: Int) -> Set<Int>? {
            Int.random(in: 0..<3, using: &random) > 0
                ? nil : Set((0..<count).filter { _ in Bool.random(using: &random) })
        }
        let steps = (0..<Int.random(in: 1...5, using: &random)).map { _ in
            let kind: Kind =
                switch Int.random(in: 0..<8, using: &random) {
                case 0: .value
                case 1, 2: .lastGood(maxAge: Int.random(in: 1...20, using: &random))
                default:
                    .action(
                        limit: Bool.random(using: &random) ? Int.random(in: 1...3, using: &random) : nil,
                        held: Int.random(in: 0...3, using: &random),
                        outcome: [.answers, .throwsError, .throwsError, .throwsCancellation]
                            .randomElement(using: &random) ?? .answers)
                }
            return StepScript(kind: kind, only: some(4))
        }
        let calls = (0..<12).map { number -> Call in
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1: .succeeds(number)
            case 2: .unaccepted
            case 3: .cancels
            case 4: Bool.random(using: &random) ? .foreign : .advance(Int.random(in: 1...15, using: &random))
            default: .fails(Int.random(in: 0..<3, using: &random))
            }
        }
        return Script(steps: steps, handled: some(4), isAttached: Bool.random(using: &random), calls: calls)
    }

    /// Values that are not accepted have kind 3.
    private static func kind(_ error: any Error) -> Int { (error as? Failed)?.kind ?? 3 }

    private func play(_ script: Script) async throws -> ([Ending], FallbackTotals) {
        let clock = ManualClock()
        var steps = Fallback<Int>.Steps([])
        for (index, step) in script.steps.enumerated() {
            let handles = step.only.map { only in ErrorCondition { only.contains(Self.kind($0)) } } ?? .all
            switch step.kind {
            case .value: steps = steps.value(100 + index, name: "\(index)", handles: handles)
            case .lastGood(let maxAge):
                steps = steps.lastGood(maxAge: .seconds(maxAge), name: "\(index)", handles: handles)
            case .action(let limit, _, let outcome):
                steps = steps.step("\(index)", limit: limit, handles: handles) { _ in
                    switch outcome {
                    case .answers: return 100 + index
                    case .throwsError: throw Down()
                    case .throwsCancellation: throw CancellationError()
                    }
                }
            }
        }
        let handled = script.handled
        let fallback = try Fallback<Int>(
            "f",
            .init(
                handles: .init { error in handled.map { $0.contains(Self.kind(error)) } ?? true },
                exhaustion: script.isAttached ? .exhaustedError : .originalError
            ) { steps }, clock: clock)
        for (index, step) in script.steps.enumerated() {
            guard case .action(let limit, let held, _) = step.kind,
                let record = fallback.currentChain.records["\(index)"]
            else { continue }
            for _ in 0..<min(held, limit ?? held) { _ = record.enter(limit) }
        }
        var endings: [Ending] = []
        for call in script.calls {
            if case .advance(let seconds) = call {
                clock.advance(by: .seconds(seconds))
                continue
            }
            let execute: @Sendable () async throws -> Int = {
                try await fallback.execute(accepting: { $0 >= 0 }) {
                    switch call {
                    case .succeeds(let value): return value
                    case .fails(let kind): throw Failed(kind: kind)
                    case .unaccepted: return -1
                    case .cancels, .foreign, .advance: throw CancellationError()
                    }
                }
            }
            do {
                let value = try await call == .cancels ? inCancelledTask(execute) : execute()
                endings.append(.value(value))
            } catch let error as Failed {
                endings.append(.error("\(error.kind)"))
            } catch let error as FallbackExhaustedError {
                endings.append(.error("\(Self.kind(error.wrappedError)) \(error.steps.count)"))
            } catch {
                endings.append(.error("\(type(of: error))"))
            }
        }
        var totals = fallback.totals
        for name in totals.steps.keys { totals.steps[name]?.latency = .init() }
        return (endings, totals)
    }

    private func model(_ script: Script) -> ([Ending], FallbackTotals) {
        var totals = FallbackTotals()
        for index in script.steps.indices { totals.steps["\(index)"] = .init() }
        var endings: [Ending] = []
        var kept: (value: Int, at: Int)?
        var now = 0
        let keeps = script.steps.contains { if case .lastGood = $0.kind { true } else { false } }
        calls: for call in script.calls {
            let kind: Int
            switch call {
            case .advance(let seconds):
                now += seconds
                continue
            case .succeeds(let value):
                totals.succeeded += 1
                if keeps { kept = (value, now) }
                endings.append(.value(value))
                continue
            case .cancels:
                totals.cancelled += 1
                endings.append(.error("CancellationError"))
                continue
            case .fails(let failed): kind = failed
            case .unaccepted, .foreign: kind = 3
            }
            let failure: Ending =
                if call == .foreign { .error("CancellationError") } else { kind == 3 ? .value(-1) : .error("\(kind)") }
            guard script.handled?.contains(kind) ?? true else {
                totals.unhandled += 1
                endings.append(failure)
                continue
            }
            for (index, step) in script.steps.enumerated() {
                var answer: Int?
                var end: WritableKeyPath<FallbackTotals.Step, Int> = \.succeeded
                if step.only?.contains(kind) == false {
                    end = \.skipped
                } else {
                    switch step.kind {
                    case .value: answer = 100 + index
                    case .lastGood(let maxAge):
                        if let kept, now - kept.at <= maxAge { answer = kept.value } else { end = \.skipped }
                    case .action(let limit, let held, let outcome):
                        if let limit, held >= limit {
                            end = \.rejected
                        } else if outcome == .answers {
                            answer = 100 + index
                        } else {
                            end = \.failed
                        }
                    }
                }
                totals.steps["\(index)"]?[keyPath: end] += 1
                if let answer {
                    totals.served += 1
                    endings.append(.value(answer))
                    continue calls
                }
            }
            totals.exhausted += 1
            endings.append(script.isAttached && call != .unaccepted ? .error("\(kind) \(script.steps.count)") : failure)
        }
        return (endings, totals)
    }

    @Test("what is answered, by what and what is counted, over random scripts", arguments: 0..<4 as Range<UInt64>)
    func equalsTheModel(quarter: UInt64) async throws {
        try await forSeeds(stride(from: quarter, to: seeds(8_000).upperBound, by: 4)) { seed, _ in
            let script = script(seed)
            let actual = try await play(script)
            let expected = model(script)
            guard actual == expected else { throw Difference("\(actual)\ninstead of \(expected)\n\(script)") }
        }
    }
}
