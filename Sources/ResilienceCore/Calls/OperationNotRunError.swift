/// The error of a call whose layers returned without ever having run the operation: a fault in a strategy.
public struct OperationNotRunError: Error, Sendable, CustomStringConvertible {
    /// The policy, or the strategy used alone.
    public let policyName: String

    @usableFromInline
    init(policyName: String) {
        self.policyName = policyName
    }

    /// A sentence for logs.
    public var description: String { "a strategy of \"\(policyName)\" returned without running the operation" }
}
