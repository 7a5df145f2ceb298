/// The error of a configuration that cannot work: every fault that was found, not only the first.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One value that is not allowed.
    public struct Fault: Sendable, Hashable, CustomStringConvertible {
        /// Where the value stands, from the outside in, joined by dots: `payments.circuitBreaker.trip.failureRate`.
        public let field: String
        /// The value as it was given.
        public let value: String
        /// What is allowed, as the end of a sentence: `is outside 0...1`.
        public let violation: String

        /// Creates a fault.
        public init(field: String, value: String, violation: String) {
            self.field = field
            self.value = value
            self.violation = violation
        }

        /// `trip.failureRate: 1.5 is outside 0...1`
        public var description: String { field.isEmpty ? "\(value) \(violation)" : "\(field): \(value) \(violation)" }
    }

    /// The faults, in the order of the configuration. Never empty.
    public let faults: [Fault]

    /// Creates an error from one fault or several.
    public init(_ first: Fault, _ more: Fault...) {
        faults = [first] + more
    }

    package init?(_ faults: [Fault]) {
        guard !faults.isEmpty else { return nil }
        self.faults = faults
    }

    /// All faults, separated by semicolons.
    public var description: String { faults.map(\.description).joined(separator: "; ") }
}

/// Collects the faults of a configuration.
package struct ConfigurationCheck {
    package private(set) var faults: [ConfigurationError.Fault] = []
    private let path: String

    package init(_ path: String = "") {
        self.path = path.isEmpty ? "" : path + "."
    }

    package mutating func require(
        _ condition: Bool, _ field: String, _ value: @autoclosure () -> String, _ violation: @autoclosure () -> String
    ) {
        if !condition {
            faults.append(ConfigurationError.Fault(field: path + field, value: value(), violation: violation()))
        }
    }

    package mutating func note(_ faults: [ConfigurationError.Fault]) { self.faults += faults }

    package mutating func require(_ field: String, _ value: Double, in range: ClosedRange<Double>) {
        require(range.contains(value), field, "\(value)", "is outside \(range.lowerBound)...\(range.upperBound)")
    }

    package mutating func require(_ field: String, _ value: Int, atLeast minimum: Int) {
        require(value >= minimum, field, "\(value)", "is below \(minimum)")
    }

    package mutating func require(_ field: String, _ value: Int, in range: ClosedRange<Int>) {
        require(range.contains(value), field, "\(value)", "is outside \(range.lowerBound)...\(range.upperBound)")
    }

    /// - Parameter words: The range, as it is written in sentences: `1 ms...60 s`.
    package mutating func require(
        _ field: String, _ value: Duration, in range: ClosedRange<Duration>, _ words: @autoclosure () -> String
    ) {
        require(range.contains(value), field, "\(value)", "is outside \(words())")
    }

    /// At least a nanosecond, the resolution of time here, and at most what its instants can hold.
    package mutating func require(positive field: String, _ value: Duration) {
        require(field, value, in: .nanoseconds(1) ... .nanoseconds(Int64.max), "1 ns...292 years")
    }

    /// Not negative, and at most what instants can hold.
    package mutating func require(notNegative field: String, _ value: Duration) {
        require(field, value, in: .zero ... .nanoseconds(Int64.max), "0 s...292 years")
    }

    package func finish() throws(ConfigurationError) {
        if let error = ConfigurationError(faults) { throw error }
    }
}
