/// What a number measures: its name, its labels and how it is to be read.
///
/// Names are neutral, lower-case words joined by dots and underscores, without unit:
/// `resilience.circuit_breaker.calls`. What shows them brings them into its own form:
/// `resilience_circuit_breaker_calls_total`.
public struct MetricFamily: Sendable, Hashable {
    /// How the values of a family behave.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Only grows, for the life of what counts.
        case counter
        /// Goes up and down.
        case gauge
        /// Durations, sorted into buckets.
        case histogram
    }

    /// How the values of several sources of one kind make one, such as those of the members of a family of policies.
    public enum Combination: Sendable, Hashable {
        /// Added up: counters, and what is counted in pieces, such as slots or calls that wait.
        case sum
        /// The largest: rates, probabilities and durations, which make no sense added up.
        case largest
    }

    /// The name, without unit.
    public var name: String { definition.name }
    /// One sentence on what is measured.
    public var help: String { definition.help }
    /// How the values behave.
    public var kind: Kind { definition.kind }
    /// The unit, as a plural: `seconds`. `nil` for plain numbers. A histogram's is always `seconds`.
    public var unit: String? { definition.unit }
    /// What stands for several sources together.
    public var combination: Combination { definition.combination }
    /// The keys of the labels, which every sample has. The first is for the name of what is measured.
    public var labels: [String] { definition.labels }

    /// Behind a reference, so that a family is passed around and recognised as one word.
    let definition: Definition

    final class Definition: Sendable {
        let name: String
        let help: String
        let kind: Kind
        let unit: String?
        let labels: [String]
        let combination: Combination

        init(
            _ name: String, _ help: String, _ kind: Kind, _ unit: String?, _ labels: [String],
            _ combination: Combination
        ) {
            self.combination = combination
            self.name = name
            self.help = help
            self.kind = kind
            self.unit = unit
            self.labels = labels
        }
    }

    /// Creates a family.
    ///
    /// - Parameters:
    ///   - name: The name, without unit.
    ///   - kind: How the values behave.
    ///   - unit: The unit, as a plural; ignored for a histogram, which is in seconds.
    ///   - labels: The keys of the labels; the first is for the name of what is measured.
    ///   - combination: What stands for several sources together. Default: the sum.
    ///   - help: One sentence on what is measured.
    public init(
        _ name: String, _ kind: Kind, unit: String? = nil, labels: [String], combination: Combination = .sum,
        help: String
    ) {
        definition = Definition(name, help, kind, kind == .histogram ? "seconds" : unit, labels, combination)
    }

    /// Whether two families say the same.
    public static func == (lhs: MetricFamily, rhs: MetricFamily) -> Bool {
        lhs.definition === rhs.definition || (lhs.help == rhs.help && lhs.name == rhs.name && lhs.agrees(with: rhs))
    }

    /// Hashes the name.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
    }

    /// Whether a value is one of this kind.
    func admits(_ value: MetricValue) -> Bool {
        switch value {
        case .histogram: kind == .histogram
        case .integer, .number: kind != .histogram
        }
    }

    /// Whether values of both can stand under one name.
    func agrees(with other: MetricFamily) -> Bool {
        definition === other.definition || (kind == other.kind && unit == other.unit && labels == other.labels)
    }
}

/// The value of a sample.
public enum MetricValue: Sendable, Hashable {
    /// A whole number: a counter, or a gauge.
    case integer(Int)
    /// Any number. Not a number where there is nothing to tell yet, such as a rate without calls.
    case number(Double)
    /// Durations.
    case histogram(DurationHistogram.Snapshot)
}

extension MetricValue {
    /// The sum of two counts; this one if they cannot be added.
    package func adding(_ other: MetricValue) -> MetricValue {
        switch (self, other) {
        case (.integer(let one), .integer(let two)): .integer(one.addingSaturated(two))
        case (.number(let one), .number(let two)): .number(one + two)
        case (.histogram(let one), .histogram(let two)): .histogram(one.adding(two) ?? one)
        default: self
        }
    }

    /// The later of two readings of one count, which only grows.
    package func later(_ other: MetricValue) -> MetricValue {
        switch (self, other) {
        case (.integer(let one), .integer(let two)): .integer(max(one, two))
        case (.number(let one), .number(let two)): .number(max(one, two))
        case (.histogram(let one), .histogram(let two)): one.count < two.count ? other : self
        default: self
        }
    }
}

/// What can be measured by reading it: policies, their strategies, budgets.
///
/// Pull-based: what is counted is counted anyway, so that a reading costs calls nothing. Every number is there from the
/// start, at zero.
public protocol MetricSource: Sendable {
    /// Adds the present values.
    func collect(into metrics: inout MetricCollection)
}
