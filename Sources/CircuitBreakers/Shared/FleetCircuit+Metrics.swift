public import ResilienceCore

extension FleetCircuit: MetricSource {
    /// Adds the fleet's state, the nodes and the exchanges, as this node knows them now.
    public func collect(into metrics: inout MetricCollection) {
        let (shared, totals, isDegraded) = state.withLock { ($0.known, $0.totals, $0.outage.isPresent) }
        let present =
            switch shared.phase {
            case .closed: "closed"
            case .open: "open"
            case .probing: "half_open"
            }
        for state in ["closed", "open", "half_open"] {
            metrics.add(Families.state, [name, state], state == present ? 1 : 0)
        }
        metrics.add(Families.degraded, [name], isDegraded ? 1 : 0)
        metrics.add(Families.exchanges, [name, "succeeded"], totals.succeededExchanges)
        metrics.add(Families.exchanges, [name, "failed"], totals.failedExchanges)
        metrics.add(Families.leases, [name], totals.leases)
        metrics.add(Families.nodes, [name, "counting"], shared.nodes)
        metrics.add(Families.nodes, [name, "failing"], shared.witnesses)
    }

    /// What a node measures of its fleet. The first label is the circuit's name.
    enum Families {
        static let state = MetricFamily(
            "resilience.fleet_circuit.state", .gauge, labels: ["name", "state"],
            help: "1 for the state a fleet's circuit is in, as far as this node knows, 0 for the others.")
        static let degraded = MetricFamily(
            "resilience.fleet_circuit.degraded", .gauge, labels: ["name"],
            help: "1 while the store of a fleet's circuit cannot be reached.")
        static let exchanges = MetricFamily(
            "resilience.fleet_circuit.exchanges", .counter, labels: ["name", "kind"],
            help: "Exchanges of this node with the store of a fleet's circuit.")
        static let leases = MetricFamily(
            "resilience.fleet_circuit.leases", .counter, labels: ["name"],
            help: "How often this node was the one that probes for a fleet.")
        static let nodes = MetricFamily(
            "resilience.fleet_circuit.nodes", .gauge, labels: ["name", "kind"], combination: .largest,
            help: "Nodes that have counted calls in the window, and those that see the service fail by themselves.")
    }
}
