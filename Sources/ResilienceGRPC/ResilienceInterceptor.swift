#if GRPC
    public import GRPCCore
    internal import HTTPSemantics
    public import Resilience
    internal import ResilienceCore
    internal import Synchronization

    /// Protects a server: limits per method or client, a bulkhead, the client's deadline, and cancellation.
    ///
    /// ```swift
    /// let server = GRPCServer(
    ///     transport: transport, services: [stock],
    ///     interceptors: [ResilienceInterceptor(limiter: perClient, by: .peer, bulkhead: work)])
    /// ```
    ///
    /// A call that is refused ends with `resourceExhausted`, with `grpc-retry-pushback-ms` where it is known when to
    /// come back. One that gets in holds its slot of the bulkhead until its response has been written, also if that is
    /// a stream.
    ///
    /// Within the call, policies know the deadline that the client gave (`grpc-timeout`) and wait no longer. When it
    /// has passed, and when the client has gone, the task of the method is cancelled, which gRPC alone does not do.
    public final class ResilienceInterceptor: ServerInterceptor {
        private let limiter: KeyedRateLimiter<String>?
        private let key: RPCKey
        private let bulkhead: Bulkhead?
        private let priority: @Sendable (ServerContext, Metadata) -> Bulkhead.Priority
        private let time: TimeSource
        private let unreadable = Atomic(0)

        /// Creates an interceptor; without arguments, one for deadlines and cancellation.
        ///
        /// - Parameters:
        ///   - limiter: The permits of each key. Default: none.
        ///   - key: What calls are told apart by. Default: the client's address.
        ///   - bulkhead: How many calls run at once, streams included. Default: none.
        ///   - priority: Which of the calls that wait for a slot goes first. Default: all are normal.
        ///   - clock: What deadlines are measured in. Default: the continuous clock.
        public init(
            limiter: KeyedRateLimiter<String>? = nil, by key: RPCKey = .peer, bulkhead: Bulkhead? = nil,
            priority: @escaping @Sendable (ServerContext, Metadata) -> Bulkhead.Priority = { _, _ in .normal },
            clock: some Clock<Duration> = ContinuousClock()
        ) {
            self.limiter = limiter
            self.key = key
            self.bulkhead = bulkhead
            self.priority = priority
            time = TimeSource(clock)
        }

        /// How many calls had an unreadable `grpc-timeout`. They run without a deadline.
        public var unreadableTimeouts: Int { unreadable.load(ordering: .relaxed) }

        /// Lets a call in, or refuses it.
        ///
        /// - Throws: An `RPCError` for a call that was refused or cut off; otherwise what the method throws.
        @concurrent
        public func intercept<Input: Sendable, Output: Sendable>(
            request: StreamingServerRequest<Input>, context: ServerContext,
            next:
                @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws
                -> StreamingServerResponse<Output>
        ) async throws -> StreamingServerResponse<Output> {
            let call = ServerCall(context, until: deadline(of: request.metadata), on: time)
            return try await withoutActuallyEscaping(next) { next in
                try await call.run { [self] in
                    try await admit(request.metadata, context)
                    guard let slot = try await takeSlot(request.metadata, context) else {
                        return try await next(request, context).writing { producer, writer in
                            try await call.run { try await producer(writer) }
                        }
                    }
                    let response = try await slot.keeping { try await next(request, context) }
                    guard case .success = response.accepted else {
                        if case .failure(let error) = response.accepted { slot.release(after: error) }
                        return response
                    }
                    return response.writing { producer, writer in
                        try await call.run {
                            let trailers = try await slot.keeping { try await producer(writer) }
                            slot.release()
                            return trailers
                        }
                    }
                }
            }
        }

        private func deadline(of metadata: Metadata) -> TimeSource.Instant? {
            guard let field = metadata.firstString(RPCField.timeout) else { return nil }
            guard let timeout = HTTPDeadlineField.grpcTimeout.parse(field) else {
                unreadable.wrappingAdd(1, ordering: .relaxed)
                return nil
            }
            // gRPC set its own before, and is not to come first.
            return time.now.advanced(by: timeout.shortenedForLateness)
        }

        private nonisolated(nonsending) func admit(_ metadata: Metadata, _ context: ServerContext) async throws {
            try await limiter?.acquire(for: key(context, metadata))
        }

        private nonisolated(nonsending) func takeSlot(
            _ metadata: Metadata, _ context: ServerContext
        ) async throws -> HeldPermit? {
            guard let bulkhead else { return nil }
            return HeldPermit(try await bulkhead.acquirePermit(priority: priority(context, metadata)))
        }
    }

    extension StreamingServerResponse {
        /// The same response, whose body is produced within something else.
        fileprivate func writing(
            _ produce:
                @escaping @Sendable (
                    _ producer: @escaping @Sendable @concurrent (RPCWriter<Message>) async throws -> Metadata,
                    _ writer: RPCWriter<Message>
                ) async throws -> Metadata
        ) -> StreamingServerResponse<Message> {
            guard case .success(var contents) = accepted else { return self }
            let producer = contents.producer
            contents.producer = { try await produce(producer, $0) }
            return StreamingServerResponse(accepted: .success(contents))
        }
    }
#endif
