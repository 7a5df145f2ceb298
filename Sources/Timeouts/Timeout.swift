public import ResilienceCore
internal import Synchronization

/// Limits how long a call may take, and cancels it when the limit is reached.
///
/// Cooperative, as cancellation in Swift is: when the limit is reached the operation's task is cancelled, and the call
/// returns when the operation does. Work that does not listen to cancellation is waited for; see
/// ``ResilienceCore/Policy/abandoning(after:observers:)`` for the other way.
///
/// ```swift
/// let receipt = try await Timeout(.seconds(2)).execute { try await gateway.charge(order) }
/// ```
///
/// The operation stays on the caller's actor and keeps its task-local values, priority and executor preference. It runs
/// in a task of its own, because only a task can be cancelled alone. One timer serves all calls of a `Timeout`, however
/// many there are.
public final class Timeout: Strategy {
    /// The name in errors and events.
    public let name: String

    /// The context of a call that goes through this timeout alone.
    public let rootContext: Context

    let settings: Lock<Configuration>

    let time: TimeSource
    let lane: DeadlineLane
    let events: EventChannel<EventKind>
    let counters = Counters()

    /// Creates a timeout with the name `timeout` and the same limit for every call.
    ///
    /// - Parameters:
    ///   - limit: How long a call may take, at least 1 ns.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: `ConfigurationError` if the limit is not allowed.
    public convenience init(
        _ limit: Duration, clock: some Clock<Duration> = ContinuousClock(), observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init("timeout", .fixed(limit), clock: clock, observers: observers)
    }

    /// Creates a timeout with the name `timeout`, whose limit may be decided for each call.
    ///
    /// - Parameters:
    ///   - configuration: How long a call may take.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: `ConfigurationError` if a fixed limit is not allowed.
    public convenience init(
        _ configuration: Configuration, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init("timeout", configuration, clock: clock, observers: observers)
    }

    /// Creates a timeout with the same limit for every call.
    ///
    /// - Parameters:
    ///   - name: What the timeout is called in errors, events and metrics.
    ///   - limit: How long a call may take, at least 1 ns.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: `ConfigurationError` if the limit is not allowed.
    public convenience init(
        _ name: String, _ limit: Duration, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init(name, .fixed(limit), clock: clock, observers: observers)
    }

    /// Creates a timeout whose limit may be decided for each call.
    ///
    /// - Parameters:
    ///   - name: What the timeout is called in errors, events and metrics.
    ///   - configuration: How long a call may take.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: `ConfigurationError` if a fixed limit is not allowed.
    public convenience init(
        _ name: String, _ configuration: Configuration, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(PolicyEnvironment(name: name, time: TimeSource(clock), observers: observers), configuration)
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        time = environment.time
        settings = Lock(configuration)
        rootContext = Context(name: environment.name, time: environment.time)
        lane = DeadlineLane(environment.time)
        events = EventChannel(environment.name, environment.observers)
    }

    // MARK: The path of a call

    /// Runs the rest of a call, and cancels it when the limit is reached.
    ///
    /// - Throws: ``ExceededError`` if the call failed after this limit had been reached; ``NoTimeLeftError`` if there
    ///   was no time left to begin with. Otherwise what `next` threw: also when the caller cancelled, and when a layer
    ///   inside refused the call.
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        guard let limit = configuration.duration(of: context) else {
            counters.unlimited.wrappingAdd(1, ordering: .relaxed)
            return try await next(context)
        }
        let start = time.now
        guard limit > .zero else { throw rejected(limit) }
        let deadline = start.advanced(by: limit)
        var limited = context
        limited.shortenDeadline(to: deadline, on: time)
        let end = await runInChild(#isolation, lane, limited, deadline, next)
        try judge(end, limit, start, context)
    }

    /// Counts the end of a call, and throws what the caller is to see.
    func judge(_ end: ChildEnd, _ limit: Duration, _ start: TimeSource.Instant, _ context: Context) throws {
        guard let error = end.error else {
            guard end.isExpired else {
                counters.succeeded.wrappingAdd(1, ordering: .relaxed)
                return
            }
            counters.late.wrappingAdd(1, ordering: .relaxed)
            events.notify(
                .exceeded(limit: limit, duration: start.duration(to: time.now), isLateSuccess: true))
            return
        }
        switch CallEnd(error, in: context) {
        case .rejected: counters.rejectedInside.wrappingAdd(1, ordering: .relaxed)
        case .cancelled: counters.cancelled.wrappingAdd(1, ordering: .relaxed)
        // If the cancellation came from outside, from the caller or a deadline around this one, this limit is not told
        // of.
        case .failed where end.isExpired && !Task.isCancelled:
            counters.exceeded.wrappingAdd(1, ordering: .relaxed)
            events.notify(
                .exceeded(limit: limit, duration: start.duration(to: time.now), isLateSuccess: false))
            throw ExceededError(policyName: name, limit: limit, underlying: error)
        case .failed, .expired: counters.failed.wrappingAdd(1, ordering: .relaxed)
        }
        throw error
    }

    private func rejected(_ limit: Duration) -> NoTimeLeftError {
        counters.rejected.wrappingAdd(1, ordering: .relaxed)
        events.notify(.rejected(limit: limit))
        return NoTimeLeftError(policyName: name)
    }

}
