internal import ResilienceCore

/// Something that keeps in touch with others in the background while the module runs.
protocol RunningComponent: Component {
    /// Runs until the task is cancelled.
    ///
    /// - Throws: What the module cannot run without; `CancellationError` at its end.
    func runInModule() async throws
}

extension Registry.Entry {
    /// What of this runs with the module: the component, or layers of its policy, or those that all members of its
    /// family share.
    var running: [any RunningComponent] {
        if let running = component as? any RunningComponent { return [running] }
        if let family { return family.running }
        return (component as? Policy)?.layers.compactMap { $0.component as? any RunningComponent } ?? []
    }
}

extension ResilienceModule {
    /// Runs what is in an entry, while the module runs and until the entry is removed.
    func startRunning(_ entry: Registry.Entry) {
        let running = entry.running
        guard !running.isEmpty else { return }
        let removal = Waiter<Void>()
        removals.withLock { $0[entry.key] = removal }
        addJob { module in
            await withTaskGroup(of: Void.self) { group in
                for component in running {
                    group.addTask {
                        do {
                            try await component.runInModule()
                        } catch {
                            if !Task.isCancelled { module.fail(error) }
                        }
                    }
                }
                _ = try? await removal.value { true }
                group.cancelAll()
            }
        }
    }

    /// The entry has been removed.
    func stopRunning(_ key: Registry.Key) {
        removals.withLock { $0.removeValue(forKey: key) }?.finish()
    }
}
