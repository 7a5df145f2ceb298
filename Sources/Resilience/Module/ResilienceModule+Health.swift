internal import ResilienceCore

extension ResilienceModule {
    /// Whether what a module holds can do its work, and if not, why.
    public struct Health: Sendable, Hashable, Codable {
        /// How well.
        public enum Status: String, Sendable, Hashable, Codable, CaseIterable {
            /// Everything works.
            case healthy
            /// Something does not work, but nothing critical.
            case degraded
            /// Something critical does not work, or the module lets no call in, or is about to.
            case down
        }

        /// Why it is not healthy.
        public struct Reason: Sendable, Hashable, Codable, CustomStringConvertible {
            /// What it is: `circuit breaker "payments"`.
            public let subject: String
            /// What is the matter, as the end of a sentence: `is open`.
            public let complaint: String
            /// Whether this alone makes the module ``Status/down``.
            public let isCritical: Bool

            /// `circuit breaker "payments" is open`
            public var description: String { "\(subject) \(complaint)" }
        }

        /// How well.
        public let status: Status
        /// Why not better, in the order of registration; what several policies share once. Empty if healthy.
        public let reasons: [Reason]

        init(_ reasons: [Reason]) {
            self.reasons = reasons
            status = reasons.isEmpty ? .healthy : reasons.contains(where: \.isCritical) ? .down : .degraded
        }
    }

    /// Whether everything works now. For a readiness probe: answer 503 while it is ``Health/Status/down``.
    ///
    /// The reasons are circuit breakers that are open, isolated or half-open; bulkheads whose limit is 0; throttles
    /// that reject at least half of the calls; families with keys whose breaker is open; and a module that lets no call
    /// in or is about to.
    public var health: Health { health(in: state) }

    func health(in state: State) -> Health {
        var reasons: [Health.Reason] = []
        if state >= .closing {
            let complaint = state == .closing ? "is about to let no call in" : "lets no call in: it is \(state)"
            reasons.append(
                Health.Reason(subject: "resilience module \"\(name)\"", complaint: complaint, isCritical: true))
        }
        var places: [ObjectIdentifier: Int] = [:]
        for entry in registry.withLock({ $0.all }) {
            for (subject, component) in entry.parts {
                guard let complaint = component.complaint else { continue }
                let isCritical = entry.isCritical && complaint.isOutage
                let object = type(of: component) is AnyClass ? ObjectIdentifier(component as AnyObject) : nil
                if let place = object.flatMap({ places[$0] }) {
                    // Shared: critical to one of those that share it is enough.
                    guard isCritical, !reasons[place].isCritical else { continue }
                    reasons[place] = Health.Reason(subject: subject, complaint: complaint.text, isCritical: true)
                } else {
                    if let object { places[object] = reasons.count }
                    reasons.append(
                        Health.Reason(subject: subject, complaint: complaint.text, isCritical: isCritical))
                }
            }
        }
        return Health(reasons)
    }
}

extension Registry.Entry {
    /// What can be in trouble: the layers of a policy, or the thing itself.
    fileprivate var parts: [(subject: String, component: any Component)] {
        let components: [(name: String, component: any Component)]
        if let managed {
            components = managed.layers.compactMap { layer in
                let component = layer.component
                return (component as? any Component).map { ((component as? any LayerPattern)?.name ?? "", $0) }
            }
        } else {
            components = (component as? any Component).map { [(name, $0)] } ?? []
        }
        return components.map { name, component in
            ("\(type(of: component).kind.title) \"\(name.isEmpty ? self.name : name)\"", component)
        }
    }
}
