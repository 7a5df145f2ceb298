/// An error with which a layer rejects a call without running it.
///
/// Every pattern's rejection conforms, so that one `catch let rejection as any PolicyRejection` handles them all, for
/// example by answering 503 with a `Retry-After` header. A rejection is not a call: it has no latency and counts
/// neither as a success nor as a failure.
public protocol PolicyRejection: Error, Sendable, CustomStringConvertible, RetryAfterProviding {
    /// The name of what refused: the breaker, the limiter, the bulkhead.
    var policyName: String { get }

    /// Why, in a few words: `circuit breaker is open`.
    var reason: String { get }

    /// The time after which to try again, if it is known.
    var retryAfter: Duration? { get }
}

/// An error that knows when to try again: a server's `Retry-After`, a gRPC pushback, a rejection.
///
/// Conform your client's error to it, and strategies that take the hint keep to it.
public protocol RetryAfterProviding {
    /// How long to wait before the next call, or `nil` if the server did not say.
    var retryAfter: Duration? { get }
}
