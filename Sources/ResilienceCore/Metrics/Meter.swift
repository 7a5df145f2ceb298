internal import Synchronization

/// What is measured, by whatever metrics and at however many places: its identity says which values are of one thing.
package final class MeterSubject: Sendable {
    package init() {}
}

/// What one ``CallMetrics`` measures at one place.
final class Meter: Sendable {
    let owner: CallMetrics
    let subject: MeterSubject
    let number = Atomic<UInt64>(0)
    let next = MeterLink()

    private let layout: MeterPoint.Layout
    /// The labels of each kind.
    private let labels: [[String]]
    /// Of the kinds that are timed, if they are.
    private let histograms: [DurationHistogram]
    /// What takes the durations of each kind that is timed, one by one; empty if nothing does.
    private let sinks: [@Sendable (Int64) -> Void]
    private let counters: [Counter]

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    init(_ owner: CallMetrics, _ subject: MeterSubject, _ name: String, _ layout: MeterPoint.Layout) {
        self.owner = owner
        self.subject = subject
        self.layout = layout
        labels = layout.kinds.map { $0.isEmpty ? [name] : [name, $0] }
        histograms =
            owner.buckets.map { buckets in
                (0..<layout.timedKinds).map { _ in DurationHistogram(buckets) }
            } ?? []
        let timed = labels.prefix(layout.timedKinds)
        sinks = owner.durationSink.map { sink in timed.map { sink(layout.durations, $0) } } ?? []
        counters = layout.kinds.indices.dropFirst(histograms.count).map { _ in Counter() }
    }

    /// What measures elsewhere into the same numbers as another.
    init(_ owner: CallMetrics, sharing other: Meter) {
        self.owner = owner
        subject = other.subject
        (layout, labels, histograms) = (other.layout, other.labels, other.histograms)
        (sinks, counters) = (other.sinks, other.counters)
    }

    var isTimed: Bool { !histograms.isEmpty || !sinks.isEmpty }

    /// A call that began before its duration was of interest has none, and is left out where durations are measured.
    func record(_ kind: Int, nanoseconds: Int64?) {
        if kind < histograms.count {
            if let nanoseconds { histograms[kind].record(nanoseconds: nanoseconds) }
        } else {
            counters[kind - histograms.count].value.wrappingAdd(1, ordering: .relaxed)
            if kind < sinks.count, let nanoseconds { sinks[kind](nanoseconds) }
        }
    }

    /// Adds what no other has measured of the same thing.
    func collect(into metrics: inout MetricCollection) {
        for (index, labels) in labels.enumerated() {
            let count: Int
            if index < histograms.count {
                let snapshot = histograms[index].snapshot
                metrics.addMissing(layout.durations, labels, .histogram(snapshot))
                // From the same reading, so that both families agree.
                count = snapshot.count
            } else {
                count = counters[index - histograms.count].value.load(ordering: .relaxed)
            }
            if let calls = layout.calls { metrics.addMissing(calls, labels, .integer(count)) }
        }
    }
}

/// The place in a strategy where calls are measured by whichever ``CallMetrics`` observe it.
///
/// A list that only grows, so that a call walks it without a lock. The strategy passes every observer it is given to
/// ``attach(_:)``, and asks ``isAttached`` and ``isTimed`` before it reads the clock.
package final class MeterPoint: Sendable {
    /// What is measured at a place.
    package struct Layout: Sendable {
        /// The family of the calls by kind; `nil` if the strategy counts them itself.
        package let calls: MetricFamily?
        /// The family of the durations.
        package let durations: MetricFamily
        /// The values of the label that follows the name, those with durations first. One empty kind if there is no
        /// such label.
        package let kinds: [String]
        /// How many of the kinds have durations.
        package let timedKinds: Int

        package init(calls: MetricFamily? = nil, durations: MetricFamily, kinds: [String] = [""], timedKinds: Int) {
            self.calls = calls
            self.durations = durations
            self.kinds = kinds
            self.timedKinds = timedKinds
        }
    }

    /// What is measured goes by this name.
    package let name: String
    package let subject: MeterSubject
    private let layout: Layout
    private let first = MeterLink()
    /// 0: nothing is measured; 1: calls are counted; 2: and timed.
    private let level = Atomic<UInt8>(0)

    /// - Parameter subject: What is measured. Default: a thing of its own.
    package init(
        _ name: String, _ layout: Layout, _ observers: [any PolicyObserver], of subject: MeterSubject = MeterSubject()
    ) {
        self.name = name
        self.subject = subject
        self.layout = layout
        for observer in observers { attach(observer) }
    }

    /// Measures for an observer from now on, if it is a `CallMetrics` and does not yet.
    package func attach(_ observer: any PolicyObserver) {
        guard let metrics = observer as? CallMetrics, layout.calls != nil || metrics.isTimed else { return }
        let new = metrics.meter(subject, name, layout)
        var present = first.append(new)
        while let meter = present {
            if meter.owner === metrics { return }
            present = meter.next.append(new)
        }
        metrics.add(new)
        let wanted: UInt8 = new.isTimed ? 2 : 1
        level.max(wanted, ordering: .releasing)
    }

    /// The family of the calls; `nil` if the strategy counts them itself.
    var callFamily: MetricFamily? { layout.calls }

    /// The metrics that measure.
    package var owners: [CallMetrics] {
        var owners: [CallMetrics] = []
        first.forEach { owners.append($0.owner.pool?.root ?? $0.owner) }
        return owners
    }

    /// Whether calls are measured. Relaxed: a meter measures from about the moment it was attached.
    package var isAttached: Bool { level.load(ordering: .relaxed) > 0 }

    /// Whether durations are measured.
    package var isTimed: Bool { level.load(ordering: .relaxed) > 1 }

    /// Counts a call of a kind, by its position in the layout; the duration is for kinds that have one.
    package func record(_ kind: Int, nanoseconds: Int64?) {
        first.record(kind, nanoseconds: nanoseconds)
    }

    deinit {
        first.removeAll()
    }
}

/// The end of a list of meters, or the rest of it. Set once, and owning.
///
/// An `AtomicLazyReference` by hand: that of the library is not specialised, and loading it takes longer than all the
/// rest of a measurement.
struct MeterLink: ~Copyable {
    private let address = Atomic<UInt>(0)

    private var meter: Unmanaged<Meter>? {
        UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring)).map { Unmanaged.fromOpaque($0) }
    }

    /// Returns the meter that is here already; `nil` if the new one took the place.
    func append(_ new: Meter) -> Meter? {
        let retained = Unmanaged.passRetained(new)
        let (exchanged, _) = address.compareExchange(
            expected: 0, desired: UInt(bitPattern: retained.toOpaque()), ordering: .acquiringAndReleasing)
        if exchanged { return nil }
        retained.release()
        return meter?.takeUnretainedValue()
    }

    /// Records in all that follow, without counting references: they stay as long as the place that owns the list.
    func record(_ kind: Int, nanoseconds: Int64?) {
        meter?._withUnsafeGuaranteedRef { meter in
            meter.record(kind, nanoseconds: nanoseconds)
            meter.next.record(kind, nanoseconds: nanoseconds)
        }
    }

    func forEach(_ body: (Meter) -> Void) {
        guard let meter = meter?.takeUnretainedValue() else { return }
        body(meter)
        meter.next.forEach(body)
    }

    func removeAll() {
        guard let meter = meter?.takeUnretainedValue() else { return }
        meter.next.removeAll()
        meter.owner.remove(meter)
    }

    deinit {
        meter?.release()
    }
}
