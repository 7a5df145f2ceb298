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
/// until its task is cancelled or ``shutdown(drainDelay:gracePeriod:)`` is called, reloads the configuration, and shuts
/// down.
///
/// All members may be used from any task at once.
public final class ResilienceModule: Sendable {
    /// What the module is called in errors, events and metrics.
    public let name: String

    /// How the module makes things and how it ends.
    public let options: Options

    let time: TimeSource
    let clock: any Clock<Duration>
    let random: RandomSource
    let gate = AdmissionGate()
    let registry: Lock<Registry>
    let lifecycle: Lock<Lifecycle>
    let updates = Lock(Updates())
    let history = MetricHistory()
    /// Ends what runs of an entry.
    let removals = Lock<[Registry.Key: Waiter<Void>]>([:])
    let events: EventChannel<EventKind>

    /// Creates a module.
    ///
    /// - Parameters:
    ///   - name: What the module is called in errors, events and metrics.
    ///   - options: How the module makes things and how it ends.
    ///   - configuration: What a document says about what is registered, and what else it describes.
    ///   - clock: The time of all that the module makes. Default: the continuous clock.
    ///   - random: The randomness of all that the module makes. Default: the system's.
    ///   - observers: The observers to notify of the events of the module and of all that it holds.
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
        self.clock = clock
        self.random = random
        let registry = Registry(observers)
        events = EventChannel(name, registry.observers)
        self.registry = Lock(registry)
        lifecycle = Lock(Lifecycle())
        let names = ModuleNames(self, adding: registrations())
        var faults = options.faults(names)
        faults += names.addAll()
        do {
            try update(configuration)
        } catch {
            faults += error.faults
        }
        if let error = ConfigurationError(faults) { throw error }
    }

    /// Registers something more.
    ///
    /// - Throws: Its faults; or that the name is taken by something of the same kind, or that what the document in
    ///   force says about it does not fit. Nothing is registered then.
    public func register(_ registration: Registration) throws(ConfigurationError) {
        let entries = try add(registration, ModuleNames(self))
        defer { events.deliver() }
        guard configuration != Configuration() else { return }
        updates.withLock { updates in updates.removed.subtract(entries.map(\.key)) }
        do {
            try putInForce(configuration, isSilent: true)
        } catch {
            for entry in entries { removeEntry(entry.key) }
            throw error
        }
    }

    @discardableResult
    func add(_ registration: Registration, _ names: ModuleNames) throws(ConfigurationError) -> [Registry.Entry] {
        var parts = parts(named: registration.name, isCritical: registration.isCritical)
        parts.environment.names = names
        let entries = try registration.make(parts)
        if case .taken(let taken) = add(entries) {
            throw ConfigurationError(
                .init(
                    field: "registrations", value: "\(taken.kind.title) \"\(taken.name)\"", violation: "is there twice")
            )
        }
        do {
            for entry in entries {
                try entry.family?.adopt(by: GateAccess(gate: gate, module: name, policyName: entry.name))
            }
        } catch {
            for entry in entries { removeEntry(entry.key) }
            throw error
        }
        return entries
    }

    /// Adds entries, all or none, and tells of them.
    ///
    /// - Parameter limit: How many there may be that were made on first use.
    func add(_ entries: [Registry.Entry], limit: Int = .max) -> Registry.Addition {
        let (addition, observers) = registry.withLock { registry in
            let addition = registry.add(entries, limit: limit)
            if case .added = addition {
                for entry in entries {
                    events.post(.registered(kind: entry.kind.title, name: entry.name))
                }
            }
            return (addition, registry.observers)
        }
        guard case .added = addition else { return addition }
        // An observer that was added while the entries were made has not been given to them. Observers that hear them
        // already are not added again.
        for entry in entries {
            for observer in observers { entry.addObserver(observer) }
            startRunning(entry)
        }
        return addition
    }

    func removeEntry(_ key: Registry.Key) {
        // Noted first: what is held and noted counts once, what is neither not at all.
        if let entry = registry.withLock({ $0.entries[key] }) { history.note(entry.counting) }
        let entry = registry.withLock { registry in
            let entry = registry.remove(key)
            if let entry { events.post(.removed(kind: entry.kind.title, name: entry.name)) }
            return entry
        }
        stopRunning(key)
        _ = entry  // Released here, outside the lock.
    }

    func parts(
        named name: String, isCritical: Bool = false, origin: Registry.Origin = .code
    ) -> Registration.ModuleParts {
        Registration.ModuleParts(
            environment: environment(named: name),
            gate: GateAccess(gate: gate, module: self.name, policyName: name), isCritical: isCritical, origin: origin)
    }

    func environment(named name: String) -> PolicyEnvironment {
        var environment = PolicyEnvironment(
            name: name, time: time, random: random, observers: registry.withLock { $0.observers })
        environment.names = ModuleNames(self)
        return environment
    }

    /// Takes something out of the module. Code that holds it may go on using it; calls of a policy still pass the gate.
    ///
    /// A hedged policy, or one with a fallback, is two things of one name: each is taken out by its own type. What the
    /// configuration in force says about it is kept for what is registered under the name next.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    public func remove<Component: Sendable>(_ type: Component.Type, _ name: String) -> Bool {
        let kind = Kind.of(type)
        guard registry.withLock({ $0.entry(kind, name)?.component is Component }) else { return false }
        noteRemoval(Registry.Key(kind: kind, name: name))
        removeEntry(Registry.Key(kind: kind, name: name))
        events.deliver()
        return true
    }

    /// Adds an observer of the module and of all that it holds, now and later. An object that hears already is not
    /// added again.
    public func addObserver(_ observer: any PolicyObserver) {
        let observer = ObserverBox.boxed(observer)
        let entries = registry.withLock { registry in
            registry.add(observer)
            return registry.all
        }
        events.add(observer)
        for entry in entries { entry.addObserver(observer) }
    }
}
