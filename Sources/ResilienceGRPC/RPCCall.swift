#if GRPC
    public import GRPCCore
    public import Resilience

    extension Context {
        /// What to give to a generated client for this attempt: the time that is left, and which attempt it is.
        ///
        /// ```swift
        /// let stock = try await inventory.execute { context in
        ///     let call = context.rpc()
        ///     return try await client.stock(item, metadata: call.metadata, options: call.options)
        /// }
        /// ```
        ///
        /// - Parameters:
        ///   - metadata: What else to send. Default: nothing.
        ///   - options: The options of the call. A timeout that is shorter than the time left stays. Default: none.
        public func rpc(metadata: Metadata = [:], options: CallOptions = .defaults) -> RPCCall {
            RPCCall(self, metadata, options)
        }
    }

    /// The metadata and options of one attempt. Made by ``ResilienceCore/Context/rpc(metadata:options:)``.
    public struct RPCCall: Sendable {
        /// What to send. With `grpc-previous-rpc-attempts` from the second attempt on, retries and hedges counted
        /// together.
        public var metadata: Metadata

        /// The options, whose timeout is at most the time that is left for the call. The server is told of it as
        /// `grpc-timeout`.
        public var options: CallOptions

        init(_ context: Context, _ metadata: Metadata, _ options: CallOptions) {
            self.metadata = metadata
            self.options = options
            let (previous, overflows) = context.attempt.subtractingReportingOverflow(1)
            if previous > 0, !overflows {
                self.metadata.replaceOrAddString("\(previous)", forKey: RPCField.previousAttempts)
            }
            if let remaining = context.remaining {
                self.options.timeout = options.timeout.map { min($0, remaining) } ?? remaining
            }
        }
    }
#endif
