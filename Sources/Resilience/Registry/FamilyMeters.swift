internal import ResilienceCore

/// What measures the calls of all members of a family for one `CallMetrics`: each layer has numbers of its own, which the
/// members share.
final class FamilyMeters: Sendable {
    private let ofPolicy: CallMetrics
    private let ofLayers = Lock<[CallMetrics]>([])
    private let root: CallMetrics

    init(for root: CallMetrics) {
        self.root = root
        ofPolicy = MeterPool(for: root).metrics
    }

    /// Measures a member; one that is measured already is not measured again.
    func attach(to policy: Policy, _ sharedLayers: [Bool]) {
        policy.measure(for: ofPolicy)
        let layers = policy.layers
        let measuring = ofLayers.withLock { metrics in
            while metrics.count < layers.count { metrics.append(MeterPool(for: root).metrics) }
            return metrics
        }
        for (place, layer) in layers.own(besides: sharedLayers).enumerated() {
            layer?.strategy.addObserver(measuring[place])
        }
    }
}
