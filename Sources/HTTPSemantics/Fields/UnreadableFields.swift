public import Resilience
public import ResilienceCore
internal import Synchronization

/// Reads header fields, and counts those that cannot be read: they are ignored, as if they were not there.
///
/// Metric: `resilience.http.unreadable_fields`, by the name of this and the kind of field.
public final class UnreadableFields: MetricSource {
    /// What is read.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// `Retry-After`.
        case retryAfter = "retry_after"
        /// `RateLimit`.
        case rateLimit = "rate_limit"
        /// The field with a deadline.
        case deadline
        /// The field with a priority.
        case priority
    }

    /// The one that is used where none is given.
    public static let shared = UnreadableFields("http")

    /// The name in metrics.
    public let name: String

    // Sums on which no other memory depends.
    private let retryAfter = Atomic(0)
    private let rateLimit = Atomic(0)
    private let deadline = Atomic(0)
    private let priority = Atomic(0)

    /// Creates one with zeros.
    public init(_ name: String) {
        self.name = name
    }

    /// How many fields of a kind could not be read.
    public func total(_ kind: Kind) -> Int {
        switch kind {
        case .retryAfter: retryAfter.load(ordering: .relaxed)
        case .rateLimit: rateLimit.load(ordering: .relaxed)
        case .deadline: deadline.load(ordering: .relaxed)
        case .priority: priority.load(ordering: .relaxed)
        }
    }

    /// Counts one.
    public func count(_ kind: Kind) {
        switch kind {
        case .retryAfter: retryAfter.wrappingAdd(1, ordering: .relaxed)
        case .rateLimit: rateLimit.wrappingAdd(1, ordering: .relaxed)
        case .deadline: deadline.wrappingAdd(1, ordering: .relaxed)
        case .priority: priority.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// What is left of the quotas, from the `RateLimit` field; `nil` if it is not there, or cannot be read.
    public func rateLimits(_ headers: HTTPHeaderLookup) -> [HTTPRateLimit]? {
        let lines = headers("ratelimit")
        return lines.isEmpty ? nil : read(.rateLimit, lines, HTTPRateLimit.parse)
    }

    /// How long the caller waits; `nil` if it is not said, or cannot be read. Of several lines the shortest time.
    public func deadline(_ field: HTTPDeadlineField, _ headers: HTTPHeaderLookup) -> Duration? {
        headers(field.name.name).compactMap { read(.deadline, $0, field.parse) }.min()
    }

    /// How important a request is; `nil` if it is not said, or cannot be read.
    public func priority(_ field: HTTPPriorityField, _ headers: HTTPHeaderLookup) -> Bulkhead.Priority? {
        headers(field.name.name).compactMap { read(.priority, $0, field.parse) }.last
    }

    private func read<Text, Content>(_ kind: Kind, _ text: Text, _ parse: (Text) -> Content?) -> Content? {
        let content = parse(text)
        if content == nil { count(kind) }
        return content
    }

    /// Adds the totals.
    public func collect(into metrics: inout MetricCollection) {
        for kind in Kind.allCases { metrics.add(Self.family, [name, kind.rawValue], total(kind)) }
    }

    static let family = MetricFamily(
        "resilience.http.unreadable_fields", .counter, labels: ["name", "field"],
        help: "Header fields that could not be read and were ignored.")
}
