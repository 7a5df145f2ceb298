public import ResilienceCore

extension ResilienceModule: MetricSource {
    /// Adds what everything registered measures, from registration on, and the module itself; also what observers of
    /// the module measure, such as `CallMetrics`.
    ///
    /// What counts under a name goes on from what counted under it before: layers that a document replaced, and what
    /// was taken out.
    public func collect(into metrics: inout MetricCollection) {
        let (entries, observers) = registry.withLock { ($0.all, $0.observers) }
        for entry in entries { entry.collect(into: &metrics) }
        history.add(to: &metrics)
        for observer in observers {
            if let source = ObserverBox.unboxed(observer) as? any MetricSource { metrics.collect(source) }
        }
        let present = state
        for state in State.allCases {
            metrics.add(Families.state, [name, state.rawValue], state == present ? 1 : 0)
        }
        let health = health(in: present).status
        for status in Health.Status.allCases {
            metrics.add(Families.health, [name, status.rawValue], status == health ? 1 : 0)
        }
        metrics.add(Families.callsInFlight, [name], gate.count)
        let (applied, refused) = updates.withLock { ($0.applied, $0.refused) }
        metrics.add(Families.configurations, [name, "applied"], applied)
        metrics.add(Families.configurations, [name, "refused"], refused)
    }

    /// What a module measures. The first label is its name.
    private enum Families {
        static let state = MetricFamily(
            "resilience.module.state", .gauge, labels: ["name", "state"], help: "The state a module is in, as 1.")
        static let health = MetricFamily(
            "resilience.module.health", .gauge, labels: ["name", "status"], help: "The health of a module, as 1.")
        static let callsInFlight = MetricFamily(
            "resilience.module.calls_in_flight", .gauge, labels: ["name"], help: "Calls that a module has let in.")
        static let configurations = MetricFamily(
            "resilience.module.configurations", .counter, labels: ["name", "kind"],
            help: "Configurations that were put in force, and that were refused or could not be loaded.")
    }
}

extension Registry.Entry {
    /// Adds what the component measures, under the name it is registered by where it has none of its own.
    func collect(into metrics: inout MetricCollection) {
        if let component = component as? any Component {
            component.collect(into: &metrics, named: name)
        } else if let source = component as? any MetricSource {
            metrics.collect(source)
        }
    }
}
