public import ResilienceCore
internal import Synchronization

extension Policy {
    /// A form of this policy that returns at a limit although the work goes on.
    ///
    /// For work that does not listen to cancellation, where the caller cannot wait. The work is cancelled at the limit,
    /// but still runs, and holds what it holds: watch ``AbandoningPolicy/abandonedRunning``. Prefer ``Timeout``, which
    /// waits for the work to end.
    ///
    /// The operation runs beside its caller, and past the call, so that it must be `@Sendable` and its value `Sendable`:
    /// the compiler sees to it.
    ///
    /// - Parameters:
    ///   - limit: How long a call may take, at least 1 ns. The policy's layers are all inside it.
    ///   - observers: Who hears its events, beside the policy's own.
    /// - Throws: `ConfigurationError` if the limit is not allowed.
    public func abandoning(
        after limit: Duration, observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) -> AbandoningPolicy {
        try Timeout.Limit.fixed(limit).validate()
        return AbandoningPolicy(self, limit, observers)
    }
}

/// A policy that returns at a limit although the work goes on. Made by ``ResilienceCore/Policy/abandoning(after:observers:)``.
public struct AbandoningPolicy: PolicyWrapper {
    /// The policy inside.
    public let policy: Policy

    /// How long a call may take.
    public let limit: Duration

    private let events: EventChannel<Timeout.Event>
    let shared: Shared

    /// The numbers of one policy; each an atomic sum on which no other memory depends.
    final class Shared: Sendable {
        let abandoned = Atomic(0)
        let running = Atomic(0)
    }

    init(_ policy: Policy, _ limit: Duration, _ observers: [any PolicyObserver]) {
        self.policy = policy
        self.limit = limit
        events = EventChannel(observers)
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

    /// Runs an operation under the policy, in a task of its own, until it ends or the limit is reached.
    ///
    /// The task inherits priority and task-local values, and is cancelled when the caller is, or at the limit.
    ///
    /// - Throws: ``Timeout/Exceeded`` at the limit, without an underlying error; otherwise what the policy throws.
    public func execute<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await execute(accepting: isAccepted) { _ in try await operation() }
    }

    /// Runs an operation that asks for its `Context`, otherwise as the form whose operation takes no argument.
    public func execute<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async throws -> Value {
        let time = policy.rootContext.time
        let start = time.now
        let deadline = start.advanced(by: limit)
        let race = Race<Value>()
        // The layers see the deadline too: a call cut off by it failed, and was not cancelled by its caller.
        var root = policy.rootContext
        root.shortenDeadline(to: deadline, on: time)
        let exceeded = Timeout.Exceeded(timeout: policy.name, limit: limit, underlying: nil)
        let work = Task(name: "abandoning \(policy.name)") { [self, root] in
            let result: Result<Value, any Error>
            do {
                let value = try await policy.execute(from: root, accepting: isAccepted) { context in
                    let value = try await operation(context)
                    // Nobody waits for a late value: to the layers it is no success.
                    if race.isAbandoned { throw exceeded }
                    return value
                }
                result = .success(value)
            } catch {
                result = .failure(error)
            }
            if !race.finish(with: result) { noteEnd(start.duration(to: time.now)) }
        }
        let timer = time.schedule(at: deadline) { [self] in abandon(race, work, exceeded) }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await escalating(work) { try await race.waiter.value() }
        } onCancel: {
            work.cancel()
        }
    }

    private func abandon<Value: Sendable>(
        _ race: Race<Value>, _ work: Task<Void, Never>, _ exceeded: Timeout.Exceeded
    ) {
        // Counted first: the work may end, and count itself out, as soon as the race is decided.
        shared.running.wrappingAdd(1, ordering: .relaxed)
        guard race.finish(with: .failure(exceeded)) else {
            shared.running.wrappingSubtract(1, ordering: .relaxed)
            return
        }
        shared.abandoned.wrappingAdd(1, ordering: .relaxed)
        work.cancel()
        events.post(.abandoned(timeout: policy.name, limit: limit))
        events.deliver()
    }

    /// Work that lost against the limit has ended.
    private func noteEnd(_ duration: Duration) {
        shared.running.wrappingSubtract(1, ordering: .relaxed)
        events.post(.abandonedEnded(timeout: policy.name, duration: duration))
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

/// What the work and the limit race for: the first of them decides.
private final class Race<Value: Sendable>: Sendable {
    let waiter = Waiter<Value>()
    private let isDecided = Atomic(false)

    /// Whether the limit was first, asked by the work before it has handed over a result.
    var isAbandoned: Bool { isDecided.load(ordering: .acquiring) }

    /// Returns whether this result is the one.
    func finish(with result: Result<Value, any Error>) -> Bool {
        // One exchange decides: whoever finds `false` hands over its result, everybody else finds `true`.
        guard !isDecided.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        waiter.finish(with: result)
        return true
    }
}
