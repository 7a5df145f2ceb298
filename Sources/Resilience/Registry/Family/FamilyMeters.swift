internal import ResilienceCore

/// What measures the calls of all members of a family for one `CallMetrics`: each layer has numbers of its own, which
/// the members share.
final class FamilyMeters: Sendable {
    private let ofPolicy: CallMetrics
    private let ofLayers = Lock<[CallMetrics]>([])
    private let root: CallMetrics

    private let subjects: FamilySubjects

    init(for root: CallMetrics, of subjects: FamilySubjects) {
        self.root = root
        self.subjects = subjects
        ofPolicy = MeterPool(for: root, of: subjects.ofPolicy).metrics
    }

    /// Measures a member; one that is measured already is not measured again.
    func attach(to policy: Policy, _ sharedLayers: [Bool]) {
        policy.measure(for: ofPolicy)
        let layers = policy.layers
        let measuring = ofLayers.withLock { metrics in
            while metrics.count < layers.count {
                metrics.append(MeterPool(for: root, of: subjects.ofLayer(metrics.count)).metrics)
            }
            return metrics
        }
        for (place, layer) in layers.own(besides: sharedLayers).enumerated() {
            layer?.strategy.addObserver(measuring[place])
        }
    }
}

/// What is measured of a family, the same for every `CallMetrics`: two that measure one family tell of one thing.
final class FamilySubjects: Sendable {
    let ofPolicy = MeterPool.Subjects()
    private let layers = Lock<[MeterPool.Subjects]>([])

    func ofLayer(_ place: Int) -> MeterPool.Subjects {
        layers.withLock { layers in
            while layers.count <= place { layers.append(MeterPool.Subjects()) }
            return layers[place]
        }
    }
}
