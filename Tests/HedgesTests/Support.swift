import ResilienceCore
import ResilienceTesting
import TestSupport

@testable import Hedges

/// Runs calls on one thread and a manual clock, so that they take the same course every time.
final class Stage: Sendable {
    let clock = ManualClock()
    private let executor = SteppingExecutor()

    /// The time in milliseconds.
    var now: Int { Int(clock.now.offset.saturatedNanoseconds / 1_000_000) }

    /// Starts a task and runs it until nothing is ready.
    func start<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) -> Task<Value, any Error> {
        let task = Task(executorPreference: executor) { try await body() }
        executor.drain()
        return task
    }

    /// Moves the clock, stopping at everything that becomes due, and runs what that makes ready.
    func advance(by duration: Duration) { clock.advance(by: duration, running: executor) }

    func settle() { executor.drain() }

    /// Runs one step of one task, if any is ready.
    func step() -> Bool { executor.step() }
}

/// A service whose attempts do what is written for them.
final class Upstream: Sendable {
    enum Step: Sendable {
        case success(Int, after: Duration = .zero)
        case failure(any Error, after: Duration = .zero)
        /// Does not listen to cancellation.
        case stubbornSuccess(Int, after: Duration)
        case stubbornFailure(any Error, after: Duration)
        /// Until cancelled.
        case hang

        static func failure(_ name: String, after delay: Duration = .zero) -> Step {
            .failure(InjectedFailure(name), after: delay)
        }

        var delay: Duration {
            switch self {
            case .success(_, let delay), .failure(_, let delay), .stubbornSuccess(_, let delay),
                .stubbornFailure(_, let delay):
                delay
            case .hang: .seconds(1_000_000_000)
            }
        }

        var isStubborn: Bool {
            switch self {
            case .stubbornSuccess, .stubbornFailure: true
            default: false
            }
        }
    }

    struct Start: Sendable, Equatable {
        let attempt: Int
        let milliseconds: Int
    }

    private struct State {
        var starts: [Start] = []
        var running = 0
        var mostRunning = 0
        var cancelled = 0
    }

    private let steps: [Step]
    private let clock: ManualClock
    private let time: TimeSource
    private let state = Lock(State())

    /// - Parameter steps: What the attempts do; the first is the primary.
    init(_ clock: ManualClock, _ steps: [Step]) {
        self.steps = steps
        self.clock = clock
        time = TimeSource(clock)
    }

    func call(_ context: Context) async throws -> Int {
        let step = steps[min(context.hedge, steps.count - 1)]
        let now = time.now
        let milliseconds = Int(clock.now.offset.saturatedNanoseconds / 1_000_000)
        state.withLock { state in
            state.starts.append(Start(attempt: context.attempt, milliseconds: milliseconds))
            state.running += 1
            state.mostRunning = max(state.mostRunning, state.running)
        }
        defer { state.withLock { $0.running -= 1 } }
        let end = now.advanced(by: step.delay)
        if step.isStubborn {
            let waiter = Waiter<Void>()
            _ = time.schedule(at: end) { waiter.finish() }
            try await waiter.value()
        } else if step.delay > .zero {
            do {
                try await time.sleep(until: end)
            } catch {
                state.withLock { $0.cancelled += 1 }
                throw error
            }
        }
        switch step {
        case .success(let value, _), .stubbornSuccess(let value, _): return value
        case .failure(let error, _), .stubbornFailure(let error, _): throw error
        case .hang: throw CancellationError()
        }
    }

    var starts: [Start] { state.withLock { $0.starts } }
    /// The attempts in the order of their starts.
    var attempts: [Int] { starts.map(\.attempt) }
    var running: Int { state.withLock { $0.running } }
    var mostRunning: Int { state.withLock { $0.mostRunning } }
    /// How many attempts ended because they were cancelled.
    var cancelled: Int { state.withLock { $0.cancelled } }
}

/// A layer that counts what passes through it, and refuses what is more than its limit at a time.
final class CountingLayer: Strategy {
    private struct State {
        var admitted = 0
        var refused = 0
        var running = 0
    }

    private let limit: Int
    private let state = Lock(State())

    init(limit: Int = .max) {
        self.limit = limit
    }

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        let isAdmitted = state.withLock { state in
            guard state.running < limit else {
                state.refused += 1
                return false
            }
            state.admitted += 1
            state.running += 1
            return true
        }
        guard isAdmitted else { throw Refused(policyName: "counting", reason: "full") }
        defer { state.withLock { $0.running -= 1 } }
        try await next(context)
    }

    var admitted: Int { state.withLock { $0.admitted } }
    var refused: Int { state.withLock { $0.refused } }
    var running: Int { state.withLock { $0.running } }
}

/// A layer that runs the operation again after a failure, so many times.
struct Again: Strategy {
    let times: Int

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        for _ in 0..<times {
            do { return try await next(context) } catch {}
        }
        try await next(context)
    }
}

/// A budget of a fixed number of tokens, which notes what it is told.
final class TokenBudget: AttemptBudget {
    struct State: Equatable {
        var tokens: Int
        var calls = 0
        var failures = 0
        var successes = 0
        var successesOfHedges = 0
    }

    private let state: Lock<State>

    init(_ tokens: Int) {
        state = Lock(State(tokens: tokens))
    }

    var current: State { state.withLock { $0 } }

    func deposit() { state.withLock { $0.calls += 1 } }

    func tryWithdraw() -> Bool {
        state.withLock { state in
            guard state.tokens > 0 else { return false }
            state.tokens -= 1
            return true
        }
    }

    func recordFailure() { state.withLock { $0.failures += 1 } }

    func recordSuccess(ofRetry isRetry: Bool) {
        state.withLock { state in
            if isRetry { state.successesOfHedges += 1 } else { state.successes += 1 }
        }
    }
}
