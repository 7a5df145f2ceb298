package import ResilienceCore

/// What the integrations with other libraries need of a module.
extension ResilienceModule {
    /// The module's own `run()`, for one that takes its place.
    package func runUntilEnd() async throws {
        try await run()
    }

    /// Cancels the calls that a shutdown is waiting for, before its grace period is over, and lets no more in if it
    /// still does. Does nothing before.
    package func cancelCallsOfShutdown() {
        let (state, delay) = lifecycle.withLock { lifecycle in
            if lifecycle.state == .closing { lifecycle.isHurried = true }
            return (lifecycle.state, lifecycle.delay)
        }
        if state == .closing { delay.finish() }
        guard state == .draining else { return }
        let count = gate.cancelAll()
        lifecycle.withLock { $0.cancelledEarly = max($0.cancelledEarly, count) }
    }

    /// Adds an observer of the module's own events only. Adding one of everything would have every call post events.
    package func addModuleObserver(_ observer: any PolicyObserver) {
        events.add(observer)
    }

    /// The observers of the module's own events.
    package var moduleObservers: [any PolicyObserver] { events.observers }

    /// Runs something for as long as ``run()`` does; it is cancelled when the module has ended its calls.
    package func addRunningJob(_ job: @escaping @Sendable (ResilienceModule) async -> Void) {
        addJob(job)
    }

    /// Does something again and again while ``run()`` runs, the first time after the interval.
    package func repeatWhileRunning(every interval: Duration, _ body: @escaping @Sendable () -> Void) {
        addJob { module in
            while !Task.isCancelled {
                let next = module.time.now.advanced(by: max(.milliseconds(1), interval))
                guard (try? await module.time.sleep(until: next)) != nil else { return }
                body()
            }
        }
    }
}

/// The metrics of a module and of everything that it holds, without keeping the module alive.
package struct ModuleMetrics: MetricSource {
    private weak let module: ResilienceModule?

    package init(_ module: ResilienceModule) {
        self.module = module
    }

    package func collect(into metrics: inout MetricCollection) {
        if let module { metrics.collect(module) }
    }
}

extension ResilienceModule {
    /// The metrics of one thing that the module holds.
    package func metricSource(_ kind: String, _ name: String) -> (any MetricSource)? {
        registry.withLock { $0.all }.first { $0.kind.title == kind && $0.name == name }.map(EntryMetrics.init)
    }
}

private struct EntryMetrics: MetricSource {
    let entry: Registry.Entry

    func collect(into metrics: inout MetricCollection) { entry.collect(into: &metrics) }
}

extension ResilienceModule {
    /// The names of what documents can configure, by the section of a document that does.
    package var namesBySection: [String: [String]] {
        var names: [String: [String]] = [:]
        for entry in registry.withLock({ $0.all }) {
            if let section = entry.kind.section { names[section, default: []].append(entry.name) }
        }
        return names
    }
}
