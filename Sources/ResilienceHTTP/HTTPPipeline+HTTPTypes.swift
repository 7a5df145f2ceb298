#if HTTPTypes
    public import HTTPSemantics
    public import HTTPTypes
    public import Resilience
    public import ResilienceCore

    extension HTTPPipeline {
        /// Makes a request of HTTPTypes under the policy of its authority, by whatever client sends it. The authority
        /// is taken in lower case, without a port that is the scheme's own.
        ///
        /// - Parameters:
        ///   - request: The request. One without an authority goes by the policy of the empty one.
        ///   - body: What its body is good for. Default: there is none.
        ///   - isIdempotent: What the call says of itself. Default: `nil`, the method and an `Idempotency-Key` decide.
        ///   - priority: How important the call is to the bulkhead. Default: `nil`, as everything that does not say.
        ///   - isBodyUsed: Whether anything has been read from a body that can be read once. Default: always.
        ///   - release: What to do with a response that the caller does not get. Default: nothing.
        ///   - send: One attempt, with the request as it is to be sent: with the fields that the configuration has
        ///     chosen. What it reads of the body is within the limit of the attempt.
        /// - Throws: As ``/HTTPSemantics/HTTPPipeline/execute(to:_:priority:isBodyUsed:reading:releasing:_:)``.
        @inlinable
        public nonisolated(nonsending) func execute<Body: Sendable>(
            _ request: HTTPRequest, body: HTTPBodyReplay = .none, idempotent isIdempotent: Bool? = nil,
            priority: Bulkhead.Priority? = nil, isBodyUsed: () -> Bool = { true },
            releasing release: (nonisolated(nonsending) ((HTTPResponse, Body)) async -> Void)? = nil,
            _ send: nonisolated(nonsending) (HTTPRequest, Context) async throws -> (HTTPResponse, Body)
        ) async throws -> (HTTPResponse, Body) {
            try await execute(
                to: HTTPAuthority.name(request.authority ?? "", scheme: request.scheme),
                HTTPReplay(request, body: body, idempotent: isIdempotent),
                priority: priority, isBodyUsed: isBodyUsed, reading: { Head($0.0) }, releasing: release
            ) { context in
                var request = request
                request.headerFields.set(fields(in: context))
                return try await send(request, context)
            }
        }
    }
#endif
