internal import ResilienceCore

/// What layers and other things have counted that a module held once and does not now: replaced by a document, or taken
/// out.
///
/// The totals of a name include it, so that they never fall, and never rise by what was told before: a backend would
/// take that for new calls. Gauges are not carried.
final class MetricHistory: Sendable {
    private typealias Counts = [Key: MetricValue]

    private struct Key: Hashable {
        let family: MetricFamily
        let labels: [String]
    }

    /// Unchecked, because `Sendable` has no weak form: every object is a component or a strategy.
    private struct Departed: @unchecked Sendable {
        /// Goes on counting while calls run that began with it, and may come back.
        weak var object: AnyObject?
        let id: ObjectIdentifier
        /// Under which it is registered.
        let name: String
        /// As last read.
        var counts: Counts
    }

    /// A departed object, kept for as long as it is read. Unchecked for the same reason.
    private struct Reading: @unchecked Sendable {
        let object: AnyObject
        let id: ObjectIdentifier
        let name: String
    }

    private struct State {
        var departed: [Departed] = []
        /// The counts of what no longer exists.
        var past: Counts = [:]

        /// What there is to read, after what is gone has been added up.
        mutating func readings() -> [Reading] {
            for gone in departed where gone.object == nil {
                // Bounded, because names may come from outside. What is new then starts from nothing.
                for (key, value) in gone.counts where past[key] != nil || past.count < MetricHistory.limit {
                    past[key] = past[key]?.adding(value) ?? value
                }
            }
            departed.removeAll { $0.object == nil }
            return departed.compactMap { departed in
                departed.object.map { Reading(object: $0, id: departed.id, name: departed.name) }
            }
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
            _ = state.readings()
            for new in new where !state.departed.contains(where: { $0.id == new.id }) { state.departed.append(new) }
        }
    }

    /// Reads what may be about to go, once no call runs any more that counts.
    func readForTheLastTime(_ components: [any Sendable]) {
        let ids = components.compactMap { Self.object($0).map { ObjectIdentifier($0) } }
        let readings = state.withLock { $0.readings() }
        _ = read(readings.filter { ids.contains($0.id) })
    }

    /// Adds what is gone to what has been collected under the same names.
    func add(to metrics: inout MetricCollection) {
        let (readings, past) = state.withLock { state in (state.readings(), state.past) }
        let present = read(readings)
        for (key, value) in past { metrics.increase(key.family, key.labels, by: value) }
        // What has come back tells of itself.
        for (reading, counts) in present where !metrics.hasCollected(reading.object) {
            for (key, value) in counts { metrics.increase(key.family, key.labels, by: value) }
        }
    }

    private func read(_ readings: [Reading]) -> [(Reading, Counts)] {
        // Outside the lock: a source may be the user's.
        let present = readings.map { ($0, Self.read($0.object, $0.name)) }
        return state.withLock { state in
            present.map { reading, counts in
                guard let index = state.departed.firstIndex(where: { $0.id == reading.id }) else {
                    return (reading, counts)
                }
                state.departed[index].counts.merge(counts) { $0.later($1) }
                return (reading, state.departed[index].counts)
            }
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
    /// What counts: the layers of a policy, also those it was declared with; otherwise the thing itself, and of what
    /// goes around a policy that alone.
    var counting: [(component: any Sendable, name: String)] {
        guard let managed else { return [(measured, name)] }
        let layers = managed.layers + (managed.pipeline === managed.declared ? [] : managed.declared.policy.layers)
        return layers.map { ($0.component, name) }
    }
}
