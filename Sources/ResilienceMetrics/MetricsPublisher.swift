#if Metrics
    public import CoreMetrics
    public import Resilience

    /// Publishes what policies measure to a backend of swift-metrics.
    ///
    /// A module does it for all that it holds, with one line, `resilience.publishMetrics()`. For policies without a
    /// module:
    ///
    /// ```swift
    /// let publisher = MetricsPublisher()
    /// let payments = try Policy("payments", observers: [publisher.calls]) { CircuitBreaker.layer() }
    /// publisher.add(payments)
    /// publisher.publish()   // again and again, every few seconds
    /// ```
    ///
    /// Policies count by themselves, and swift-metrics is told. So there are two ways:
    ///
    /// - Durations are told when they are measured, one by one, to a `Timer`: ``calls`` is what they go through.
    /// - Counters and gauges are read by ``publish()``: a `Counter` is told what was added since the last time, a
    ///   `Meter` the value. Calls pay nothing for it. A gauge that has no value, such as a failure rate without calls,
    ///   is not there until it has one.
    ///
    /// Labels and names are those of ``/ResilienceCore/MetricFamily``: `resilience.circuit_breaker.calls` with `name`
    /// and `kind`. A name has always the same dimensions. What is no longer there when the sources are read is
    /// destroyed.
    ///
    /// May be used from any number of tasks. The backend is never called while a lock of this package is held.
    public final class MetricsPublisher: Sendable {
        /// Measures the calls of the policies and strategies that it is given to as an observer.
        public let calls: CallMetrics

        private let factory: any MetricsFactory
        private let timers: TimerTable
        private let state = Lock(State())

        private struct State {
            var sources: [any MetricSource] = []
            /// What has been published; empty while a task publishes.
            var series = SeriesTable()
            var isPublishing = false
            /// What came while a task published, to be done by that task.
            var waiting: [Work] = []
        }

        private enum Work {
            case all
            case new(any MetricSource)
        }

        /// Creates a publisher of nothing yet.
        ///
        /// - Parameter factory: The backend. Default: the one that is current where the publisher is created, so
        ///   bootstrap the `MetricsSystem` before.
        public init(to factory: any MetricsFactory = MetricsSystem.factory) {
            let timers = TimerTable(factory)
            self.factory = factory
            self.timers = timers
            calls = CallMetrics { family, labels in timers.recorder(family, labels) }
        }

        /// Whether a backend is the one that is told. Not known of a backend that is a value.
        func isFor(_ other: any MetricsFactory) -> Bool {
            type(of: other) is AnyClass && factory as AnyObject === other as AnyObject
        }

        /// Adds something whose values are published from the next ``publish()`` on.
        public func add(_ source: some MetricSource) {
            state.withLock { $0.sources.append(source) }
        }

        /// Publishes all values as they are now. If another task does so at this moment, that task does it once more.
        public func publish() {
            perform(.all)
        }

        /// Publishes what has not been published of a source, before its turn comes.
        func publishNew(_ source: any MetricSource) {
            perform(.new(source))
        }

        private func perform(_ work: Work) {
            // The task that publishes has the series to itself, so that no delta is told twice and no lock is held
            // while the backend and the sources are asked.
            let taken = state.withLock { state -> SeriesTable? in
                state.waiting.append(work)
                guard !state.isPublishing else { return nil }
                state.isPublishing = true
                defer { state.series = SeriesTable() }
                return state.series
            }
            guard var series = taken else { return }
            while let work = next(after: &series) {
                switch work {
                case .all:
                    series.publish(collected(), to: factory)
                    timers.sweep()
                case .new(let source): series.add(MetricCollection(of: [source]), to: factory)
                }
            }
        }

        /// What to do next; `nil`, with the series put back, if there is nothing.
        private func next(after series: inout SeriesTable) -> Work? {
            state.withLock { state in
                guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
                state.isPublishing = false
                state.series = series
                return nil
            }
        }

        private func collected() -> MetricCollection {
            MetricCollection(of: state.withLock { $0.sources } + [calls])
        }
    }
#endif
