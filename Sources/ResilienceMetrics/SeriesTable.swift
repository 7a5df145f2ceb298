#if Metrics
    internal import CoreMetrics
    internal import ResilienceCore

    /// What tells a series from all others.
    struct SeriesKey: Hashable {
        let name: String
        let labels: [String]
    }

    extension MetricFamily {
        /// As swift-metrics takes labels.
        func dimensions(_ labels: [String]) -> [(String, String)] { Array(zip(self.labels, labels)) }
    }

    /// The counters and gauges of a backend, and what they have been told.
    struct SeriesTable {
        private enum Handle {
            case counter(Counter, told: Int)
            case fraction(FloatingPointCounter, told: Double)
            case gauge(Meter)

            func destroy() {
                switch self {
                case .counter(let counter, _): counter.destroy()
                case .fraction(let counter, _): counter.destroy()
                case .gauge(let meter): meter.destroy()
                }
            }
        }

        private var handles: [SeriesKey: Handle] = [:]

        /// Tells the backend what has changed; what is not in the collection any more is destroyed.
        mutating func publish(_ metrics: MetricCollection, to factory: any MetricsFactory) {
            var gone = handles
            forEachValue(of: metrics) { key, family, value in
                guard let handle = told(value, by: handles[key], key, family, factory) else { return }
                handles[key] = handle
                gone[key] = nil
            }
            for (key, handle) in gone {
                handles[key] = nil
                handle.destroy()
            }
        }

        /// Adds what is not there yet: gauges with their values, counters at zero, because what they count may be known
        /// under another name when all are collected together.
        mutating func add(_ metrics: MetricCollection, to factory: any MetricsFactory) {
            forEachValue(of: metrics) { key, family, value in
                guard handles[key] == nil else { return }
                handles[key] =
                    family.kind == .counter
                    ? made(value, key, family, factory) : told(value, by: nil, key, family, factory)
            }
        }

        private func forEachValue(
            of metrics: MetricCollection, _ body: (SeriesKey, MetricFamily, MetricValue) -> Void
        ) {
            for entry in metrics.entries {
                for sample in entry.samples {
                    body(SeriesKey(name: entry.family.name, labels: sample.labels), entry.family, sample.value)
                }
            }
        }

        /// Tells a handle a value, and makes it first if there is none.
        ///
        /// - Returns: `nil` if there is no value to tell: not a number, or durations, which a timer is told one by one.
        private func told(
            _ value: MetricValue, by handle: Handle?, _ key: SeriesKey, _ family: MetricFamily,
            _ factory: any MetricsFactory
        ) -> Handle? {
            guard let handle = handle ?? made(value, key, family, factory) else { return nil }
            switch (handle, value) {
            case (.counter(let counter, let told), .integer(let count)):
                // A smaller number is one of something new that has the name of something old.
                let added = count >= told ? count - told : count
                if added > 0 { counter.increment(by: added) }
                return .counter(counter, told: count)
            case (.fraction(let counter, let told), .number(let amount)) where amount.isFinite:
                let added = amount >= told ? amount - told : amount
                if added > 0 { counter.increment(by: added) }
                return .fraction(counter, told: amount)
            case (.gauge(let meter), .integer(let value)):
                meter.set(value)
                return handle
            case (.gauge(let meter), .number(let value)) where value.isFinite:
                meter.set(value)
                return handle
            default: return nil
            }
        }

        private func made(
            _ value: MetricValue, _ key: SeriesKey, _ family: MetricFamily, _ factory: any MetricsFactory
        ) -> Handle? {
            let dimensions = family.dimensions(key.labels)
            switch (family.kind, value) {
            case (.counter, .integer):
                return .counter(Counter(label: key.name, dimensions: dimensions, factory: factory), told: 0)
            case (.counter, .number(let value)) where value.isFinite:
                return .fraction(
                    FloatingPointCounter(label: key.name, dimensions: dimensions, factory: factory), told: 0)
            case (.gauge, .integer):
                return .gauge(Meter(label: key.name, dimensions: dimensions, factory: factory))
            case (.gauge, .number(let value)) where value.isFinite:
                return .gauge(Meter(label: key.name, dimensions: dimensions, factory: factory))
            default: return nil
            }
        }
    }
#endif
