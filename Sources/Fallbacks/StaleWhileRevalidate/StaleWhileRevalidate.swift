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
/// A fresh value is the answer, and nothing else happens. A stale one is the answer too, and one refresh for its key begins,
/// unless one is on its way. Without a value, or with one that is too old, the call itself is made. After RFC 5861,
/// "HTTP Cache-Control Extensions for Stale Content".
///
/// A refresh runs past the call, in a task of its own, so that the operation must be `@Sendable`. There are no more at once
/// than the configuration allows. ``shutdown(waitingUpTo:)`` ends them; so does letting go of this object.
///
/// Calls without a value that come at the same time are all made.
public final class KeyedStaleWhileRevalidate<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// How long values are kept, and how many.
    public typealias Configuration = StaleWhileRevalidateConfiguration
    /// What happens to refreshes.
    public typealias Event = StaleWhileRevalidateEvent
    /// What was seen so far.
    public typealias Totals = StaleWhileRevalidateTotals

    /// The name in events.
    public let name: String
    /// What calls and refreshes go through, if anything.
    public let policy: Policy?

    @usableFromInline let time: TimeSource
    private let unprotected: NoStrategy
    private let events: EventChannel<StaleWhileRevalidateEvent>
    @usableFromInline let state: Lock<RevalidationState<Key, Value>>
    private let taskName: String

    /// Creates one whose calls go through no policy.
    ///
    /// - Parameters:
    ///   - name: What it is called in events and metrics.
    ///   - configuration: How long values are kept, and how many.
    ///   - clock: The time in which ages are measured. Default: the continuous clock.
    ///   - observers: Who hears its events.
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
    ///   - observers: Who hears its events, beside the policy's observers.
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
        events = EventChannel(observers)
        state = Lock(RevalidationState(configuration))
        taskName = "refresh \(name)"
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
    ///   - isAccepted: Whether a returned value counts as success, beside what the policy declares. One that is not
    ///     accepted is returned, and not kept.
    ///   - operation: The call. Made now, or later by a refresh, or not at all.
    /// - Throws: What the call throws, if it is made now. An error of a refresh is nobody's but the events'.
    @inlinable
    public nonisolated(nonsending) func execute(
        for key: Key, accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        if let kept = ask(
            key, refreshing: { refresh($0, key, at: $1, isAccepted) { _ in try await operation() } })
        {
            return kept.value
        }
        return try await load(key, rootContext, isAccepted) { _ in try await operation() }.value
    }

    /// Answers as the form whose operation takes no argument; the operation asks for its `Context`.
    @inlinable
    public nonisolated(nonsending) func execute(
        for key: Key, accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async throws -> Value {
        if let kept = ask(key, refreshing: { refresh($0, key, at: $1, isAccepted, operation) }) { return kept.value }
        return try await load(key, rootContext, isAccepted, operation).value
    }

    /// Answers as `execute` does but never throws: tells all about the call, with the age of a value that was kept in
    /// `servedBy`.
    public func run(
        for key: Key, accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Execution<Value> {
        await run(for: key, accepting: isAccepted) { _ in try await operation() }
    }

    /// Answers and tells all about the call; the operation asks for its `Context`.
    public func run(
        for key: Key, accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async -> Execution<Value> {
        let recording = CallRecording(rootContext.policyName, from: rootContext)
        if let kept = ask(key, refreshing: { refresh($0, key, at: $1, isAccepted, operation) }) {
            let served = FallbackServed(fallback: name, step: kept.isFresh ? "fresh" : "stale", age: kept.age)
            recording.context.report(FallbackServed.Report.self, served)
            return recording.execution(.success(kept.value), isAccepted: true)
        }
        do {
            let outcome = try await load(key, recording.context, isAccepted) { context in
                recording.countAttempt()
                return try await operation(context)
            }
            return recording.execution(.success(outcome.value), isAccepted: outcome.isAccepted)
        } catch {
            return recording.execution(.failure(error), isAccepted: false)
        }
    }

    @usableFromInline var rootContext: Context { policy?.rootContext ?? unprotected.rootContext }

    /// The value that is kept, if it may serve; begins a refresh if one is due. Not inlined, for the sake of the lock; see
    /// ``LastGoodKeeper``.
    @inlinable
    @inline(never)
    func ask(
        _ key: Key, refreshing start: (UInt64, TimeSource.Instant) -> Task<Void, Never>
    ) -> RevalidationState<Key, Value>.Kept? {
        let now = time.now
        let answer = state.withLock { state in
            let answer = state.ask(key, at: now)
            // Started under the lock, so that a refresh is known before it can have ended.
            if case .refresh(let number) = answer.refresh { state.begin(number, start(number, now)) }
            return answer
        }
        if case .refused = answer.refresh { tellRefused() }
        return answer.kept
    }

    @usableFromInline
    func tellRefused() { tell(.refreshRefused(name: name)) }

    @usableFromInline
    func refresh(
        _ number: UInt64, _ key: Key, at start: TimeSource.Instant,
        _ isAccepted: @escaping @Sendable (Value) -> Bool,
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) -> Task<Void, Never> {
        Task(name: taskName) { [weak self, policy, unprotected] in
            let result: Result<Value, any Error>
            do {
                let outcome =
                    if let policy {
                        try await policy.outcome(from: policy.rootContext, accepting: isAccepted, operation)
                    } else {
                        try await unprotected.outcome(
                            from: unprotected.rootContext, accepting: isAccepted, operation)
                    }
                result = outcome.isAccepted ? .success(outcome.value) : .failure(UnacceptedResult())
            } catch {
                result = .failure(error)
            }
            self?.endRefresh(number, key, start, result)
        }
    }

    private func endRefresh(
        _ number: UInt64, _ key: Key, _ start: TimeSource.Instant, _ result: Result<Value, any Error>
    ) {
        let now = time.now
        let isCancelled = Task.isCancelled
        // What is dropped is the user's, and released outside the lock.
        let dropped = state.withLock { $0.end(number, key, result, isCancelled: isCancelled, at: now) }
        _ = dropped
        switch result {
        case .success: tell(.refreshed(name: name, after: start.duration(to: now)))
        case .failure(let error):
            if !isCancelled { tell(.refreshFailed(name: name, after: start.duration(to: now), error: error)) }
        }
    }

    /// Makes the call, and keeps what it returns.
    @usableFromInline
    func load(
        _ key: Key, _ context: Context, _ isAccepted: (Value) -> Bool, _ operation: (Context) async throws -> Value
    ) async throws -> (value: Value, isAccepted: Bool) {
        do {
            let outcome =
                if let policy {
                    try await policy.outcome(from: context, accepting: isAccepted, operation)
                } else {
                    try await unprotected.outcome(from: context, accepting: isAccepted, operation)
                }
            let now = time.now
            let dropped = state.withLock { $0.loaded(outcome.isAccepted ? outcome.value : nil, for: key, at: now) }
            _ = dropped
            return outcome
        } catch {
            let isCancelled = Task.isCancelled || error is CancellationError
            state.withLock { $0.countFailedLoad(isCancelled: isCancelled) }
            throw error
        }
    }

    // MARK: Reading and changing

    /// The configuration in force.
    public var configuration: Configuration { state.withLock { $0.configuration } }

    /// Puts another configuration in force. Values, totals and refreshes that run stay; values that are too many go.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        let dropped = state.withLock { $0.update(configuration) }
        _ = dropped
    }

    /// Everything that was seen so far.
    public var totals: Totals { state.withLock { $0.totals } }

    /// How many refreshes run.
    public var refreshing: Int { state.withLock { $0.refreshing } }

    /// How many values are kept.
    public var keptCount: Int { state.withLock { $0.values.count } }

    /// What metrics need, read in one step, so that it belongs together.
    var reading: (totals: Totals, refreshing: Int, kept: Int) {
        state.withLock { ($0.totals, $0.refreshing, $0.values.count) }
    }

    /// The value kept for a key and how old it is, whatever its age; `nil` if there is none.
    public func kept(for key: Key) -> (value: Value, age: Duration)? {
        let now = time.now
        return state.withLock { $0.values.recall(key, at: now) }
    }

    /// Keeps a value as if a call had returned it now.
    public func remember(_ value: Value, for key: Key) {
        let now = time.now
        let dropped = state.withLock { $0.remember(value, for: key, at: now) }
        _ = dropped
    }

    /// Forgets the value of a key: the next call is made. A refresh that is on its way still brings a new one.
    public func forget(_ key: Key) {
        let dropped = state.withLock { $0.values.remove(key) }
        _ = dropped
    }

    /// Adds an observer of the events here.
    public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }

    private func tell(_ event: @autoclosure () -> StaleWhileRevalidateEvent) {
        guard events.isListening else { return }
        events.post(event())
        events.deliver()
    }

    // MARK: Ending

    /// Waits until the refreshes that run at this moment have ended. Goes on waiting when the caller is cancelled.
    public func waitForRefreshes() async {
        for task in state.withLock({ $0.tasks }) { await task.value }
    }

    /// Begins no more refreshes, waits for those that run, and cancels what still runs at the limit, or when the caller
    /// is cancelled; returns when all have ended.
    ///
    /// Calls go on as before, without refreshes. Shutting down twice does no harm.
    ///
    /// - Parameter limit: How long refreshes may go on. Default: not at all.
    public func shutdown(waitingUpTo limit: Duration = .zero) async {
        let tasks = state.withLock { state in
            state.isShutDown = true
            return state.tasks
        }
        guard !tasks.isEmpty else { return }
        let cancel: @Sendable () -> Void = { for task in tasks { task.cancel() } }
        let timer = time.schedule(at: time.now.advanced(by: limit), cancel)
        await withTaskCancellationHandler {
            for task in tasks { await task.value }
        } onCancel: {
            cancel()
        }
        timer.cancel()
    }
}

extension KeyedStaleWhileRevalidate where Key == NoKey {
    /// Answers with the value that is kept, or makes the call. As the form with a key, of which there is none here.
    @inlinable
    public nonisolated(nonsending) func execute(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await execute(for: NoKey(), accepting: isAccepted, operation)
    }

    /// Answers as `execute` does but never throws: tells all about the call.
    public func run(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Execution<Value> {
        await run(for: NoKey(), accepting: isAccepted, operation)
    }
}
