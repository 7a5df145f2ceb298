public import ResilienceCore

/// A failure that a test injects.
///
/// Two are equal if their labels and hints are, so that a test can tell which one came through:
///
/// ```swift
/// await #expect(throws: InjectedFailure("second")) { try await policy.execute { try await operation() } }
/// ```
public struct InjectedFailure: Error, Sendable, Hashable, RetryAfterProviding, CustomStringConvertible {
    /// What distinguishes this failure from others.
    public let label: String
    /// When to try again, as a server would say; `nil` if it does not.
    public let retryAfter: Duration?

    /// Creates a failure.
    ///
    /// - Parameters:
    ///   - label: What distinguishes this failure from others. Default: `injected`.
    ///   - retryAfter: A hint when to try again. Default: none.
    public init(_ label: String = "injected", retryAfter: Duration? = nil) {
        self.label = label
        self.retryAfter = retryAfter
    }

    /// A phrase for logs: `injected failure "second"; retry after 2 seconds`.
    public var description: String {
        let hint = retryAfter.map { "; retry after \($0.sentenceForm)" } ?? ""
        return "injected failure \"\(label)\"\(hint)"
    }
}
