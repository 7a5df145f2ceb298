internal import ResilienceCore

extension Kind {
    static let fleetCircuit = Kind(.fleetCircuit, "fleet circuit", section: "fleetCircuits")
}

/// Only code can make one, because it alone knows the store.
extension FleetCircuit: Tunable, RunningComponent {
    static var kind: Kind { .fleetCircuit }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    func runInModule() async throws { try await run() }

    var complaint: Complaint? {
        isDegraded ? Complaint(text: "cannot reach its store", isOutage: false) : nil
    }
}

extension Registration {
    /// The same, with the circuits of its breakers shared with the other nodes of a fleet, for as long as the module
    /// runs.
    ///
    /// Each breaker, by its name, shares a circuit with the breakers of that name on the other nodes; those of the
    /// members of a family cannot be shared. In a document,
    /// the circuit is in the section `fleetCircuits`, by the same name.
    ///
    /// ```swift
    /// Registration("payments") { CircuitBreaker.layer() }.shared(through: store)
    /// ```
    ///
    /// - Parameters:
    ///   - configuration: When the fleet opens together, and how this node keeps in touch. If the store is required,
    ///     the module's `run()` throws if it cannot be reached.
    ///   - store: Where the nodes meet. Breakers do not wait for it.
    ///   - node: What to call this node in the store, such as its host. Default: no name but a random one.
    public func shared(
        _ configuration: FleetCircuit.Configuration = FleetCircuit.Configuration(), through store: any CircuitStore,
        node: String = ""
    ) -> Registration {
        var shared = Registration(name) { [name, make] parts throws(ConfigurationError) in
            let entries = try make(parts)
            let breakers = entries.flatMap(\.circuitBreakers)
            guard !breakers.isEmpty else {
                let isFamily = entries.contains { $0.family != nil }
                throw ConfigurationError(
                    .init(
                        field: "\(name).shared", value: isFamily ? "a policy family" : "no circuit breaker",
                        violation: isFamily
                            ? "shares no circuits: its members have breakers of their own" : "is nothing to be shared"))
            }
            var all = entries
            for breaker in breakers {
                var parts = parts
                parts.environment.name = breaker.name
                do throws(ConfigurationError) {
                    let circuit = try FleetCircuit(
                        breaker, configuration, through: store, node: node, random: parts.environment.random,
                        observers: parts.environment.observers)
                    all.append(parts.entry(of: circuit))
                } catch {
                    throw error.prefixed(name)
                }
            }
            return all
        }
        shared.isCritical = isCritical
        return shared
    }
}

extension Registry.Entry {
    /// The breakers that are the component, or layers of its policy.
    fileprivate var circuitBreakers: [CircuitBreaker] {
        if let breaker = component as? CircuitBreaker { return [breaker] }
        return (component as? Policy)?.layers.compactMap { $0.component as? CircuitBreaker } ?? []
    }
}

extension ResilienceModule {
    /// What shares the circuit of a breaker with a fleet, by the breaker's name.
    ///
    /// - Throws: ``UnknownNameError`` if no breaker of that name is shared.
    public func fleetCircuit(_ name: String) throws -> FleetCircuit {
        guard let circuit: FleetCircuit = try registered(.fleetCircuit, name) else {
            throw unknown(.fleetCircuit, name)
        }
        return circuit
    }
}
