internal import ResilienceCore

/// What layers and other things have counted that a module held once and does not now: replaced by a document, or taken out.
///
/// The totals of a name include it, so that they never fall, and never rise by what was told before: a backend would take
/// that for new calls. Gauges are not carried.
final class MetricHistory: Sendable {
    private typealias Counts = [Key: MetricValue]

    private struct Key: Hashable {
        let family: MetricFamily
        let labels: [String]
    }

    private struct Departed {
        /// Goes on counting while calls run that began with it, and may come back.
        weak var object: AnyObject?
        let id: ObjectIdentifier
        /// Under which it is registered.
        let name: String
        /// As last read.
        var counts: Counts
    }

    private struct State {
        var departed: [Departed] = []
        /// The counts of what there is no more.
        var past: Counts = [:]

        mutating func bury() {
            for departed in departed where departed.object == nil {
                // Bounded, for names may come from outside. What is new then starts from nothing.
                for (key, value) in departed.counts where past[key] != nil || past.count < MetricHistory.limit {
                    past[key] = past[key]?.adding(value) ?? value
                }
            }
            departed.removeAll { $0.object == nil }
        }
    }

    /// The most series of names that are gone.
    private static let limit = 20_000

    private let state = Lock(State())

    /// Notes what is not held any more. What is no object is left out.
    func note(_ components: [(component: any Sendable, name: String)]) {
        let new = components.compactMap { component, name -> Departed? in
            guard let object = Self.object(component) else { return nil }
            return Departed(object: object, id: ObjectIdentifier(object), name: name, counts: Self.read(object, name))
        }
        guard !new.isEmpty else { return }
        state.withLock { state in
            state.bury()
            for new in new where !state.departed.contains(where: { $0.id == new.id }) { state.departed.append(new) }
        }
    }

    /// Adds what is gone to what has been collected under the same names.
    func add(to metrics: inout MetricCollection) {
        let (departed, past) = state.withLock { state in
            state.bury()
            return (state.departed.map { ($0.object, $0.id, $0.name) }, state.past)
        }
        for (key, value) in past { metrics.increase(key.family, key.labels, by: value) }
        for (object, id, name) in departed {
            guard let object else { continue }
            // Read outside the lock: a source may be the user's.
            let counts = Self.read(object, name)
            let latest = state.withLock { state -> Counts in
                guard let index = state.departed.firstIndex(where: { $0.id == id }) else { return counts }
                state.departed[index].counts.merge(counts) { $0.later($1) }
                return state.departed[index].counts
            }
            // What has come back tells of itself.
            guard !metrics.hasCollected(object) else { continue }
            for (key, value) in latest { metrics.increase(key.family, key.labels, by: value) }
        }
    }

    private static func read(_ object: AnyObject, _ name: String) -> Counts {
        var metrics = MetricCollection()
        if let component = object as? any Component {
            component.collect(into: &metrics, named: name)
        } else if let source = object as? any MetricSource {
            metrics.collect(source)
        }
        var counts: Counts = [:]
        for entry in metrics.entries where entry.family.kind != .gauge {
            for sample in entry.samples { counts[Key(family: entry.family, labels: sample.labels)] = sample.value }
        }
        return counts
    }

    /// The object itself, not one that a value is boxed in.
    static func object(_ component: any Sendable) -> AnyObject? {
        type(of: component) is AnyClass ? component as AnyObject : nil
    }
}

extension Registry.Entry {
    /// What counts: the layers of a policy, also those it was declared with; otherwise the thing itself, and of what goes
    /// around a policy that alone.
    var counting: [(component: any Sendable, name: String)] {
        guard let managed else { return [(measured, name)] }
        let layers = managed.layers + (managed.pipeline === managed.declared ? [] : managed.declared.policy.layers)
        return layers.map { ($0.strategy, name) }
    }
}
