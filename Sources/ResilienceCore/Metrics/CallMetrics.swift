internal import Synchronization

/// Counts the calls of the policies and strategies that it observes, and measures how long they take.
///
/// ```swift
/// let calls = CallMetrics()
/// let payments = try Policy("payments", observers: [calls]) {
///     CircuitBreaker.layer()
/// }
/// ```
///
/// What it measures: the calls of each policy by outcome, and their durations; the durations of calls through each
/// circuit breaker; the delays of each retry; the waits for a slot of each bulkhead; the steps of each fallback. A
/// rejected call has no duration. What a policy's layers count by themselves they tell without this.
///
/// It hears no events. A policy that is observed by nothing else posts none, and a call costs two readings of the clock
/// and a few atomic additions more; without durations, no reading of the clock. Numbers are kept as long as what they
/// are about.
public final class CallMetrics: PolicyObserver, MetricSource {
    /// The buckets of durations; `nil` if only calls are counted.
    public let buckets: HistogramBuckets?

    /// Where durations go as they are measured, in addition to the buckets.
    let durationSink: DurationSink?

    /// What those share that this measures; `nil` if each has numbers of its own.
    let pool: MeterPool?

    /// Whether durations are measured.
    var isTimed: Bool { buckets != nil || durationSink != nil }

    private struct State {
        var meters: [UInt64: Meter] = [:]
        var next: UInt64 = 0
    }

    private let state = Lock(State())

    /// Creates metrics of nothing yet.
    ///
    /// - Parameter buckets: How durations are sorted; `nil` to count calls only, which is cheaper.
    ///   Default: ``HistogramBuckets/standard``.
    public init(buckets: HistogramBuckets? = .standard) {
        self.buckets = buckets
        durationSink = nil
        pool = nil
    }

    /// Creates metrics that measure for others.
    init(_ pool: MeterPool) {
        buckets = pool.root.buckets
        durationSink = pool.root.durationSink
        self.pool = pool
    }

    /// Creates metrics whose durations go elsewhere, one by one. There are no buckets.
    ///
    /// - Parameter sink: Called once for every family and every combination of its labels, when something comes to be
    ///   measured; what it returns is called with each duration, in nanoseconds, within the calls and outside of all
    ///   locks. It is let go of when what is measured is.
    package init(sink: @escaping DurationSink) {
        buckets = nil
        durationSink = sink
        pool = nil
    }

    /// Makes what takes the durations of a family with these labels.
    package typealias DurationSink =
        @Sendable (_ family: MetricFamily, _ labels: [String]) -> @Sendable (_ nanoseconds: Int64) -> Void

    /// Does nothing: what is measured is told directly. It is an observer so that it is attached where those are, and
    /// with them to all layers.
    public func observe(_ event: some PolicyEvent) {}

    /// Adds the calls and durations, in the order in which the measured strategies came to be observed.
    public func collect(into metrics: inout MetricCollection) {
        let meters = state.withLock { $0.meters }.sorted { $0.key < $1.key }
        for (_, meter) in meters { metrics.collect(meter) }
    }

    /// What measures at a place of this name.
    func meter(_ subject: MeterSubject, _ name: String, _ layout: MeterPoint.Layout) -> Meter {
        if let pool { Meter(self, sharing: pool.meter(name, layout)) } else { Meter(self, subject, name, layout) }
    }

    func add(_ meter: Meter) {
        guard pool == nil else { return }
        state.withLock { state in
            state.meters[state.next] = meter
            meter.number.store(state.next, ordering: .relaxed)
            state.next &+= 1
        }
    }

    func remove(_ meter: Meter) {
        guard pool == nil else { return }
        _ = state.withLock { $0.meters.removeValue(forKey: meter.number.load(ordering: .relaxed)) }
    }
}
