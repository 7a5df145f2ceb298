public import ResilienceCore

/// Keeps what a call returned, answers with it at once while it is not too old, and renews it in the background.
///
/// For calls that all ask for the same. Otherwise as ``KeyedStaleWhileRevalidate``.
public typealias StaleWhileRevalidate<Value: Sendable> = KeyedStaleWhileRevalidate<NoKey, Value>

/// Keeps what calls returned, by key; answers with it at once while it is not too old, and renews it in the background.
///
/// ```swift
/// let quotes = try KeyedStaleWhileRevalidate<Symbol, Quote>(
///     "quotes", .init(freshFor: .seconds(5), staleFor: .seconds(300)), through: policy)
/// let quote = try await quotes.execute(for: symbol) { try await gateway.quote(symbol) }
/// ```
///
/// A fresh value is the answer, and nothing else happens. A stale one is the answer too, and one refresh for its key
/// begins, unless one is on its way. Without a value, or with one that is too old, the call itself is made. After RFC
/// 5861, "HTTP Cache-Control Extensions for Stale Content".
///
/// A refresh runs past the call, in a task of its own, so that the operation must be `@Sendable`. There are no more at
/// once than the configuration allows. ``shutdown(gracePeriod:)`` ends them; so does letting go of this object.
///
/// A value is as old as the start of the call that brought it: an older read never replaces a newer one, and one that
/// began before its key was forgotten is not kept.
///
/// Calls without a value that come at the same time share one: the first makes it, in a task of its own, and all get
/// what it brings. A caller that is cancelled leaves the others waiting; the last one cancels the call, and waits for
/// its end.
public final class KeyedStaleWhileRevalidate<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// How long values are kept, and how many.
    public typealias Configuration = StaleWhileRevalidateConfiguration

    /// The name in events.
    public let name: String
    /// What calls and refreshes go through, if anything.
    public let policy: Policy?

    @usableFromInline let time: TimeSource
    let unprotected: NoStrategy
    let events: EventChannel<StaleWhileRevalidateEventKind>
    @usableFromInline let state: Lock<RevalidationState<Key, Value>>
    let refreshName: String
    let loadName: String

    /// Creates one whose calls go through no policy.
    ///
    /// - Parameters:
    ///   - name: What it is called in events and metrics.
    ///   - configuration: How long values are kept, and how many.
    ///   - clock: The time in which ages are measured. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init(name, configuration, nil, TimeSource(clock), observers)
    }

    /// Creates one whose calls and refreshes go through a policy, with the policy's clock.
    ///
    /// - Parameters:
    ///   - name: What it is called in events and metrics.
    ///   - configuration: How long values are kept, and how many.
    ///   - policy: What calls and refreshes go through.
    ///   - observers: The observers to notify, in addition to the policy's observers.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, through policy: Policy, observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init(name, configuration, policy, policy.rootContext.time, policy.observers + observers)
    }

    private init(
        _ name: String, _ configuration: Configuration, _ policy: Policy?, _ time: TimeSource,
        _ observers: [any PolicyObserver]
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.name = name
        self.policy = policy
        self.time = time
        unprotected = NoStrategy(rootContext: Context(name: name, time: time))
        events = EventChannel(name, observers)
        state = Lock(RevalidationState(configuration))
        refreshName = "refresh \(name)"
        loadName = "load \(name)"
    }

    deinit {
        let tasks = state.withLock { $0.tasks }
        for task in tasks { task.cancel() }
    }

    // MARK: Calls

    /// Answers with the value kept for a key, or makes the call.
    ///
    /// - Parameters:
    ///   - key: What the call is about.
    ///   - isAccepted: Whether a returned value counts as success, in addition to what the policy declares. One that is
    ///     not accepted is returned, and not kept.
    ///   - operation: The call. Made now, or later by a refresh, or not at all.
    /// - Throws: What the call throws, if it is made now. An error of a refresh is told only by events.
    @inlinable
    public nonisolated(nonsending) func execute(
        for key: Key, accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let answer = ask(key) { fly($0, key, nil, isAccepted) { _ in try await operation() } }
        if case .kept(let kept, _) = answer { return kept.value }
        return try await loaded(answer).value
    }

    /// Answers as the form whose operation takes no argument; the operation asks for its `Context`.
    @inlinable
    public nonisolated(nonsending) func execute(
        for key: Key, accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async throws -> Value {
        let answer = ask(key) { fly($0, key, nil, isAccepted, operation) }
        if case .kept(let kept, _) = answer { return kept.value }
        return try await loaded(answer).value
    }

    /// Answers as `execute` does but never throws: returns a description of the call, with the age of a value that was
    /// kept in `servedBy`. Attempts are those of the call that it made, none if it waited for another's.
    public func run(
        for key: Key, accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Execution<Value> {
        await run(for: key, accepting: isAccepted) { _ in try await operation() }
    }

    /// Answers and returns a description of the call; the operation asks for its `Context`.
    public func run(
        for key: Key, accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async -> Execution<Value> {
        let recording = CallRecording(rootContext.policyName, from: rootContext)
        let answer = ask(key) { flight in
            fly(flight, key, recording.context, isAccepted) { context in
                if !flight.isRefresh { recording.countAttempt() }
                return try await operation(context)
            }
        }
        if case .kept(let kept, _) = answer {
            let served = FallbackServed(fallback: name, step: kept.isFresh ? "fresh" : "stale", age: kept.age)
            recording.context.report(FallbackServed.Report.self, served)
            return recording.execution(.success(kept.value))
        }
        do {
            let outcome = try await loaded(answer)
            return recording.execution(.success(outcome.value), unaccepted: outcome.unaccepted)
        } catch {
            return recording.execution(.failure(error))
        }
    }

    // MARK: Ending

    /// Waits until the refreshes that run at this moment have ended. Goes on waiting when the caller is cancelled.
    public func waitForRefreshes() async {
        for task in state.withLock({ $0.tasks }) { await task.value }
    }

    /// Begins no more refreshes, waits for those that run, and cancels what still runs after the grace period, or when
    /// the caller is cancelled; returns when all have ended.
    ///
    /// Calls go on as before, without refreshes. Shutting down twice does no harm.
    ///
    /// - Parameter gracePeriod: How long refreshes may go on. Default: not at all.
    public func shutdown(gracePeriod: Duration = .zero) async {
        let tasks = state.withLock { state in
            state.isShutDown = true
            return state.tasks
        }
        guard !tasks.isEmpty else { return }
        let cancel: @Sendable () -> Void = { for task in tasks { task.cancel() } }
        let timer = time.schedule(at: time.now.advanced(by: gracePeriod), cancel)
        await withTaskCancellationHandler {
            for task in tasks { await task.value }
        } onCancel: {
            cancel()
        }
        timer.cancel()
    }
}

extension KeyedStaleWhileRevalidate where Key == NoKey {
    /// Answers with the value that is kept, or makes the call. For objects without a key.
    @inlinable
    public nonisolated(nonsending) func execute(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await execute(for: NoKey(), accepting: isAccepted, operation)
    }

    /// Answers as `execute` does but never throws: returns a description of the call.
    public func run(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Execution<Value> {
        await run(for: NoKey(), accepting: isAccepted, operation)
    }
}
