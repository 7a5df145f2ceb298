public import ResilienceCore

extension ResilienceModule {
    /// Everything a module holds, with what it has seen and how it is: for a status page, a probe or a report.
    public struct Snapshot: Sendable, Hashable, Codable {
        /// The module.
        public let module: String
        /// The state of the module.
        public let state: State
        /// Whether everything works.
        public let health: Health
        /// Calls that are in.
        public let callsInFlight: Int
        /// The policies, in the order of registration.
        public let policies: [PolicyStatus]
        /// What is registered by itself, in the order of registration: patterns, budgets, hedges, fallbacks, families.
        public let components: [Status]
    }

    /// A policy in a ``Snapshot``.
    public struct PolicyStatus: Sendable, Hashable, Codable {
        /// The name of the policy.
        public let name: String
        /// Its layers, outermost first.
        public let layers: [Status]
    }

    /// A strategy, or something else that is registered, in a ``Snapshot``.
    public struct Status: Sendable, Hashable, Codable, CustomStringConvertible {
        /// What it is: `circuit breaker`.
        public let kind: String
        /// Its name.
        public let name: String
        /// What is the matter with it, as the end of a sentence: `is open`; `nil` if nothing is.
        public let complaint: String?
        /// The settings in force, as a document writes them; `nil` if documents do not know it.
        public let settings: ConfigurationValue?
        /// What it measures, under the names of the metrics and, in braces, what tells series of one metric apart.
        public let measurements: [String: Double]

        /// `circuit breaker "payments" is open: circuit_breaker.calls{kind=failed} 5, …`, without what is zero.
        public var description: String {
            let shown = measurements.filter { $0.value != 0 }.sorted { $0.key < $1.key }
                .map { "\($0.key) \($0.value.plain)" }
            return "\(kind) \"\(name)\"" + (complaint.map { " \($0)" } ?? "") + ": "
                + (shown.isEmpty ? "nothing seen" : shown.joined(separator: ", "))
        }
    }

    /// Everything the module holds, now. Also what was never used.
    public var snapshot: Snapshot { snapshot(as: state) }

    func snapshot(as state: State) -> Snapshot {
        let entries = registry.withLock { $0.all }
        let names = documentEnvironment
        return Snapshot(
            module: name, state: state, health: health(in: state), callsInFlight: gate.count,
            policies: entries.compactMap { entry in
                entry.managed.map { managed in
                    PolicyStatus(
                        name: entry.name,
                        layers: managed.layers.map { layer in
                            let component = layer.component
                            let pattern = component as? any LayerPattern
                            return Status(
                                component, (component as? any Component)?.kindTitle ?? layer.pattern,
                                pattern?.name ?? layer.detail, layer.tuning?.document(in: names))
                        })
                }
            },
            components: entries.filter { $0.managed == nil }.map { entry in
                Status(entry.measured, entry.kind.title, entry.name, entry.document(in: names))
            })
    }
}

extension Component {
    fileprivate var kindTitle: String { Self.kind.title }
}

extension Registry.Entry {
    /// What is told of something registered by itself: of what goes around a policy, that alone.
    var measured: any Sendable {
        (component as? any PolicyCover)?.own ?? component
    }

    /// The settings in force; `nil` if documents do not know it.
    func document(in names: DocumentEnvironment) -> ConfigurationValue? {
        family?.document(in: names) ?? tuning?.document(in: names)
    }
}

extension ResilienceModule.Status {
    fileprivate init(_ component: any Sendable, _ kind: String, _ name: String, _ settings: ConfigurationValue?) {
        var metrics = MetricCollection()
        if let component = component as? any Component {
            component.collect(into: &metrics, named: name)
        } else if let source = component as? any MetricSource {
            metrics.collect(source)
        }
        var measurements: [String: Double] = [:]
        for entry in metrics.entries {
            for sample in entry.samples {
                guard let number = sample.value.number, number.isFinite else { continue }
                measurements[entry.family.shortName(sample.labels)] = number
            }
        }
        self.init(
            kind: kind, name: name, complaint: (component as? any Component)?.complaint?.text, settings: settings,
            measurements: measurements)
    }
}

extension MetricValue {
    /// As one number; of a histogram how many durations it holds.
    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .histogram(let durations): Double(durations.count)
        }
    }
}

extension MetricFamily {
    /// `circuit_breaker.calls{kind=failed}`: without what every name begins with, and without the name of what is
    /// measured.
    fileprivate func shortName(_ values: [String]) -> String {
        let prefix = "resilience."
        let short = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
        let shown = zip(labels, values).dropFirst().map { "\($0)=\($1)" }
        return shown.isEmpty ? short : "\(short){\(shown.joined(separator: ","))}"
    }
}

extension Double {
    /// Without the decimals of whole numbers.
    fileprivate var plain: String { Int(exactly: self).map(String.init) ?? String(self) }
}
