public import ResilienceCore
internal import Synchronization

/// Lets no more calls of a whole fleet through in a time than a rule allows: the nodes take their permits from one
/// store.
///
/// ```swift
/// let limiter = try SharedRateLimiter(
///     "partner-api", .init(permits: 10_000, period: .seconds(1), burst: 1_000), through: store)
/// async let exchange: Void = try limiter.run()
/// let answer = try await limiter.execute { try await partner.ask(question) }
/// ```
///
/// ``run()`` does what is to be done at the store, in the background. While it does not run, the limiter decides as
/// when the store is away.
///
/// Leased permits (``Mode/leased``) are taken without a lock and without waiting for the store. In no time do the calls
/// of all nodes use more than the rule allows, as long as their clocks and the store's run equally fast: what they show
/// does not matter.
///
/// All members may be used from any task at once.
public final class SharedRateLimiter: Strategy {
    /// The limiter's name in errors, events and metrics.
    public let name: String

    /// The context of a call that goes through this limiter alone.
    public let rootContext: Context

    let shared: SharedQuotaLink
    let quota: LeasedQuota

    /// Creates a limiter.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and the quota at the store.
    ///   - configuration: How many permits the fleet has, how a node takes them, how long a call waits for them, and
    ///     what holds while the store is away.
    ///   - store: Where the nodes take them from.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of the times at which it tries again. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, through store: any RateStore,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        let environment = PolicyEnvironment(
            name: name, time: TimeSource(clock), random: random, observers: observers)
        try self.init(environment, configuration, store)
    }

    /// Creates a limiter from its rule.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and the quota at the store.
    ///   - rule: How many permits the fleet has, and when: the same on all nodes.
    ///   - store: Where the nodes take them from.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of the times at which it tries again. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the rule.
    public convenience init(
        _ name: String, _ rule: SharedQuotaRule, through store: any RateStore,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init(
            name, Configuration(rule: rule), through: store, clock: clock, random: random, observers: observers)
    }

    init(
        _ environment: PolicyEnvironment, quota quotaName: String? = nil, _ configuration: Configuration,
        _ store: any RateStore
    ) throws(ConfigurationError) {
        try configuration.validate()
        name = environment.name
        rootContext = Context(name: environment.name, time: environment.time)
        shared = SharedQuotaLink(
            environment, quota: quotaName ?? environment.name, store, configuration, Families.meterLayout)
        quota = LeasedQuota(shared, shared.plan)
    }

    /// Takes permits from the store for calls, and gives unused ones back, until the task is cancelled.
    ///
    /// Runs once at a time; further calls of it wait until they are cancelled.
    ///
    /// - Throws: If the store is required (``Configuration/isRequired``) and does not answer at first, its error.
    public nonisolated(nonsending) func run() async throws(SharedStateError) {
        try await shared.run(isRequired: configuration.isRequired) { [quota] in quota.giveUpAll() }
    }

    // MARK: The path of a call

    /// Runs the rest of a call when there is a permit for it, or as many as ``RateLimiter/Permits`` says.
    ///
    /// It waits for up to ``Configuration/maxWait``, and never for permits that would come at the call's deadline or
    /// later.
    ///
    /// - Throws: ``RateLimiter/RejectedError``; ``RateLimiter/ExceedsLimitError``; ``UnavailableError`` while the store
    ///   is away, if that is to be so; `CancellationError` if the caller cancels during the wait; otherwise what `next`
    ///   threw. Nothing that a store throws.
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await quota.enter(context)
        try await next(context)
    }

    /// Takes permits if this node has them now, and no call waits for them.
    ///
    /// - Parameter permits: How many. None or fewer count as none and are always there.
    /// - Returns: Whether they were taken. Always `false` in the mode ``Mode/exact`` while the store is there.
    public func tryAcquire(_ permits: Int = 1) -> Bool {
        permits <= 0 || quota.tryAcquire(permits)
    }

    /// Takes permits, or waits for them.
    ///
    /// - Parameters:
    ///   - permits: How many. None or fewer count as none and are always there.
    ///   - maxWait: The longest wait, zero or more. Default: `nil`, that of the configuration.
    /// - Throws: As ``execute(_:_:)``. Nothing is taken then.
    public nonisolated(nonsending) func acquire(_ permits: Int = 1, maxWait: Duration? = nil) async throws {
        let longest = maxWait.map { max(0, $0.saturatedNanoseconds) }
        try await quota.acquire(max(0, permits), maxWait: longest, rootContext)
    }
}

extension LeasedQuota {
    /// Takes the permits of a call.
    nonisolated(nonsending) func enter(_ context: Context) async throws {
        let permits = context.carriesValues ? max(0, context[RateLimiter.Permits.self] ?? 1) : 1
        try await acquire(permits, maxWait: nil, context)
    }

    nonisolated(nonsending) func acquire(_ permits: Int, maxWait: Int64?, _ context: Context) async throws {
        let now = shared.time.now
        if permits > 0, takeFast(permits, at: now) { return }
        var deadline = context.lastMoment(on: shared.time, now: now).nanoseconds
        if isExact, permits > 0 {
            deadline = min(now.nanoseconds.addingSaturated(maxWait ?? plan.maxWait), deadline)
            guard try await acquireExactly(permits, latest: deadline, since: now) else { return }
        }
        if let ticket = try enter(permits, maxWait: maxWait, deadline: deadline) { try await wait(for: ticket) }
    }
}
