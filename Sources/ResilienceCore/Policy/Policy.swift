/// Layers of protection around a call, composed once and used for every call.
///
/// ```swift
/// let payments = try Policy("payments") {
///     CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 20)))
/// }
/// let receipt = try await payments.execute { try await gateway.charge(order) }
/// ```
///
/// A policy is a value that is cheap to copy; copies share the state of the layers. It may be used by any number of
/// calls at once, and nested in another policy.
public struct Policy: Strategy {
    /// Everything in one object: a policy is one reference, and calls of its closure retain nothing.
    @usableFromInline
    final class Core: Sendable {
        @usableFromInline let scope: PolicyScope
        let events: EventChannel<EventKind>
        let meters: MeterPoint
        @usableFromInline let layers: PolicyLayers
        let strategy: any Strategy
        /// What calls carry that start here.
        @usableFromInline let preset: ContextExtras?
        /// What calls pass as a whole; `nil` but for a policy of a module.
        let callEntrance: (any CallEntrance)?
        /// The same, or what nested policies have of it.
        let entrance: (any CallEntrance)?
        /// What a call takes of a ``Passage``, and the last place from which it fits.
        let size: Int
        let lastOffset: Int
        @usableFromInline let isGuarded: Bool
        @usableFromInline let isGated: Bool

        init(
            _ scope: PolicyScope, _ events: EventChannel<EventKind>, _ meters: MeterPoint, _ layers: PolicyLayers,
            _ strategy: any Strategy, preset: ContextExtras? = nil, behind entrance: (any CallEntrance)? = nil
        ) {
            self.scope = scope
            self.events = events
            self.meters = meters
            self.layers = layers
            self.strategy = strategy
            self.preset = preset
            callEntrance = entrance
            self.entrance = entrance ?? strategy._entrance
            isGuarded = self.entrance != nil
            isGated = entrance != nil
            size = Policy.Entry.size + layers.size
            // Layers that look for values in the context get one only on the nested way.
            lastOffset = preset == nil ? Passage.capacity - size : -1
        }

        /// The same for calls with another scope or other values.
        func with(_ scope: PolicyScope, _ preset: ContextExtras?) -> Core {
            Core(scope, events, meters, layers, strategy, preset: preset, behind: callEntrance)
        }
    }

    @usableFromInline let core: Core

    /// Composes layers, outermost first: the order in which a call passes through them.
    ///
    /// - Parameters:
    ///   - name: What the policy is called in errors, events and metrics.
    ///   - clock: The time of the policy and of the layers it builds. Default: the continuous clock.
    ///   - random: The randomness of the layers it builds. Default: the system's.
    ///   - observers: The observers to notify, of the events of all layers too.
    ///   - layers: Recipes, strategies or policies.
    /// - Throws: The faults of all layers; or that there are none.
    @inlinable
    public init<S: Strategy>(
        _ name: String, clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = [], @PolicyBuilder layers: () -> Layer<S>
    ) throws(ConfigurationError) {
        let environment = PolicyEnvironment(
            name: name, time: TimeSource(clock), random: random, observers: observers)
        try self.init(environment: environment, layer: layers())
    }

    @inlinable
    package init<S: Strategy>(environment: PolicyEnvironment, layer: Layer<S>) throws(ConfigurationError) {
        let strategy: S
        do {
            strategy = try layer.build(in: environment)
        } catch {
            throw error.prefixed(environment.name)
        }
        // Erased here, where the types of the layers are known, so that they can be specialised.
        try self.init(environment, strategy, PolicyLayers(strategy))
    }

    @usableFromInline
    init(
        _ environment: PolicyEnvironment, _ strategy: any Strategy, _ layers: PolicyLayers
    ) throws(ConfigurationError) {
        guard !strategy.layers.isEmpty else {
            throw ConfigurationError(.init(field: "\(environment.name).layers", value: "0", violation: "is below 1"))
        }
        core = Core(
            PolicyScope(name: environment.name, time: environment.time),
            EventChannel(environment.name, environment.observers),
            MeterPoint(environment.name, Self.meterLayout, environment.observers), layers, strategy)
    }

    private init(_ core: Core) {
        self.core = core
    }

    /// The same policy, with its name, rules for values and observers, but with other layers.
    ///
    /// - Parameter entrance: What calls with a hedge or a fallback pass as a whole; the layers have to be behind it,
    ///   too.
    package init<S: Strategy>(_ other: Policy, layers: S, behind entrance: (any CallEntrance)? = nil) {
        let core = other.core
        self.core = Core(
            core.scope, core.events, core.meters, PolicyLayers(layers), layers,
            preset: core.preset, behind: entrance)
    }

    /// The same policy by another name in errors; its events and its numbers keep the name it was made with.
    package func called(_ name: String) -> Policy {
        let scope = PolicyScope(name: name, time: scope.time, acceptances: scope.acceptances)
        return Policy(core.with(scope, core.preset))
    }

    func with(preset: ContextExtras) -> Policy { Policy(core.with(core.scope, preset)) }

    @usableFromInline var scope: PolicyScope { core.scope }
    var events: EventChannel<EventKind> { core.events }
    var meters: MeterPoint { core.meters }
    var strategy: any Strategy { core.strategy }
    var preset: ContextExtras? { core.preset }

    /// What calls pass as a whole; `nil` but for a policy of a module.
    package var callEntrance: (any CallEntrance)? { core.callEntrance }

    /// The same, or what nested policies have of it.
    @_documentation(visibility: internal) public var _entrance: (any CallEntrance)? { core.entrance }

    /// Whether calls pass something as a whole.
    @_documentation(visibility: internal) @inlinable public var _isGuarded: Bool { core.isGuarded }

    /// Whether the layers are behind a gate, which is passed before anything else.
    @_documentation(visibility: internal) @inlinable public var _isGated: Bool { core.isGated }

    /// What the policy is called.
    public var name: String { scope.name }

    /// The context a call starts with.
    @inlinable public var rootContext: Context { Context(scope: core.scope, extras: core.preset) }

    /// The same policy with a rule for the values of one type: a value for which `isAccepted` is false counts as a
    /// failure for every layer. If it is still the outcome in the end, the caller gets it. Declared rules and that of
    /// the call apply together.
    ///
    /// ```swift
    /// let api = policy.accepting(Response.self) { $0.status < 500 }
    /// ```
    public func accepting<Value>(
        _ type: Value.Type, where isAccepted: @escaping @Sendable (Value) -> Bool
    ) -> Policy {
        let acceptances = (scope.acceptances ?? []) + [TypedAcceptance(predicate: isAccepted)]
        return Policy(core.with(PolicyScope(name: name, time: scope.time, acceptances: acceptances), preset))
    }

    /// The same policy with a classifier for the values of one type: a value of which `classify` makes an error counts
    /// as that failure for every layer, with its hint, its overload and its label. If it is still the outcome in the
    /// end, the caller gets the value.
    ///
    /// ```swift
    /// let api = policy.failing(Response.self) { $0.status < 500 ? nil : ServerFailure($0) }
    /// ```
    ///
    /// - Parameters:
    ///   - type: The type of values. Those of other types are not classified.
    ///   - throwing: Whether the caller gets the failure in place of the value. Default: false.
    ///   - classify: What is wrong with a value, or `nil`. Asked once for each value; runs outside every lock.
    public func failing<Value>(
        _ type: Value.Type, throwing: Bool = false, _ classify: @escaping @Sendable (Value) -> (any Error)?
    ) -> Policy {
        let acceptances = (scope.acceptances ?? []) + [TypedClassifier(isThrown: throwing, classify: classify)]
        return Policy(core.with(PolicyScope(name: name, time: scope.time, acceptances: acceptances), preset))
    }

    /// Runs the rest of a call under this policy, as one layer of another or for a call of its own.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let core = core
        let context = enteredContext(from: context)
        if isObserved {
            try await executeObserved(context, next)
        } else {
            try await core.layers.body(context, next)
        }
    }

    /// The context that the layers get: the same where the call begins.
    @inlinable
    func enteredContext(from context: Context) -> Context {
        context.scope === core.scope && context.extras === core.preset ? context : entering(from: context)
    }

    @usableFromInline
    func entering(from context: Context) -> Context {
        var context = context.scope === scope ? context : context.entering(scope)
        if let preset { context.extras = context.extras?.adding(preset.values) ?? preset }
        return context
    }

    @usableFromInline
    nonisolated(nonsending) func executeObserved(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let start = started
        do {
            try await core.layers.body(context, next)
        } catch {
            ended(start, error, context)
            throw error
        }
        ended(start, nil, context)
    }

    @usableFromInline var isObserved: Bool { events.isListening || meters.isAttached }

    /// When a call starts; `nil` if it need not be known how long it takes.
    var started: TimeSource.Instant? {
        events.isListening || meters.isTimed ? scope.time.now : nil
    }

    func ended(_ start: TimeSource.Instant?, _ error: (any Error)?, _ context: Context?) {
        let nanoseconds = start.map { scope.time.now.nanoseconds.subtractingSaturated($0.nanoseconds) }
        if meters.isAttached {
            let outcome = error.map { CallOutcome(CallEnd($0, in: context)) } ?? .succeeded
            meters.record(outcome.rawValue, nanoseconds: nanoseconds)
        }
        // A call that began before there was a listener is not reported.
        guard let nanoseconds, events.isListening else { return }
        let duration = Duration.nanoseconds(nanoseconds)
        if let error {
            events.post(.failed(duration: duration, error: error))
        } else {
            events.post(.succeeded(duration: duration))
        }
        events.deliver()
    }

    /// The observers of the policy's own events, and what measures its calls.
    package var observers: [any PolicyObserver] { events.observers + meters.owners }

    /// Adds an observer of the policy and of all its layers.
    public func addObserver(_ observer: any PolicyObserver) {
        events.add(observer)
        meters.attach(observer)
        strategy.addObserver(observer)
    }

    /// Measures the calls of the policy, but not of its layers, for an observer that measures.
    package func measure(for observer: CallMetrics) { meters.attach(observer) }

    /// Runs the rest of a call under the layers alone, for a policy made from this one with other layers around these.
    package nonisolated(nonsending) func executeLayers(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await core.layers.body(context, next)
    }

    /// Adds an observer of the layers, but not of the policy.
    package func addObserverToLayers(_ observer: any PolicyObserver) {
        strategy.addObserver(observer)
    }

    /// The layers, outermost first; those of a nested policy in its place.
    public var layers: [LayerDescription] { strategy.layers }

    /// The strategies of one type among the layers, outermost first.
    public func strategies<S: Strategy>(_ type: S.Type) -> [S] {
        layers.compactMap { $0.strategy as? S }
    }
}

extension Policy: CustomStringConvertible {
    /// The layers in the order in which a call passes them: `Timeout(10s) → Retry(4) → CircuitBreaker(payments)`.
    public var description: String { layers.map(\.description).joined(separator: " → ") }
}

extension ConfigurationError {
    /// The same faults, each path starting with a name.
    @usableFromInline
    package func prefixed(_ name: String) -> ConfigurationError {
        let faults = faults.map {
            Fault(field: name.isEmpty ? $0.field : "\(name).\($0.field)", value: $0.value, violation: $0.violation)
        }
        return ConfigurationError(faults) ?? self
    }
}
