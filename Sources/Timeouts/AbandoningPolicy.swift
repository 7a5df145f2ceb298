public import ResilienceCore
internal import Synchronization

extension Policy {
    /// A form of this policy that returns at a limit although the work goes on.
    ///
    /// For work that does not listen to cancellation, where the caller cannot wait. The work is cancelled at the limit,
    /// or with its caller, but still runs, and holds what it holds: watch ``AbandoningPolicy/abandonedRunning``. Prefer
    /// ``Timeout``, which waits for the work to end.
    ///
    /// The operation runs beside its caller, and past the call, so that it must be `@Sendable` and its value
    /// `Sendable`: the compiler sees to it.
    ///
    /// - Parameters:
    ///   - limit: How long a call may take, at least 1 ns. The policy's layers are all inside it.
    ///   - observers: The observers to notify, in addition to the policy's own.
    /// - Throws: `ConfigurationError` if the limit is not allowed.
    public func abandoning(
        after limit: Duration, observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) -> AbandoningPolicy {
        try Timeout.Configuration.fixed(limit).validate()
        return AbandoningPolicy(self, limit, observers)
    }
}

/// A policy that returns at a limit although the work goes on. Made by
/// ``ResilienceCore/Policy/abandoning(after:observers:)``.
public struct AbandoningPolicy: PolicyWrapper {
    /// The policy inside.
    public let policy: Policy

    /// How long a call may take.
    public let limit: Duration

    private let events: EventChannel<Timeout.EventKind>
    let shared: Shared

    /// The numbers of one policy; each an atomic sum on which no other memory depends.
    final class Shared: Sendable {
        let abandoned = Atomic(0)
        let running = Atomic(0)
    }

    init(_ policy: Policy, _ limit: Duration, _ observers: [any PolicyObserver]) {
        self.policy = policy
        self.limit = limit
        events = EventChannel(policy.name, observers)
        shared = Shared()
    }

    private init(_ other: AbandoningPolicy, _ policy: Policy) {
        self.policy = policy
        limit = other.limit
        events = other.events
        shared = other.shared
    }

    /// The same limit, with its numbers, around another policy.
    public func replacingPolicy(with policy: Policy) -> AbandoningPolicy { AbandoningPolicy(self, policy) }

    /// How many calls have been left running, ever.
    public var abandoned: Int { shared.abandoned.load(ordering: .relaxed) }

    /// How many of them still run.
    public var abandonedRunning: Int { shared.running.load(ordering: .relaxed) }

    /// Runs an operation under the policy, in a task of its own, until it ends, the limit is reached or the caller is
    /// cancelled.
    ///
    /// The task inherits priority, task-local values and executor preference. It is cancelled at the limit, and when
    /// the caller is; it may go on then, but the caller does not wait for it. For a caller that is cancelled already it
    /// is not begun.
    ///
    /// - Throws: ``Timeout/ExceededError`` at the limit, without an underlying error; `CancellationError` as soon as
    ///   the caller is cancelled; otherwise what the policy throws.
    public func execute<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        failing classify: @escaping @Sendable (Value) -> (any Error)? = { _ in nil },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await execute(accepting: isAccepted, failing: classify) { _ in try await operation() }
    }

    /// Runs an operation that asks for its `Context`, otherwise as the form whose operation takes no argument.
    public func execute<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        failing classify: @escaping @Sendable (Value) -> (any Error)? = { _ in nil },
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async throws -> Value {
        try await call(from: policy.rootContext, isAccepted, classify, operation).value
    }

    /// Runs an operation as `execute` does but never throws: returns a description of the call, successful or not.
    public func run<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        failing classify: @escaping @Sendable (Value) -> (any Error)? = { _ in nil },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Execution<Value> {
        await run(accepting: isAccepted, failing: classify) { _ in try await operation() }
    }

    /// Runs an operation that asks for its `Context`, and returns a description of the call: of one that was left
    /// running, its progress so far.
    public func run<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        failing classify: @escaping @Sendable (Value) -> (any Error)? = { _ in nil },
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async -> Execution<Value> {
        let recording = CallRecording(policy.name, from: policy.rootContext)
        do {
            let outcome = try await call(from: recording.context, isAccepted, classify) { context in
                recording.countAttempt()
                return try await operation(context)
            }
            return recording.execution(.success(outcome.value), unaccepted: outcome.unaccepted)
        } catch {
            return recording.execution(.failure(error))
        }
    }

    private typealias Outcome<Value: Sendable> = (value: Value, unaccepted: (any Error)?)

    private func call<Value: Sendable>(
        from root: Context, _ isAccepted: @escaping @Sendable (Value) -> Bool,
        _ classify: @escaping @Sendable (Value) -> (any Error)?,
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async throws -> Outcome<Value> {
        try Task.checkCancellation()
        let time = root.time
        let start = time.now
        let deadline = start.advanced(by: limit)
        let race = Race<Outcome<Value>>()
        // The layers see the deadline too: a call cut off by it failed, and was not cancelled by its caller.
        var root = root
        root.shortenDeadline(to: deadline, on: time)
        let callLimit = CallLimit(deadline, on: time, of: root)
        let work = callLimit.around {
            Task(name: "abandoning \(policy.name)", executorPreference: preferredExecutor) { [self, root] in
                let end = await result(from: root, isAccepted, classify, race, deadline, operation)
                callLimit.end()
                if !race.finish(with: end) { noteEnd(start.duration(to: time.now)) }
            }
        }
        let timer = time.schedule(at: deadline) { [self] in
            abandon(race, work, exceeded(nil), isCancelledByCaller: false)
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await escalating(work) { try await race.waiter.value() }
        } onCancel: {
            abandon(race, work, CancellationError(), isCancelledByCaller: true)
        }
    }

    /// The work: the part of a call that may go on without its caller.
    private func result<Value: Sendable>(
        from root: Context, _ isAccepted: @escaping @Sendable (Value) -> Bool,
        _ classify: @escaping @Sendable (Value) -> (any Error)?, _ race: Race<Outcome<Value>>,
        _ deadline: TimeSource.Instant, _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async -> Result<Outcome<Value>, any Error> {
        do {
            return .success(
                try await policy.outcome(from: root, accepting: isAccepted) { context in
                    let value = try await operation(context)
                    // No caller waits for a late value: to the layers it is no success.
                    if race.isAbandoned { throw exceeded(nil) }
                    try classified(value, by: classify)
                    return value
                })
        } catch {
            // Late by the clock, although the timer may not have fired.
            let isLate = root.time.now >= deadline && CallEnd(error, in: root).isFailure
            return .failure(isLate ? exceeded(error) : error)
        }
    }

    private func exceeded(_ underlying: (any Error)?) -> Timeout.ExceededError {
        Timeout.ExceededError(policyName: policy.name, limit: limit, underlying: underlying)
    }

    private func abandon<Value: Sendable>(
        _ race: Race<Value>, _ work: Task<Void, Never>, _ error: any Error, isCancelledByCaller: Bool
    ) {
        // Counted first: the work may end, and count itself out, as soon as the race is decided.
        shared.running.wrappingAdd(1, ordering: .relaxed)
        guard race.finish(with: .failure(error)) else {
            shared.running.wrappingSubtract(1, ordering: .relaxed)
            return
        }
        shared.abandoned.wrappingAdd(1, ordering: .relaxed)
        work.cancel()
        events.post(.abandoned(limit: limit, isCancelledByCaller: isCancelledByCaller))
        events.deliver()
    }

    /// Work that was left running has ended.
    private func noteEnd(_ duration: Duration) {
        shared.running.wrappingSubtract(1, ordering: .relaxed)
        events.post(.abandonedEnded(duration: duration))
        events.deliver()
    }

    /// Waits, and passes a higher priority of the waiting task on to the work, which waiting alone would not do.
    private func escalating<Value>(
        _ work: Task<Void, Never>, _ wait: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        if #available(macOS 26, iOS 26, watchOS 26, tvOS 26, visionOS 26, *) {
            return try await withTaskPriorityEscalationHandler {
                try await wait()
            } onPriorityEscalated: { _, priority in
                work.escalatePriority(to: priority)
            }
        }
        return try await wait()
    }
}

/// What the work, the limit and the caller's cancellation race for: the first of them decides.
private final class Race<Value: Sendable>: Sendable {
    let waiter = Waiter<Value>()
    private let isDecided = Atomic(false)

    /// Whether one of the others was first, asked by the work before it has handed over a result.
    var isAbandoned: Bool { isDecided.load(ordering: .acquiring) }

    /// Returns whether this result is the one.
    func finish(with result: Result<Value, any Error>) -> Bool {
        // One exchange decides: the first one finds `false` and hands over its result, all others find `true`.
        guard !isDecided.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        waiter.finish(with: result)
        return true
    }
}
