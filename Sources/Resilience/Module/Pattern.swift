internal import CircuitBreakers
internal import ResilienceCore
internal import Retries
internal import Timeouts

/// What a kind of thing is called in errors, in configuration documents and in reports.
struct Kind: Sendable, Hashable {
    /// As errors say it: `circuit breaker`.
    let title: String
    /// The section of a document in which things of this kind are configured by name; `nil` if they are not.
    let section: String?

    static let policy = Kind(title: "policy", section: "policies")
    static let family = Kind(title: "policy family", section: "families")
}

/// A pattern that a module can make, and retune, from a configuration document.
protocol Pattern: Strategy {
    associatedtype Settings: DocumentRepresentable

    static var kind: Kind { get }
    var name: String { get }
    var settings: Settings { get }
    func retune(_ settings: Settings) throws(ConfigurationError)
    static func recipe(_ settings: Settings) -> Layer<Self>
    /// What keeps it from its work now.
    var complaint: Complaint? { get }
}

extension Pattern {
    var complaint: Complaint? { nil }
}

extension CircuitBreaker: Pattern {
    static let kind = Kind(title: "circuit breaker", section: "circuitBreakers")
    var settings: Configuration { configuration }
    func retune(_ settings: Configuration) throws(ConfigurationError) { try update(settings) }
    static func recipe(_ settings: Configuration) -> Layer<CircuitBreaker> { layer(settings) }

    var complaint: Complaint? {
        switch state {
        case .open, .isolated: Complaint(text: "is \(state)", isOutage: true)
        case .halfOpen: Complaint(text: "is half-open", isOutage: false)
        case .closed, .disabled, .observing: nil
        }
    }
}

extension Retry: Pattern {
    static let kind = Kind(title: "retry", section: "retries")
    var settings: Configuration { configuration }
    func retune(_ settings: Configuration) throws(ConfigurationError) { try update(settings) }
    static func recipe(_ settings: Configuration) -> Layer<Retry> { layer(settings) }
}

extension Timeout: Pattern {
    static let kind = Kind(title: "timeout", section: "timeouts")
    var settings: Limit { limit }
    func retune(_ settings: Limit) throws(ConfigurationError) { try update(settings) }
    static func recipe(_ settings: Limit) -> Layer<Timeout> { layer(settings) }
}
