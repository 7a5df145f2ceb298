public import ResilienceCore

/// Answers in the place of a call that failed, by steps that are tried one after another.
///
/// ```swift
/// let quotes = try Fallback<Quote>("quotes") {
///     .lastGood(maxAge: .seconds(300))
///     .step("replica", limit: 8, timeout: .seconds(1)) { error in try await replica.quote() }
///     .value(.empty)
/// }
/// let quote = try await quotes.execute { try await gateway.quote() }
/// ```
///
/// For calls that differ in what they ask for, see ``KeyedFallback``.
public typealias Fallback<Value: Sendable> = KeyedFallback<NoKey, Value>

/// The key of calls that all ask for the same.
public struct NoKey: Hashable, Sendable {
    /// Creates the key; all are equal.
    @inlinable
    public init() {}
}

/// Answers in the place of a call that failed, by steps that are tried one after another; each call names what it is
/// about by a key, and a last good value is kept for each key.
///
/// ```swift
/// let quotes = try KeyedFallback<Symbol, Quote>("quotes") {
///     .lastGood(maxAge: .seconds(300), maxKeys: 10_000)
///     .step("replica", limit: 8) { error, symbol in try await replica.quote(symbol) }
/// }
/// let quote = try await quotes.execute(for: symbol) { try await gateway.quote(symbol) }
/// ```
///
/// Around a policy with ``ResilienceCore/Policy/fallback(to:)``, or alone around any call. It never runs for a call
/// that its caller cancelled. The operation stays on the caller's actor, and so do the steps, one at a time.
///
/// Make one and use it for all calls: limits, totals and last good values are those of all calls together.
public final class KeyedFallback<Key: Hashable & Sendable, Value: Sendable>: FallbackCalling {
    /// The name in errors and events.
    public let name: String

    /// The time in which ages and limits are measured.
    public let time: TimeSource

    /// Nothing: the operation runs as it is.
    @_documentation(visibility: internal) public let inner: NoStrategy

    @usableFromInline let counters = FallbackCounters()
    @usableFromInline let keeper: LastGoodKeeper<Key, Value>
    @usableFromInline let events: EventChannel<FallbackEventKind>
    @usableFromInline let chain: Lock<Chain>
    /// The metrics that measure the steps, also steps to come.
    let meters: Lock<[CallMetrics]>

    /// Creates a fallback.
    ///
    /// - Parameters:
    ///   - name: What the fallback is called in errors, events and metrics.
    ///   - configuration: The steps, and for which errors they are taken.
    ///   - clock: The time in which ages and limits are measured. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            PolicyEnvironment(name: name, time: TimeSource(clock), observers: observers), configuration)
    }

    /// Creates a fallback that is taken for every error, from its steps.
    ///
    /// - Parameters:
    ///   - name: What the fallback is called in errors, events and metrics.
    ///   - clock: The time in which ages and limits are measured. Default: the continuous clock.
    ///   - observers: The observers to notify.
    ///   - steps: What is tried, first to last.
    /// - Throws: All faults of the steps.
    public convenience init(
        _ name: String, clock: some Clock<Duration> = ContinuousClock(), observers: [any PolicyObserver] = [],
        @FallbackBuilder<Key, Value> steps: () -> Steps
    ) throws(ConfigurationError) {
        try self.init(name, Configuration(steps: steps), clock: clock, observers: observers)
    }

    package convenience init(
        _ configuration: Configuration, in environment: PolicyEnvironment
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(environment, configuration)
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        time = environment.time
        inner = NoStrategy(rootContext: Context(name: environment.name, time: environment.time))
        events = EventChannel(environment.name, environment.observers)
        keeper = LastGoodKeeper(environment.time, configuration.retention)
        meters = Lock(environment.observers.compactMap { $0 as? CallMetrics })
        chain = Lock(Chain(configuration, environment, events, previous: [:]))
    }

    /// This fallback.
    @_documentation(visibility: internal)
    @inlinable public var fallback: KeyedFallback<Key, Value> { self }

    /// Not inlined, for the sake of the lock; see ``LastGoodKeeper``.
    @inlinable var currentChain: Chain {
        @inline(never) get { chain.withLock { $0 } }
    }

    /// The steps in force, with their numbers; also those of steps that were there before. Never changed.
    @usableFromInline
    final class Chain: Sendable {
        @usableFromInline let configuration: Configuration
        /// What a call goes through: the steps in force, each with its record.
        @usableFromInline let stages: [Stage]
        let records: [String: StepRecord]

        init(
            _ configuration: Configuration, _ environment: PolicyEnvironment, _ events: EventChannel<FallbackEventKind>,
            previous: [String: StepRecord]
        ) {
            self.configuration = configuration
            var records = previous
            let subject = previous.values.first?.durations.subject ?? MeterSubject()
            stages = configuration.steps.elements.map { step in
                let record = records[step.name] ?? StepRecord(environment, step: step.name, events, of: subject)
                records[step.name] = record
                return Stage(step, record)
            }
            self.records = records
        }
    }

    /// A step and its record; a class, because a call that comes to it copies it.
    @usableFromInline
    final class Stage: Sendable {
        @usableFromInline let step: Step
        @usableFromInline let record: StepRecord

        init(_ step: Step, _ record: StepRecord) {
            self.step = step
            self.record = record
        }
    }
}
