public import CircuitBreakers
internal import ResilienceCore

/// Keeps the state of a module's breakers between its end and the start of the next process.
public protocol ModuleStateStore: Sendable {
    /// What was saved last; `nil` if there is nothing.
    func load() async throws -> ResilienceModule.SavedState?

    /// Keeps the state.
    func save(_ state: ResilienceModule.SavedState) async throws
}

extension ResilienceModule {
    /// The state of the breakers of a module: `Codable`, with times as durations, so that it outlives the process.
    public struct SavedState: Sendable, Hashable, Codable {
        /// The breakers, by where they stand: `circuitBreakers/inventory`, `policies/payments/payments`.
        public var circuitBreakers: [String: CircuitBreaker.Snapshot]

        /// Creates a state.
        public init(circuitBreakers: [String: CircuitBreaker.Snapshot] = [:]) {
            self.circuitBreakers = circuitBreakers
        }
    }

    /// The state of all breakers: those registered, and those of the policies.
    public var savedState: SavedState {
        SavedState(circuitBreakers: breakersByPlace.mapValues(\.snapshot))
    }

    /// Has breakers go on from what they knew. Breakers that the state does not hold stay as they are, and what it holds
    /// for others is not used.
    ///
    /// - Throws: `ConfigurationError` with the faults of snapshots that cannot be used; all others are restored.
    public func restore(_ state: SavedState) throws(ConfigurationError) {
        var faults: [ConfigurationError.Fault] = []
        for (place, breaker) in breakersByPlace {
            guard let snapshot = state.circuitBreakers[place] else { continue }
            do throws(ConfigurationError) {
                try breaker.restore(snapshot)
            } catch {
                faults += error.prefixed(place).faults
            }
        }
        if let error = ConfigurationError(faults.sorted { $0.field < $1.field }) { throw error }
    }

    /// Restores the breakers when ``run()`` begins and saves them when the module ends. A store that fails is reported as
    /// an event, and changes nothing else.
    public func keepState(in store: some ModuleStateStore) {
        // The old one is released outside the lock.
        let old = lifecycle.withLock { lifecycle in
            defer { lifecycle.store = store }
            return lifecycle.store
        }
        _ = old
    }

    func restore(from store: any ModuleStateStore) async {
        do {
            if let state = try await store.load() { try restore(state) }
        } catch {
            events.post(.stateStoreFailed(module: name, error: error))
            events.deliver()
        }
    }

    /// The members of families are not among them: their keys are bound to a process that serves them.
    private var breakersByPlace: [String: CircuitBreaker] {
        var found: [String: CircuitBreaker] = [:]
        for entry in registry.withLock({ $0.all }) {
            if let breaker = entry.component as? CircuitBreaker { found["circuitBreakers/\(entry.name)"] = breaker }
            // Two breakers of one name in one policy are told apart by their order.
            for breaker in entry.managed?.pipeline.policy.circuitBreakers ?? [] {
                var place = "policies/\(entry.name)/\(breaker.name)"
                while found[place] != nil { place += "'" }
                found[place] = breaker
            }
        }
        return found
    }
}
