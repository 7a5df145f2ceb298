public import ResilienceCore

extension FleetCircuit {
    /// What happens in a fleet's circuit, as one node sees it.
    public enum EventKind: PolicyEventKind {
        /// The fleet's circuit opened, its probes have failed, or it was opened by hand: no node calls the service
        /// for this long. The counts and witnesses are zero unless they are why.
        case opened(breakLength: Duration, counts: SharedCounts, nodes: Int, witnesses: Int)
        /// The fleet's circuit closed.
        case closed
        /// This node finds out for the fleet whether the service works, for at most this long.
        case leased(Duration)
        /// It took this node too long, and another may find out.
        case leaseLost
        /// The store cannot be reached: the breaker goes by its own rules. Told once, until it can.
        case degraded(any Error)
        /// The store can be reached again, after this long.
        case recovered(after: Duration)

        /// A warning where something stopped working, otherwise info.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .opened: ("fleet_circuit.opened", .warning)
            case .closed: ("fleet_circuit.closed", .info)
            case .leased: ("fleet_circuit.leased", .info)
            case .leaseLost: ("fleet_circuit.lease_lost", .info)
            case .degraded: ("fleet_circuit.degraded", .warning)
            case .recovered: ("fleet_circuit.recovered", .info)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            let circuit = "fleet circuit \"\(source)\""
            return switch self {
            case .opened(let length, let counts, _, _) where counts == SharedCounts():
                "\(circuit) opened for \(length.sentenceForm)"
            case .opened(let length, let counts, let nodes, let witnesses):
                "\(circuit) opened for \(length.sentenceForm): \(counts.failures) of \(counts.calls) calls failed, as "
                    + "\(witnesses) of \(nodes) nodes see by themselves"
            case .closed: "\(circuit) closed"
            case .leased(let length): "\(circuit) is probed by this node, for at most \(length.sentenceForm)"
            case .leaseLost: "\(circuit) is no longer probed by this node, which took too long"
            case .degraded(let error): "\(circuit) goes by this node alone: \(error)"
            case .recovered(let length): "\(circuit) is shared again, after \(length.sentenceForm)"
            }
        }
    }

    /// Something that happened in a fleet's circuit.
    public typealias Event = SourcedEvent<EventKind>
}

extension FleetCircuit.EventKind: EventContent {
    package var subject: EventSubject { if case .degraded = self { .failure } else { .change } }

    package func add(to details: inout EventDetails) {
        switch self {
        case .opened(let length, let counts, let nodes, let witnesses):
            details.add(seconds: "break", length)
            details.add("calls", counts.calls)
            details.add("failures", counts.failures)
            details.add("slow_calls", counts.slow)
            details.add("nodes", nodes)
            details.add("witnesses", witnesses)
        case .closed, .leaseLost: break
        case .leased(let length): details.add(seconds: "lease", length)
        case .degraded(let error): details.add(error)
        case .recovered(let length): details.add(seconds: "after", length)
        }
    }
}
