public import ResilienceCore

/// Whether the body of a request can be sent again.
public enum HTTPBodyReplay: String, Sendable, Hashable, CaseIterable {
    /// There is none.
    case none
    /// It is in memory, and can be sent again.
    case bytes
    /// It can be produced again from the beginning.
    case restartable
    /// It can be read once: a stream.
    case oneShot
}

/// How far a request got that failed with an error of the client.
public enum HTTPSendOutcome: String, Sendable, Hashable, CaseIterable {
    /// The server provably never got it: the connection was refused, or no connection was free.
    case neverSent
    /// The server may have run it. So may it where the client says that the request was cancelled: whether that was the
    /// caller's doing is known from the caller's task, and otherwise a pool that closes is a failure like others.
    case perhapsRan
    /// It cannot succeed: the URL is not valid, the response had too many redirects.
    case permanent
}

/// Whether a request may be made again, and twice at the same time.
public struct HTTPReplay: Sendable, Hashable {
    /// The method, whose letter case matters.
    public var method: String

    /// What the body is good for.
    public var body: HTTPBodyReplay

    /// What the call says of itself; `nil` if the method and an `Idempotency-Key` decide.
    public var isMarkedIdempotent: Bool?

    /// Whether the request has an `Idempotency-Key`, by which the server recognises it.
    public var hasIdempotencyKey: Bool

    /// Describes a request.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - body: What the body is good for. Default: there is none.
    ///   - isIdempotent: What the call says of itself. Default: `nil`, the method and an `Idempotency-Key` decide.
    ///   - headers: The request's header fields, looked at for an `Idempotency-Key`.
    public init(
        method: String, body: HTTPBodyReplay = .none, idempotent isIdempotent: Bool? = nil,
        headers: HTTPHeaderLookup = { _ in [] }
    ) {
        self.method = method
        self.body = body
        isMarkedIdempotent = isIdempotent
        hasIdempotencyKey = !headers("idempotency-key").allSatisfy(\.isEmpty)
    }

    /// Whether it does no harm if it runs twice at once.
    public var isSafe: Bool { HTTPMethodSemantics.isSafe(method) }

    /// Whether a request that the server may have run may be made again.
    public var isIdempotent: Bool {
        isMarkedIdempotent ?? (HTTPMethodSemantics.isIdempotent(method) || hasIdempotencyKey)
    }

    /// Whether the request may be made again after one that came so far.
    ///
    /// - Parameters:
    ///   - outcome: How far it came; a response is ``HTTPSendOutcome/perhapsRan``.
    ///   - isBodyUsed: Whether anything was read from the body.
    public func mayRepeat(after outcome: HTTPSendOutcome, isBodyUsed: Bool = true) -> Bool {
        if body == .oneShot, isBodyUsed { return false }
        return switch outcome {
        case .neverSent: true
        case .perhapsRan: isIdempotent
        case .permanent: false
        }
    }

    /// Whether it may be made twice at the same time: a safe request whose body can be sent twice.
    ///
    /// - Parameter unsafe: Whether an idempotent request may, too. Default: false.
    public func mayHedge(unsafe: Bool = false) -> Bool {
        body != .oneShot && (isSafe || isMarkedIdempotent == true || unsafe && isIdempotent)
    }
}

/// An error of a client whose request cannot be made again: layers are told so, and see the error inside.
public struct HTTPUnrepeatableError: ErrorWrapper, ServerHintProviding, CustomStringConvertible {
    /// The client's error.
    public let wrappedError: any Error

    /// Wraps an error.
    public init(_ error: any Error) {
        wrappedError = error
    }

    /// Not to try again.
    public var serverHint: ServerHint? { .doNotRetry }

    /// That of the error inside.
    public var description: String { "\(wrappedError)" }
}
