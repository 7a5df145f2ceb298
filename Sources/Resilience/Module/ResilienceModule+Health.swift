internal import CircuitBreakers
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
            /// Something critical does not work, or the module lets no call in.
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
        /// Why not better, in the order of registration. Empty if healthy.
        public let reasons: [Reason]

        init(_ reasons: [Reason]) {
            self.reasons = reasons
            status = reasons.isEmpty ? .healthy : reasons.contains(where: \.isCritical) ? .down : .degraded
        }
    }

    /// Whether everything works now. For a readiness probe: answer 503 while it is ``Health/Status/down``.
    public var health: Health {
        var reasons: [Health.Reason] = []
        let state = state
        if state == .draining || state == .stopped {
            reasons.append(
                Health.Reason(
                    subject: "resilience module \"\(name)\"", complaint: "lets no call in: it is \(state)",
                    isCritical: true))
        }
        for entry in registry.withLock({ $0.all }) {
            let strategies =
                entry.managed.map { $0.layers.map(\.strategy) } ?? (entry.component as? any Strategy).map { [$0] } ?? []
            for case let pattern as any Pattern in strategies {
                guard let complaint = pattern.complaint else { continue }
                reasons.append(
                    Health.Reason(
                        subject: "\(type(of: pattern).kind.title) \"\(pattern.name)\"", complaint: complaint.text,
                        isCritical: entry.isCritical && complaint.isOutage))
            }
        }
        return Health(reasons)
    }
}

/// What is the matter with a strategy.
struct Complaint {
    let text: String
    /// Whether it lets nothing through.
    let isOutage: Bool
}
