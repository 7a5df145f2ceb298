#if Metrics
    internal import CoreMetrics
    internal import ResilienceCore

    /// The timers of a backend, one for each family and combination of labels, whatever measures.
    final class TimerTable: Sendable {
        private let factory: any MetricsFactory
        private let timers = Lock<[SeriesKey: Entry]>([:])

        private struct Entry {
            let timer: CoreMetrics.Timer
            /// Alive as long as something measures.
            weak var user: User?
        }

        private final class User: Sendable {}

        init(_ factory: any MetricsFactory) {
            self.factory = factory
        }

        /// What takes durations, in nanoseconds. The timer stays as long as it does.
        func recorder(_ family: MetricFamily, _ labels: [String]) -> @Sendable (Int64) -> Void {
            let key = SeriesKey(name: family.name, labels: labels)
            let (timer, user) =
                known(key)
                // Made outside the lock. Of two that are made at once, the first to be kept is used; a backend gives
                // both the same, so the other must not be destroyed.
                ?? keep(
                    CoreMetrics.Timer(
                        label: family.name, dimensions: family.dimensions(labels), preferredDisplayUnit: .seconds,
                        factory: factory), key)
            return { nanoseconds in
                withExtendedLifetime(user) { timer.recordNanoseconds(nanoseconds) }
            }
        }

        private func known(_ key: SeriesKey) -> (CoreMetrics.Timer, User)? {
            timers.withLock { timers in
                guard let entry = timers[key] else { return nil }
                let user = entry.user ?? User()
                timers[key]?.user = user
                return (entry.timer, user)
            }
        }

        private func keep(_ timer: CoreMetrics.Timer, _ key: SeriesKey) -> (CoreMetrics.Timer, User) {
            timers.withLock { timers in
                let entry = timers[key]
                let user = entry?.user ?? User()
                timers[key] = Entry(timer: entry?.timer ?? timer, user: user)
                return (entry?.timer ?? timer, user)
            }
        }

        /// Destroys the timers that are no longer used.
        func sweep() {
            let unused = timers.withLock { timers in
                let unused = timers.filter { $0.value.user == nil }
                for key in unused.keys { timers[key] = nil }
                return unused.values.map(\.timer)
            }
            for timer in unused { timer.destroy() }
        }
    }
#endif
