internal import ResilienceCore

/// What the layers of all members of a family have counted together, also of those that are gone.
///
/// A member is among those that live or has been added to what is gone, in one step, so that no total ever falls.
final class FamilyNumbers: Sendable {
    private struct State {
        var members: [ObjectIdentifier: MemberState] = [:]
        /// By the place of the layer.
        var gone: [MetricSums]
    }

    private let state: Lock<State>

    /// - Parameter layers: Those of a member that is never used: what is there from the start, at zero.
    init(_ layers: [LayerDescription?]) {
        state = Lock(State(gone: layers.map { $0.map { MetricSums(of: $0.strategy, asNew: true) } ?? MetricSums() }))
    }

    func add(_ member: MemberState) {
        state.withLock { $0.members[ObjectIdentifier(member)] = member }
    }

    /// Takes over what a member has counted.
    func retire(_ member: MemberState) {
        // Read outside the lock, because layers may be the user's; no call goes through them any more.
        let counted = member.layers.map { $0.map { MetricSums(of: $0.strategy) } }
        state.withLock { state in
            guard state.members.removeValue(forKey: ObjectIdentifier(member)) != nil else { return }
            for (place, sums) in zip(state.gone.indices, counted) {
                if let sums { state.gone[place].addCounters(of: sums) }
            }
        }
    }

    /// Adds the sums of each layer, each as a source of its own, so that layers of one name stay apart.
    func collect(into metrics: inout MetricCollection) {
        let (members, gone) = state.withLock { (Array($0.members.values), $0.gone) }
        for (place, sums) in gone.enumerated() {
            var sums = sums
            for member in members {
                guard member.layers.indices.contains(place), let layer = member.layers[place] else { continue }
                sums.add(MetricSums(of: layer.strategy))
            }
            metrics.collect(sums)
        }
    }
}

/// The values of several sources of one kind, made one by what each family of values says.
struct MetricSums: MetricSource {
    private struct Place: Hashable {
        let family: MetricFamily
        let labels: [String]
    }

    /// In the order in which they were first met.
    private var places: [Place] = []
    private var values: [Place: MetricValue] = [:]

    init() {}

    /// - Parameter asNew: Only what there is, not how much: gauges are zero, or not a number where none is told.
    init(of source: any Strategy, asNew: Bool = false) {
        var metrics = MetricCollection()
        metrics.collect(source)
        for entry in metrics.entries {
            for sample in entry.samples {
                var value = sample.value
                if asNew, entry.family.kind == .gauge {
                    value = entry.family.combination == .sum ? .integer(0) : .number(.nan)
                }
                add(Place(family: entry.family, labels: sample.labels), value)
            }
        }
    }

    mutating func add(_ other: MetricSums) {
        for place in other.places {
            if let value = other.values[place] { add(place, value) }
        }
    }

    mutating func addCounters(of other: MetricSums) {
        for place in other.places where place.family.kind != .gauge {
            if let value = other.values[place] { add(place, value) }
        }
    }

    private mutating func add(_ place: Place, _ value: MetricValue) {
        guard let present = values[place] else {
            places.append(place)
            values[place] = value
            return
        }
        values[place] = present.combined(with: value, by: place.family.combination)
    }

    func collect(into metrics: inout MetricCollection) {
        for place in places {
            if let value = values[place] { metrics.add(place.family, place.labels, value) }
        }
    }
}

extension MetricValue {
    /// Two values as one. What is not a number has nothing to tell.
    fileprivate func combined(with other: MetricValue, by combination: MetricFamily.Combination) -> MetricValue {
        switch (self, other) {
        case (.integer(let one), .integer(let two)):
            return .integer(combination == .sum ? one.addingSaturated(two) : max(one, two))
        case (.histogram(let one), .histogram(let two)): return .histogram(one.adding(two) ?? one)
        case (.histogram, _), (_, .histogram): return self
        default:
            guard let one = number, !one.isNaN else { return other }
            guard let two = other.number, !two.isNaN else { return self }
            return .number(combination == .sum ? one + two : max(one, two))
        }
    }
}
