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
            var source = ReloadSource()
            while !Task.isCancelled {
                await module.reload(load, &source)
                let next = module.time.now.advanced(by: max(.milliseconds(1), interval))
                guard (try? await module.time.sleep(until: next)) != nil else { return }
            }
        }
    }

    /// Puts each configuration of a sequence in force while ``run()`` runs: those of a source that tells of changes.
    ///
    /// One with faults is reported as an event, and the one before stays in force. So does an error of the sequence,
    /// which ends it.
    public func reload<Updates: AsyncSequence & Sendable>(
        from updates: Updates
    ) where Updates.Element == Configuration {
        addJob { module in
            var source = ReloadSource()
            do {
                for try await configuration in updates {
                    // Told of as a change, it is one.
                    source.taken = nil
                    await module.reload({ configuration }, &source)
                }
            } catch {
                module.notify(of: error, &source)
            }
        }
    }

    /// What came of the loads of one source.
    private struct ReloadSource {
        /// What it has given last and was put in force: the same is not a change, also if other code has put another
        /// configuration in force since.
        var taken: Configuration?
        /// What came of the last load, if it failed, so that the same is reported and counted once.
        var failure: ReloadFailure?
    }

    private struct ReloadFailure: Equatable {
        /// `nil` if there was none to read.
        let configuration: Configuration?
        let error: String
    }

    private func reload(_ load: @Sendable () async throws -> Configuration?, _ source: inout ReloadSource) async {
        var loaded: Configuration?
        do {
            loaded = try await load()
            guard let loaded else { return }
            if loaded != source.taken && loaded != configuration { try putInForce(loaded, isSilent: false) }
            (source.taken, source.failure) = (loaded, nil)
        } catch {
            notify(of: error, after: loaded, &source)
        }
    }

    /// Tells of an error, unless it is that of the end, or the same as of the last time. A configuration that was
    /// refused is tried again each time all the same: what it does not fit may change.
    private func notify(of error: any Error, after configuration: Configuration? = nil, _ source: inout ReloadSource) {
        guard !Task.isCancelled else { return }
        let failure = ReloadFailure(configuration: configuration, error: "\(error)")
        defer { source.failure = failure }
        guard source.failure != failure else { return }
        updates.withLock { $0.refused += 1 }
        events.post(.reloadFailed(error: error))
        events.deliver()
    }
}
