internal import Synchronization

/// Counts the events of the policies and strategies that it observes, by strategy, event and severity.
///
/// ```swift
/// let events = EventMetrics()
/// let payments = try Policy("payments", observers: [events]) {
///     CircuitBreaker.layer()
/// }
/// ```
///
/// Unlike ``CallMetrics`` it is an observer like any other: while it listens, strategies post the events of every call.
/// A counter appears with the first event of its kind; it is kept when the strategy has gone.
public final class EventMetrics: PolicyObserver, MetricSource {
    /// Events that deserve less attention are not counted.
    public let minimumSeverity: EventSeverity

    /// How many counters there may be. Further strategies are counted together, as `other`.
    public let maxCounters: Int

    private struct Key: Hashable {
        let strategy: String
        let event: String
        let severity: EventSeverity
    }

    private final class Counter: Sendable {
        let key: Key
        let count = Atomic<Int>(0)

        init(_ key: Key) {
            self.key = key
        }
    }

    /// Changes with the first event of a kind only, so that an event does not copy it from under a collection.
    private struct State {
        var counters: [Key: Counter] = [:]
        /// In the order in which they came.
        var ordered: [Counter] = []
        /// How many events were dropped, by strategy; as many as there are counters of ``EventsDropped``.
        var dropped: [String: Int] = [:]

        mutating func count(_ gap: Int, of strategy: String) {
            dropped[strategy] = (dropped[strategy] ?? 0).addingSaturated(gap)
        }

        mutating func counter(of key: Key, upTo limit: Int) -> Counter {
            if let counter = counters[key] { return counter }
            let isFull = ordered.count >= limit
            let key = isFull ? Key(strategy: "other", event: key.event, severity: key.severity) : key
            if isFull, let counter = counters[key] { return counter }
            let counter = Counter(key)
            counters[key] = counter
            ordered.append(counter)
            return counter
        }
    }

    private let state = Lock(State())

    /// Creates metrics of no events yet.
    ///
    /// - Parameters:
    ///   - minimumSeverity: Events that deserve less attention are not counted. Default: `info`, which leaves out those
    ///     that every call has.
    ///   - maxCounters: How many counters there may be before further strategies are counted together: a bound on
    ///     memory where strategies come and go. At least 1, smaller numbers count as 1. Default: 1000.
    public init(minimumSeverity: EventSeverity = .info, maxCounters: Int = 1000) {
        self.minimumSeverity = minimumSeverity
        self.maxCounters = max(1, maxCounters)
    }

    /// Counts an event.
    public func observe(_ event: some PolicyEvent) {
        // The event may be of a type of the user's: it is asked outside the lock.
        let severity = event.severity
        guard severity >= minimumSeverity else { return }
        let key = Key(strategy: event.source, event: event.name, severity: severity)
        let gap = (event as? EventsDropped)?.count
        let counter = state.withLock { state in
            let counter = state.counter(of: key, upTo: maxCounters)
            if let gap { state.count(gap, of: counter.key.strategy) }
            return counter
        }
        counter.count.wrappingAdd(1, ordering: .relaxed)
    }

    /// Adds the counts, in the order in which the events came to be heard of, and how many events were dropped.
    public func collect(into metrics: inout MetricCollection) {
        let (ordered, dropped) = state.withLock { ($0.ordered, $0.dropped) }
        for counter in ordered {
            let key = counter.key
            metrics.add(
                Self.family, [key.strategy, key.event, key.severity.metricName], counter.count.load(ordering: .relaxed))
        }
        for (strategy, count) in dropped.sorted(by: { $0.key < $1.key }) {
            metrics.add(Self.droppedFamily, [strategy], count)
        }
    }

    private static let family = MetricFamily(
        "resilience.events", .counter, labels: ["name", "event", "severity"],
        help: "Events of policies and strategies.")
    private static let droppedFamily = MetricFamily(
        "resilience.events.dropped", .counter, labels: ["name"],
        help: "Events that were dropped because observers were too slow, as far as they were told.")
}

extension EventSeverity {
    /// The name as the value of a label.
    fileprivate var metricName: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        }
    }
}
