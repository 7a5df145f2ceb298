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

    /// Has breakers go on from what they knew. Breakers that the state does not hold stay as they are, and what it
    /// holds for others is not used.
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

    /// Restores the breakers when ``run()`` begins and saves them when the module ends. A store that fails is reported
    /// as an event, and changes nothing else.
    ///
    /// What a breaker has learned by then from calls of this process is newer than what the store holds: such a breaker
    /// is left as it is. Where nothing was restored, because the module ended before or the store failed, the end keeps
    /// what the store holds for all breakers that have learned nothing.
    public func keepState(in store: some ModuleStateStore) {
        // The old one is released outside the lock.
        let old = lifecycle.withLock { lifecycle in
            defer { (lifecycle.store, lifecycle.isRestored) = (store, false) }
            return lifecycle.store
        }
        _ = old
    }

    func restore(from store: any ModuleStateStore) async {
        do {
            let state = try await store.load()
            // The end of the module has read the store by itself.
            guard lifecycle.withLock({ $0.state == .running || $0.state == .closing }) else { return }
            var faults: [ConfigurationError.Fault] = []
            for (place, breaker) in breakersByPlace {
                guard let snapshot = state?.circuitBreakers[place] else { continue }
                do throws(ConfigurationError) {
                    try breaker.restoreUnlessUsed(snapshot)
                } catch {
                    faults += error.prefixed(place).faults
                }
            }
            lifecycle.withLock { $0.isRestored = true }
            if let error = ConfigurationError(faults.sorted { $0.field < $1.field }) { throw error }
        } catch {
            guard !Task.isCancelled else { return }
            notify(of: error)
        }
    }

    /// Saves what breakers know at the end.
    func saveState() async {
        let (store, isRestored) = lifecycle.withLock { ($0.store, $0.isRestored) }
        guard let store else { return }
        var state = savedState
        if !isRestored {
            // Of what is stored, nothing is known here: only what was learned in this process is newer.
            let learned = breakersByPlace.filter { $0.value.isUsed }.mapValues(\.snapshot)
            do {
                if let stored = try await store.load() {
                    guard !learned.isEmpty else { return }
                    state.circuitBreakers = stored.circuitBreakers.merging(learned) { $1 }
                }
            } catch {
                notify(of: error)
                guard !learned.isEmpty else { return }
                state.circuitBreakers = learned
            }
        }
        do {
            try await store.save(state)
        } catch {
            notify(of: error)
        }
    }

    private func notify(of error: any Error) {
        events.post(.stateStoreFailed(error: error))
        events.deliver()
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
