import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Retries

typealias Configuration = Retry.Configuration
typealias StopReason = Retry.StopReason
typealias Totals = Retry.Totals

/// A retry on a manual clock, with what it reports.
struct Stage: Sendable {
    let clock: ManualClock
    let recorder = EventRecorder()
    let retry: Retry

    init(
        _ configuration: Configuration, observed: Bool = true, clock: ManualClock = ManualClock(),
        random: RandomSource = .constant(0.5)
    ) throws {
        self.clock = clock
        retry = try Retry(
            "test", configuration, clock: clock, random: random, observers: observed ? [recorder] : [])
    }

    /// Runs a call to its end, moving the clock whenever the call sleeps; its outcome and what it slept.
    func run<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async throws -> Outcome<Value> {
        try await drive(clock) { await retry.run(accepting: isAccepted, operation) }
    }

    /// Runs a call whose attempts throw these errors in turn, and succeed when there are no more.
    func run(_ errors: [any Error]) async throws -> Outcome<Int> {
        try await run { context in
            if context.attempt <= errors.count { throw errors[context.attempt - 1] }
            return context.attempt
        }
    }

    var events: [Retry.Event] { recorder.events(of: Retry.Event.self) }

    /// The delays that events told of, in order.
    var delays: [Duration?] {
        events.compactMap { if case .attemptFailed(let failed) = $0.kind { failed.delay } else { nil } }
    }

    /// Why calls were given up, in order.
    var reasons: [StopReason] {
        events.compactMap { if case .gaveUp(_, let reason, _) = $0.kind { reason } else { nil } }
    }
}

struct Outcome<Value: Sendable>: Sendable {
    let execution: Execution<Value>
    let slept: [Duration]

    var value: Value? { execution.value }
    var attempts: Int { execution.attempts }
    var error: (any Error)? { if case .failure(let error) = execution.result { error } else { nil } }
}

/// Runs a call in a task, and advances the clock to each moment for which it sleeps.
func drive<Value: Sendable>(
    _ clock: ManualClock, _ call: @escaping @Sendable () async -> Execution<Value>
) async throws -> Outcome<Value> {
    let (execution, slept) = try await driven(clock, call)
    return Outcome(execution: try execution.get(), slept: slept)
}

/// A count that closures add to from any task.
final class Count: Sendable {
    private let storage = Lock(0)
    var value: Int { storage.withLock { $0 } }

    @discardableResult
    func increment() -> Int {
        storage.withLock { count in
            count += 1
            return count
        }
    }
}

/// An error of the type `Other`, for lists of types.
struct Other: Error {}

/// The error of a server that says something about trying again.
struct Answer: Error, ServerHintProviding {
    var serverHint: ServerHint?
}

let failure = InjectedFailure()
