internal import CircuitBreakers
internal import ResilienceCore
internal import ResiliencePrometheus
internal import Retries
internal import Timeouts

/// What it costs a call to be observed, against the same calls without an observer, and what a scrape costs.
extension Row {
    static let observers = [
        observed("breaker, counted", [.counted]) { observers in
            let breaker = try CircuitBreaker("observed", observers: observers)
            return { try await call(breaker, $0) }
        },
        observed("breaker, measured", [.measured]) { observers in
            let breaker = try CircuitBreaker("observed", observers: observers)
            return { try await call(breaker, $0) }
        },
        observed("policy of a breaker, counted", [.counted], policyOfBreaker),
        observed("policy of a breaker, measured", [.measured], policyOfBreaker),
        observed("policy of a breaker, measured twice", [.measured, .measured], policyOfBreaker),
        observed("policy of a breaker, events counted", [.events], policyOfBreaker),
        observed("policy of a breaker, a histogram in its own observer", [.timed], policyOfBreaker),
        scrape,
    ]

    private enum Observation {
        case counted, measured, events, timed

        var observer: any PolicyObserver {
            switch self {
            case .counted: CallMetrics(buckets: nil)
            case .measured: CallMetrics()
            case .events: EventMetrics()
            case .timed: HistogramObserver()
            }
        }
    }

    private static func observed(
        _ name: String, _ kinds: [Observation], _ make: @escaping @Sendable ([any PolicyObserver]) throws -> Loop
    ) -> Row {
        Row(name, .library) { try make(kinds.map(\.observer)) }
    }

    @Sendable
    private static func policyOfBreaker(_ observers: [any PolicyObserver]) throws -> Loop {
        let policy = try Policy("observed", observers: observers) { CircuitBreaker.layer() }
        return { try await call(policy, $0) }
    }

    /// One page of 1 000 policies for every thousand calls, so that the figure is that of one policy.
    private static let scrape = Row("scrape, per policy of 1 000", .library) {
        let exporter = try scrapedExporter(policies: 1000)
        return { count in
            for _ in 0..<count / 1000 { consume(exporter.page().bytes.count) }
        }
    }
}

/// Shows policies each of a timeout, a retry and a breaker, with their durations.
private func scrapedExporter(policies: Int) throws -> PrometheusExporter {
    let calls = CallMetrics()
    let policies = try (0..<policies).map { number in
        try Policy("policy-\(number)", observers: [calls]) {
            Timeout.layer(.seconds(10))
            Retry.layer()
            CircuitBreaker.layer()
        }
    }
    return PrometheusExporter(policies + [calls])
}

/// How long a page takes.
public enum Scrape {
    /// Makes pages of a number of policies one after another; tells how long each took, and its size in bytes.
    public static func measure(policies: Int, pages: Int) throws -> (durations: [Duration], bytes: Int) {
        let exporter = try scrapedExporter(policies: policies)
        var bytes = 0
        let durations = (0..<pages).map { _ in
            ContinuousClock().measure { bytes = exporter.page().bytes.count }
        }
        return (durations, bytes)
    }
}

/// What a user would write without `CallMetrics`: keeps a histogram of what each call's event says.
private struct HistogramObserver: PolicyObserver {
    let histogram = DurationHistogram()

    func observe(_ event: some PolicyEvent) {
        if let event = event as? CircuitBreaker.Event, case .called(_, let duration, _) = event.kind {
            histogram.record(duration)
        }
    }
}
