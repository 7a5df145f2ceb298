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

    /// A departed object, kept for as long as it is read.
    private struct Reading: @unchecked Sendable {
        let object: AnyObject
        let id: ObjectIdentifier
        let name: String
    }

    private struct State {
        var departed: [Departed] = []
        /// Layers that were replaced, until no call runs through them.
        var pipelines: [ManagedPolicy.Pipeline] = []
        /// The counts of what there is no more.
        var past: Counts = [:]

        /// What there is to read, after what is gone has been added up.
        mutating func readings() -> [Reading] {
            for gone in departed where gone.object == nil {
                // Bounded, for names may come from outside. What is new then starts from nothing.
                for (key, value) in gone.counts where past[key] != nil || past.count < MetricHistory.limit {
                    past[key] = past[key]?.adding(value) ?? value
                }
            }
            departed.removeAll { $0.object == nil }
            return departed.compactMap { departed in
                departed.object.map { Reading(object: $0, id: departed.id, name: departed.name) }
            }
        }

        /// The layers that no call runs through. Nobody else can begin one.
        mutating func idlePipelines() -> [ManagedPolicy.Pipeline] {
            var idle: [ManagedPolicy.Pipeline] = []
            for index in pipelines.indices where isKnownUniquelyReferenced(&pipelines[index]) {
                idle.append(pipelines[index])
            }
            return idle
        }
    }

    /// The most series of names that are gone.
    private static let limit = 20_000

    private let state = Lock(State())

    /// Notes what is not held any more. What is no object is left out.
    ///
    /// - Parameter pipeline: The layers they were, through which calls may still run.
    func note(_ components: [(component: any Sendable, name: String)], of pipeline: ManagedPolicy.Pipeline? = nil) {
        let new = components.compactMap { component, name -> Departed? in
            guard let object = Self.object(component) else { return nil }
            return Departed(object: object, id: ObjectIdentifier(object), name: name, counts: Self.read(object, name))
        }
        guard !new.isEmpty else { return }
        _ = read()
        state.withLock { state in
            for new in new where !state.departed.contains(where: { $0.id == new.id }) { state.departed.append(new) }
            if let pipeline, !state.pipelines.contains(where: { $0 === pipeline }) { state.pipelines.append(pipeline) }
        }
    }

    /// Adds what is gone to what has been collected under the same names.
    func add(to metrics: inout MetricCollection) {
        let (past, present) = read()
        for (key, value) in past { metrics.increase(key.family, key.labels, by: value) }
        // What has come back tells of itself.
        for (reading, counts) in present where !metrics.hasCollected(reading.object) {
            for (key, value) in counts { metrics.increase(key.family, key.labels, by: value) }
        }
    }

    /// Reads what there still is, and lets go of layers that no call runs through any more.
    private func read() -> (past: Counts, present: [(Reading, Counts)]) {
        let (readings, idle, past) = state.withLock { state in (state.readings(), state.idlePipelines(), state.past) }
        // Outside the lock: a source may be the user's.
        let present = readings.map { ($0, Self.read($0.object, $0.name)) }
        let latest = state.withLock { state in
            let latest = present.map { reading, counts -> (Reading, Counts) in
                guard let index = state.departed.firstIndex(where: { $0.id == reading.id }) else {
                    return (reading, counts)
                }
                state.departed[index].counts.merge(counts) { $0.later($1) }
                return (reading, state.departed[index].counts)
            }
            state.pipelines.removeAll { pipeline in idle.contains { $0 === pipeline } }
            return latest
        }
        return (past, latest)
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
