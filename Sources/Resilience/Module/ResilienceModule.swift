public import ResilienceCore

/// Everything that protects an application's calls, in one place: registered by name, configured from one document,
/// observed, and shut down in order.
///
/// ```swift
/// let resilience = try ResilienceModule("shop") {
///     Registration("payments") {
///         Retry.layer(.exponential(), maxAttempts: 3)
///         CircuitBreaker.layer()
///         Timeout.layer(.seconds(1))
///     }
/// }
/// let receipt = try await resilience.execute("payments") { try await gateway.charge(order) }
/// ```
///
/// Calls are let in from the moment the module exists. ``run()`` is for what lives as long as the application: it parks
/// until its task is cancelled or ``shutdown(gracePeriod:)`` is called, reloads the configuration, and shuts down.
public final class ResilienceModule: Sendable {
    /// What the module is called in errors and events.
    public let name: String

    /// How the module makes things and how it ends.
    public let options: Options

    let time: TimeSource
    let random: RandomSource
    let gate = AdmissionGate()
    let registry = Lock(Registry())
    let lifecycle: Lock<Lifecycle>
    let updates = Lock(Updates())
    let events: EventChannel<Event>
    let makesPolicies: @Sendable (PolicyEnvironment) throws(ConfigurationError) -> Policy
    /// Who is given to what is made from now on.
    private let observers: Lock<[any PolicyObserver]>

    /// Creates a module.
    ///
    /// - Parameters:
    ///   - name: What the module is called in errors and events.
    ///   - options: How the module makes things and how it ends.
    ///   - configuration: What a document says about what is registered, and what else it describes.
    ///   - clock: The time of all that the module makes. Default: the continuous clock.
    ///   - random: The randomness of all that the module makes. Default: the system's.
    ///   - observers: Who hears the events of the module and of all that it holds.
    ///   - registrations: What the module holds from the start.
    /// - Throws: All faults: of the options, of every registration, and of the configuration.
    public init(
        _ name: String = "resilience", options: Options = Options(), configuration: Configuration = Configuration(),
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = [],
        @RegistrationBuilder registrations: () -> [Registration] = { [] }
    ) throws(ConfigurationError) {
        self.name = name
        self.options = options
        time = TimeSource(clock)
        self.random = random
        self.observers = Lock(observers)
        events = EventChannel(observers)
        lifecycle = Lock(Lifecycle())
        makesPolicies = options.defaultPolicy
        var faults = options.faults
        for registration in registrations() {
            do {
                try add(registration)
            } catch {
                faults += error.faults
            }
        }
        do {
            try update(configuration)
        } catch {
            faults += error.faults
        }
        if let error = ConfigurationError(faults) { throw error }
    }

    /// Registers something more.
    ///
    /// - Throws: Its faults; or that the name is taken by something of the same type, or that what the document in force
    ///   says about it does not fit. Nothing is registered then.
    public func register(_ registration: Registration) throws(ConfigurationError) {
        let entry = try add(registration)
        do {
            try update(configuration)
        } catch {
            _ = registry.withLock {
                $0.remove(Registry.Key(type: ObjectIdentifier(type(of: entry.component)), name: entry.name))
            }
            throw error
        }
        events.deliver()
    }

    @discardableResult
    private func add(_ registration: Registration) throws(ConfigurationError) -> Registry.Entry {
        let (entry, type) = try make(registration)
        let isAdded = registry.withLock { registry in
            let isAdded = registry.add(entry, type)
            if isAdded { events.post(.registered(module: name, kind: entry.kind.title, name: entry.name)) }
            return isAdded
        }
        guard isAdded else {
            throw ConfigurationError(
                .init(
                    field: "registrations", value: "\(entry.kind.title) \"\(entry.name)\"", violation: "is there twice")
            )
        }
        return entry
    }

    func make(_ registration: Registration) throws(ConfigurationError) -> (Registry.Entry, any Any.Type) {
        try registration.make(
            environment(named: registration.name),
            Registration.ModuleParts(
                gate: gate, refusal: { [name] in ShutdownError(module: name, policyName: $0) },
                isCritical: registration.isCritical))
    }

    func environment(named name: String) -> PolicyEnvironment {
        PolicyEnvironment(name: name, time: time, random: random, observers: observers.withLock { $0 })
    }

    /// Takes something out of the module. Who holds it may go on using it.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    public func remove<Component>(_ type: Component.Type, _ name: String) -> Bool {
        let entry = registry.withLock { registry in
            let entry = registry.remove(Registry.Key(type: ObjectIdentifier(type), name: name))
            if let entry { events.post(.removed(module: self.name, kind: entry.kind.title, name: name)) }
            return entry
        }
        events.deliver()
        return entry != nil
    }

    /// Adds an observer of the module and of all that it holds, now and later.
    public func addObserver(_ observer: any PolicyObserver) {
        observers.withLock { $0.append(observer) }
        events.add(observer)
        for entry in registry.withLock({ $0.all }) {
            (entry.component as? any Strategy)?.addObserver(observer)
        }
    }
}
