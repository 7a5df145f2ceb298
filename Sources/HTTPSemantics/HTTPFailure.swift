public import ResilienceCore

/// Looks up the values of a header field by its name, whatever the letter case: one for each line, in their order.
///
/// What every HTTP library can give: `{ headers[$0] }` with AsyncHTTPClient, `{ fields[values: .init($0)!] }` with
/// HTTPTypes, `{ response.value(forHTTPHeaderField: $0).map { [$0] } ?? [] }` with URLSession.
public typealias HTTPHeaderLookup = (_ name: String) -> [String]

/// A response that counts as a failure, as the layers of a policy see it: its status, what the server said about trying
/// again, and whether it has too much to do.
///
/// It does not keep the response alive, so that no breaker does that remembers an error: the value that comes back in
/// the end is the call's. Only where it is thrown to the caller does it carry the response.
public struct HTTPFailure: Error, Sendable, OverloadError, LabeledError, ServerHintProviding, CustomStringConvertible {
    /// The status.
    public let status: Int

    /// What the server asks for, also of requests that are not repeated: `Retry-After`, or the `RateLimit` of an
    /// exhausted quota. `nil` if it did not say.
    public let hint: ServerHint?

    /// Whether the request can be made again at all. If not, layers are told not to.
    public var isRepeatable: Bool

    /// The response, where the failure is what the caller gets.
    public var response: (any Sendable)?

    /// Creates a failure.
    ///
    /// - Parameters:
    ///   - status: The status of the response.
    ///   - hint: What the server said about trying again.
    ///   - isRepeatable: Whether the request can be made again. Default: true.
    ///   - response: The response, for a failure that is thrown.
    public init(status: Int, hint: ServerHint? = nil, isRepeatable: Bool = true, response: (any Sendable)? = nil) {
        self.status = status
        self.hint = hint
        self.isRepeatable = isRepeatable
        self.response = response
    }

    /// What layers go by: what the server said; not to try again if the request cannot be repeated.
    public var serverHint: ServerHint? { isRepeatable ? hint : .doNotRetry }

    /// The time that the server asks to wait.
    public var retryAfter: Duration? { if case .retryAfter(let delay) = hint { delay } else { nil } }

    /// Whether the server says that it has too much to do: 429 and 503.
    public var isOverload: Bool { status == 429 || status == 503 }

    /// The status, `503`; `other` for a number that is none.
    public var label: String { (100...599).contains(status) ? "\(status)" : "other" }

    /// `the server answered 503; retry after 2 seconds`
    public var description: String {
        "the server answered \(status)" + (retryAfter.map { "; retry after \($0.sentenceForm)" } ?? "")
    }
}
