#if GRPC
    internal import GRPCCore
    internal import Resilience
    internal import ResilienceCore

    /// What gRPC does with a stream, which is not `Sendable`.
    ///
    /// Sound because it runs in the task that it came in, which waits for it.
    struct StreamUse<Bytes: GRPCContiguousBytes & Sendable, Value: Sendable>: @unchecked Sendable {
        typealias Inbound = RPCAsyncSequence<RPCResponsePart<Bytes>, any Error>
        typealias Outbound = RPCWriter<RPCRequestPart<Bytes>>.Closable

        let closure: @concurrent (RPCStream<Inbound, Outbound>, ClientContext) async throws -> Value

        @concurrent func callAsFunction(
            _ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext
        ) async throws -> Value {
            try await closure(stream, context)
        }
    }

    /// One call through a ``ResilientTransport``.
    struct StreamCall<Base: ClientTransport, Value: Sendable>: Sendable {
        let base: Base
        let descriptor: MethodDescriptor
        let options: CallOptions
        let use: StreamUse<Base.Bytes, Value>
        let record = StreamRecord()

        nonisolated(nonsending) func run(under policy: Policy) async throws -> Value {
            let task = currentTaskIdentity()
            var value: Value?
            do {
                return try await policy.execute(from: context(of: policy), accepting: { (_: Value) in true }) { _ in
                    guard currentTaskIdentity() == task else { throw misplaced(in: policy) }
                    if let error = record.repetitionError { throw error }
                    let result = try await open()
                    value = result
                    // gRPC has the status in its value, where no layer would see it.
                    if let error = record.error { throw error }
                    return result
                }
            } catch {
                if let value { return value }
                if options.executionPolicy != nil, let status = RPCError(rejection: error) {
                    return try await refuse(with: status)
                }
                throw error
            }
        }

        /// The deadline of a call that has a timeout. A little earlier than gRPC's, which was set before, so that a
        /// call that is cut off by that has run out of time, and was not given up by its caller.
        private func context(of policy: Policy) -> Context {
            var context = policy.rootContext
            guard let timeout = options.timeout else { return context }
            let time = context.time
            context.shortenDeadline(to: time.now.advanced(by: timeout.shortenedForLateness), on: time)
            return context
        }

        private nonisolated(nonsending) func open() async throws -> Value {
            do {
                return try await base.withStream(descriptor: descriptor, options: options) { stream, context in
                    record.opened()
                    var stream = stream
                    stream.inbound = RPCAsyncSequence(wrapping: RecordedParts(base: stream.inbound, record: record))
                    return try await use(stream, context)
                }
            } catch var error as RPCError where !record.isOpened {
                error.cause = UnsentCallError(underlying: error.cause)
                throw error
            }
        }

        /// Gives gRPC a stream on which the server seems to have refused the call. Its own retries take a thrown error
        /// for the end, and then wait for their deadline.
        private nonisolated(nonsending) func refuse(with error: RPCError) async throws -> Value {
            let status = Status(code: Status.Code(error.code), message: error.message)
            let stream = RPCStream(
                descriptor: descriptor,
                inbound: StreamUse<Base.Bytes, Value>.Inbound(
                    wrapping: RefusedParts<Base.Bytes>(status: status, metadata: error.metadata)),
                outbound: StreamUse<Base.Bytes, Value>.Outbound(wrapping: DiscardingWriter<Base.Bytes>()))
            let nobody = ClientContext(descriptor: descriptor, remotePeer: "none:", localPeer: "none:")
            return try await use(stream, nobody)
        }

        private func misplaced(in policy: Policy) -> ConfigurationError {
            ConfigurationError(
                .init(
                    field: "\(policy.name).layers", value: policy.description,
                    violation: "runs calls in another task, which a transport cannot"))
        }
    }

    extension RPCError {
        /// The status of a rejection, and of nothing else.
        fileprivate init?(rejection error: any Error) {
            guard CallEnd(error) == .rejected else { return nil }
            self.init(converting: error)
        }
    }

    extension Duration {
        /// A tenth shorter, but no more than 5 ms.
        var shortenedForLateness: Duration { self - max(.zero, min(self / 10, .milliseconds(5))) }
    }

    /// Tells tasks apart that run at the same time.
    private func currentTaskIdentity() -> Int? {
        withUnsafeCurrentTask { $0?.hashValue }
    }
#endif
