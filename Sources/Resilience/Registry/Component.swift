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
    /// As what somebody has: `an open circuit breaker`.
    var noun = ""
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
        case .open, .isolated: Complaint(text: "is \(state)", noun: "an \(state) circuit breaker", isOutage: true)
        case .halfOpen: Complaint(text: "is half-open", noun: "a half-open circuit breaker", isOutage: false)
        case .closed, .disabled, .observing: nil
        }
    }
}

extension Bulkhead: Component {
    static var kind: Kind { .bulkhead }

    var complaint: Complaint? {
        guard limit == 0 else { return nil }
        return Complaint(
            text: "lets no call through: its limit is 0", noun: "a bulkhead whose limit is 0", isOutage: true)
    }
}

extension AdaptiveThrottle: Component {
    static var kind: Kind { .adaptiveThrottle }

    /// Rejecting most calls is what a throttle does when its service fails: something does not work then.
    var complaint: Complaint? {
        let probability = rejectionProbability
        guard probability >= 0.5 else { return nil }
        return Complaint(
            text: "rejects \(Int((probability * 100).rounded())) % of calls",
            noun: "an adaptive throttle that rejects most calls", isOutage: false)
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

    /// The family cannot work if none of its keys can; otherwise something does not work.
    var complaint: Complaint? {
        let members = allMembers.map { $0.member.state.complaints.map(\.complaint) }
        let shared = overflow.withLock { $0?.state }?.complaints.map(\.complaint) ?? []
        var keys: [String: Int] = [:]
        for complaints in members {
            for noun in Set(complaints.map(\.noun)) { keys[noun, default: 0] += 1 }
        }
        let total = "\(members.count) \(members.count == 1 ? "key" : "keys")"
        let parts =
            keys.sorted { $0.key > $1.key }.map { "\($0.key) for \($0.value) of \(total)" }
            + Set(shared.map(\.noun)).sorted().map { "\($0) for the keys that share a policy" }
        guard !parts.isEmpty else { return nil }
        let isOutage = !members.isEmpty && members.allSatisfy { $0.contains(where: \.isOutage) }
        return Complaint(text: "has \(parts.joined(separator: ", "))", isOutage: isOutage)
    }
}
