public import Resilience
public import ResilienceCore

extension HTTPPipeline {
    /// Makes a request under the policy of its authority.
    ///
    /// A response that is a failure (``HTTPResponseRule``) is one to every layer, with what it says about trying again;
    /// it comes back in the end, unless ``Configuration/throwsFailures`` asks to throw it. The request is repeated only
    /// as ``HTTPReplay`` allows.
    ///
    /// - Parameters:
    ///   - authority: Whose policy: a host, with its port if it is not the usual one.
    ///   - replay: The method, what the body is good for, and whether the request may be repeated.
    ///   - priority: How important the call is to the bulkhead. Default: `nil`, as everything that does not say.
    ///   - isBodyUsed: Whether anything has been read from a body that can be read once. Default: always.
    ///   - head: The status and the header fields of a response.
    ///   - release: What to do with a response that the caller does not get: read its body to the end, so that its
    ///     connection is free, or give it up. Default: nothing.
    ///   - operation: One attempt. What it reads of the body is within the limit of the attempt.
    /// - Throws: The client's own error, unchanged; a `PolicyRejection` if a layer refused the call;
    ///   `Timeout.ExceededError`; ``HTTPFailure`` if asked for.
    @inlinable
    public nonisolated(nonsending) func execute<Response: Sendable>(
        to authority: String, _ replay: HTTPReplay, priority: Bulkhead.Priority? = nil,
        isBodyUsed: () -> Bool = { true },
        reading head: (Response) -> Head,
        releasing release: (nonisolated(nonsending) (Response) async -> Void)? = nil,
        _ operation: nonisolated(nonsending) (Context) async throws -> Response
    ) async throws -> Response {
        let policy = policy(for: authority, replay, priority)
        // Of the last response; an earlier one may have failed where the last has not.
        var failure: HTTPFailure?
        let classify = { (response: Response) -> (any Error)? in
            failure = self.failure(of: head(response), replay, isBodyUsed)
            return failure
        }
        let attempt = { (context: Context) async throws -> Response in
            do {
                return try await operation(context)
            } catch {
                throw self.repeatable(error, replay, isBodyUsed)
            }
        }
        let response: Response
        do {
            response =
                if let release {
                    try await policy.execute(failing: classify, releasing: release, attempt)
                } else {
                    try await policy.execute(failing: classify, attempt)
                }
        } catch let error as HTTPUnrepeatableError {
            throw error.wrappedError
        }
        if throwsFailures, var failure {
            failure.response = response
            throw failure
        }
        return response
    }

    @usableFromInline var throwsFailures: Bool { core.configuration.throwsFailures }

    @usableFromInline
    func policy(for authority: String, _ replay: HTTPReplay, _ priority: Bulkhead.Priority?) -> Policy {
        var policy = policy(for: authority)
        // The usual call needs nothing in its context.
        if !replay.isIdempotent || replay.body == .oneShot { policy = policy.idempotent(false) }
        if let priority { policy = policy.setting(Bulkhead.Priority.self, to: priority) }
        return policy
    }

    @usableFromInline
    func failure(of head: Head, _ replay: HTTPReplay, _ isBodyUsed: () -> Bool) -> HTTPFailure? {
        var failure = core.configuration.rule.failure(
            status: head.status, secondsSince1970: core.configuration.secondsSince1970?(), headers: head.headers)
        if failure != nil {
            failure?.isRepeatable = replay.mayRepeat(after: .perhapsRan, isBodyUsed: isBodyUsed())
        }
        return failure
    }

    @usableFromInline
    func repeatable(_ error: any Error, _ replay: HTTPReplay, _ isBodyUsed: () -> Bool) -> any Error {
        switch CallEnd(error) {
        // The end of this attempt whatever the request is.
        case .cancelled, .expired: return error
        case .failed, .rejected: break
        }
        switch Configuration.outcome(of: unwrapped(error), core.configuration.sendOutcome) {
        case .permanent: return error
        case .neverSent where error is any PolicyRejection: return error
        case let outcome:
            let mayRepeat = replay.mayRepeat(after: outcome, isBodyUsed: isBodyUsed())
            return mayRepeat ? error : HTTPUnrepeatableError(error)
        }
    }
}
