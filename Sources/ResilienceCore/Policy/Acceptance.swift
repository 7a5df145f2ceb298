/// The failure that layers see when a value was returned but not accepted.
///
/// It does not reach the caller of `execute`: a value that is still the outcome in the end is returned. Classifiers and
/// fallbacks may look for it.
public struct UnacceptedResult: Error, Sendable, CustomStringConvertible {
    /// Creates the failure.
    public init() {}

    /// A sentence for logs.
    public var description: String { "the result was not accepted" }
}

/// The error of a call whose layers returned without ever having run the operation: a fault in a strategy.
public struct OperationNotRun: Error, Sendable, CustomStringConvertible {
    /// The policy, or the strategy used alone.
    public let policyName: String

    @usableFromInline
    init(policyName: String) {
        self.policyName = policyName
    }

    /// A sentence for logs.
    public var description: String { "a strategy of \"\(policyName)\" returned without running the operation" }
}

/// A predicate on values of one type, kept by a policy that is not generic.
@usableFromInline
protocol Acceptance: Sendable {
    func accepts<Value>(_ value: Value) -> Bool
}

struct TypedAcceptance<Expected>: Acceptance {
    let predicate: @Sendable (Expected) -> Bool

    /// Values of other types are not this predicate's business.
    func accepts<Value>(_ value: Value) -> Bool {
        guard let value = value as? Expected else { return true }
        return predicate(value)
    }
}
