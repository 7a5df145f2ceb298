#if GRPC
    public import GRPCCore
    public import Resilience
    internal import ResilienceCore

    /// A transport whose calls go through a policy: of every generated client, without a change to any call.
    ///
    /// ```swift
    /// let transport = try ResilientTransport(wrapping: http2, policy: inventory)
    /// try await withGRPCClient(transport: transport) { client in … }
    /// ```
    ///
    /// Breakers, limiters, bulkheads and throttles see every connection that fails and every status. Those of a call
    /// are in force from the connection until its response has been read. A call that is refused throws the rejection,
    /// and sends nothing.
    ///
    /// A transport hands a call on once, in the task that it comes in. Retries and timeouts go around the call of the
    /// client, with ``ResilienceCore/Context/rpc(metadata:options:)``.
    public struct ResilientTransport<Base: ClientTransport>: ClientTransport {
        /// The bytes of the transport inside.
        public typealias Bytes = Base.Bytes

        /// The transport inside.
        public let base: Base
        private let policy: @Sendable (MethodDescriptor) -> Policy

        /// Creates a transport that has one policy for all calls.
        ///
        /// - Throws: `ConfigurationError` if the policy has a layer that repeats calls, or runs them in another task.
        public init(wrapping base: Base, policy: Policy) throws(ConfigurationError) {
            var check = ConfigurationCheck(policy.name)
            for layer in policy.layers {
                let repeats = layer.strategy is Retry || layer.strategy is Timeout
                check.require(
                    !repeats, "layers", layer.pattern, "cannot be within a transport: it goes around the call")
            }
            try check.finish()
            self.init(wrapping: base) { _ in policy }
        }

        /// Creates a transport that has a policy for each service or method.
        ///
        /// ```swift
        /// let transport = ResilientTransport(wrapping: http2) { services[$0.service.fullyQualifiedService] }
        /// ```
        ///
        /// - Parameters:
        ///   - base: The transport inside.
        ///   - policy: The policy of a method; asked with each call. One that repeats calls, or runs them in another
        ///     task, fails calls with `ConfigurationError`.
        public init(wrapping base: Base, policy: @escaping @Sendable (MethodDescriptor) -> Policy) {
            self.base = base
            self.policy = policy
        }

        /// The throttle of gRPC's own retries.
        public var retryThrottle: RetryThrottle? { base.retryThrottle }

        /// Connects the transport inside, and keeps it connected.
        @concurrent public func connect() async throws { try await base.connect() }

        /// Asks the transport inside to open no further streams.
        public func beginGracefulShutdown() { base.beginGracefulShutdown() }

        /// The configuration of a method in the transport inside.
        public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
            base.config(forMethod: descriptor)
        }

        /// Opens a stream under the policy.
        ///
        /// - Throws: What the transport throws, or the rejection of a layer. gRPC's own retries and hedges get a
        ///   rejection as the status that it converts to, with pushback.
        @concurrent
        public func withStream<T: Sendable>(
            descriptor: MethodDescriptor, options: CallOptions,
            _ closure: @concurrent (RPCStream<Inbound, Outbound>, ClientContext) async throws -> T
        ) async throws -> T {
            try await withoutActuallyEscaping(closure) { closure in
                let call = StreamCall(
                    base: base, descriptor: descriptor, options: options, use: StreamUse(closure: closure))
                return try await call.run(under: policy(descriptor))
            }
        }
    }
#endif
