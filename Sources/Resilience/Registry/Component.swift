internal import Bulkheads
internal import CircuitBreakers
internal import Fallbacks
internal import Hedges
internal import RateLimiters
internal import ResilienceCore
internal import Retries
internal import Timeouts

/// Something that a module holds and knows what to make of: how it is observed, measured, and when it is in trouble.
protocol Component: Sendable {
    static var kind: Kind { get }

    /// What it measures, under the name it is registered by where it has none of its own.
    func collect(into metrics: inout MetricCollection, named name: String)

    func addObserver(_ observer: any PolicyObserver)

    /// What keeps it from its work now.
    var complaint: Complaint? { get }
}

/// What is the matter with something.
struct Complaint {
    /// As the end of a sentence: `is open`.
    let text: String
    /// Whether it lets nothing through.
    let isOutage: Bool
}

extension Component {
    var complaint: Complaint? { nil }

    func collect(into metrics: inout MetricCollection, named name: String) {
        if let source = self as? any MetricSource { metrics.collect(source) }
    }
}

extension CircuitBreaker: Component {
    static var kind: Kind { .circuitBreaker }

    var complaint: Complaint? {
        switch state {
        case .open, .isolated: Complaint(text: "is \(state)", isOutage: true)
        case .halfOpen: Complaint(text: "is half-open", isOutage: false)
        case .closed, .disabled, .observing: nil
        }
    }
}

extension Bulkhead: Component {
    static var kind: Kind { .bulkhead }

    var complaint: Complaint? {
        limit == 0 ? Complaint(text: "lets no call through: its limit is 0", isOutage: true) : nil
    }
}

extension AdaptiveThrottle: Component {
    static var kind: Kind { .adaptiveThrottle }

    /// Rejecting most calls is what a throttle does when its service fails: something does not work then.
    var complaint: Complaint? {
        let probability = rejectionProbability
        guard probability >= 0.5 else { return nil }
        return Complaint(text: "rejects \(Int((probability * 100).rounded())) % of calls", isOutage: false)
    }
}

extension RetryBudget: Component {
    static var kind: Kind { .retryBudget }

    /// A budget hears nothing and tells nothing: what it refuses is an event of who asked.
    func addObserver(_ observer: any PolicyObserver) {}

    func collect(into metrics: inout MetricCollection, named name: String) {
        metrics.collect(self.metrics(named: name))
    }
}

extension Retry: Component { static var kind: Kind { .retry } }

extension Timeout: Component { static var kind: Kind { .timeout } }

extension RateLimiter: Component { static var kind: Kind { .rateLimiter } }

extension Policy: Component { static var kind: Kind { .policy } }

extension HedgedPolicy: Component { static var kind: Kind { .hedge } }

extension KeyedFallback: Component { static var kind: Kind { .fallback } }

extension KeyedFallbackPolicy: Component { static var kind: Kind { .fallback } }

extension KeyedRateLimiter: Component { static var kind: Kind { .keyedRateLimiter } }

extension KeyedStaleWhileRevalidate: Component { static var kind: Kind { .revalidation } }

extension PolicyFamily: Component {
    static var kind: Kind { .family }

    var complaint: Complaint? {
        let broken = openKeyCount
        guard broken > 0 else { return nil }
        return Complaint(text: "has an open circuit breaker for \(broken) of \(count) keys", isOutage: false)
    }
}
