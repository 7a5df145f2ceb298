internal import ResilienceCore

extension ResilienceModule {
    /// Loads a configuration again and again while ``run()`` runs, and puts it in force where it has changed. One that
    /// cannot be loaded or has faults is reported as an event, once, and the one before stays in force.
    ///
    /// - Parameters:
    ///   - interval: How long to wait between two loads, on the module's clock. Less than 1 ms counts as 1 ms.
    ///   - load: Gives the configuration; `nil` if it has not changed. The first load happens at once.
    public func reload(
        every interval: Duration, _ load: @escaping @Sendable () async throws -> Configuration?
    ) {
        addJob { module in
            // What this source has given last and was put in force: the same is not a change, also if somebody else has put
            // another configuration in force since.
            var taken: Configuration?
            while !Task.isCancelled {
                await module.reload(load, &taken)
                let next = module.time.now.advanced(by: max(.milliseconds(1), interval))
                guard (try? await module.time.sleep(until: next)) != nil else { return }
            }
        }
    }

    /// Puts each configuration of a sequence in force while ``run()`` runs: those of a source that tells of changes.
    ///
    /// One with faults is reported as an event, and the one before stays in force. So does an error of the sequence, which
    /// ends it.
    public func reload<Updates: AsyncSequence & Sendable>(
        from updates: Updates
    ) where Updates.Element == Configuration {
        addJob { module in
            do {
                for try await configuration in updates {
                    var taken: Configuration?
                    await module.reload({ configuration }, &taken)
                }
            } catch {
                module.report(error)
            }
        }
    }

    private func reload(
        _ load: @Sendable () async throws -> Configuration?, _ taken: inout Configuration?
    ) async {
        var loaded: Configuration?
        do {
            loaded = try await load()
            guard let loaded else { return }
            if loaded != taken && loaded != configuration { try update(loaded) }
            taken = loaded
            updates.withLock { $0.lastFailure = nil }
        } catch {
            report(error, of: loaded)
        }
    }

    /// Tells of an error, unless it is that of the end, or the same as of the last time. A configuration that was refused is
    /// tried again each time all the same: what it does not fit may change.
    private func report(_ error: any Error, of configuration: Configuration? = nil) {
        guard !Task.isCancelled else { return }
        let failure = ReloadFailure(configuration: configuration, error: "\(error)")
        let isNew = updates.withLock { updates in
            defer { updates.lastFailure = failure }
            return updates.lastFailure != failure
        }
        guard isNew else { return }
        events.post(.reloadFailed(module: name, error: error))
        events.deliver()
    }
}
