/// An error that shows that a service has more to do than it can: it did not answer in time, or said so.
///
/// Strategies that adapt to a service's load take it for a sign to send less. Conform your client's error for an answer
/// of 503 or `RESOURCE_EXHAUSTED` to it. What a timeout throws conforms.
public protocol OverloadError: Error {
    /// Whether it shows that. Default: true; for an error type of which only some values do.
    var isOverload: Bool { get }
}

extension OverloadError {
    /// True.
    public var isOverload: Bool { true }
}
