#if Tracing
    public import Resilience
    public import Tracing

    /// A span around the rest of a call, by swift-distributed-tracing.
    ///
    /// ```swift
    /// let payments = try Policy("payments") {
    ///     Trace.layer()                                          // a span for the call
    ///     Retry.layer(.exponential(), maxAttempts: 3)
    ///     CircuitBreaker.layer()
    ///     Trace.layer("payments attempt", .init(kind: .client))  // a span for each attempt
    /// }
    /// ```
    ///
    /// Where the layer stands decides what the span is of. It is a child of the span that is current where the policy
    /// is called, and itself current in the layers inside and in the operation, so that what the operation calls
    /// belongs to it. The operation stays on its caller's actor.
    ///
    /// What the layers inside do to this call becomes events of the span: attempts that failed, with the delay before
    /// the next; a breaker that is not closed; a wait for a bulkhead; a rejection; a timeout; the step of a fallback,
    /// and the attempt of a hedge that won (see ``execute(_:_:)``). A failed or rejected call gives the span the status
    /// `error`.
    ///
    /// Without a tracer there is no span, and a call costs looking for one.
    public final class Trace: Strategy {
        /// The name of the spans.
        public let name: String

        /// What the spans are like.
        public let configuration: Configuration

        /// The context of a call that starts here.
        public let rootContext: Context

        /// Creates a strategy that is shared by policies, or used around the calls of one.
        ///
        /// - Parameters:
        ///   - name: The name of the spans. Of few values: what tells calls apart belongs into attributes.
        ///   - configuration: What the spans are like.
        ///   - clock: What a context is measured in that starts here. Default: the continuous clock. Spans have the
        ///     time of the tracer.
        public convenience init(
            _ name: String, _ configuration: Configuration = Configuration(),
            clock: some Clock<Duration> = ContinuousClock()
        ) {
            self.init(PolicyEnvironment(name: name, time: TimeSource(clock)), configuration)
        }

        init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
            name = environment.name
            self.configuration = configuration
            rootContext = Context(name: environment.name, time: environment.time)
        }

        /// What spans are like.
        public struct Configuration: Sendable {
            /// What the span says about the two sides of the call. Default: internal. `client` suits a span that is
            /// around nothing but a call of another service.
            public var kind: SpanKind

            /// Attributes that every span has. Default: none.
            public var attributes: SpanAttributes

            /// Makes the spans; `nil` for the tracer that is current at each call: that of `withTracer`, or the one
            /// that the process was bootstrapped with. Default: `nil`.
            public var tracer: (any Tracer)?

            /// Creates a configuration; every part has a default.
            public init(
                kind: SpanKind = .internal, attributes: SpanAttributes = [:], tracer: (any Tracer)? = nil
            ) {
                self.kind = kind
                self.attributes = attributes
                self.tracer = tracer
            }
        }

        /// Runs the rest of a call in a span.
        ///
        /// A fallback and a hedge are no layers. To have what they do in a span as well, call them within one:
        ///
        /// ```swift
        /// let quote = try await trace.execute { context in
        ///     try await quotes.execute(within: context) { try await exchange.latestQuote() }
        /// }
        /// ```
        ///
        /// - Throws: What `next` threw, unchanged.
        public nonisolated(nonsending) func execute(
            _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
        ) async throws {
            let tracer = configuration.tracer ?? InstrumentationSystem.tracer
            if tracer is NoOpTracer {
                try await next(context)
            } else {
                let span = start(tracer, context)
                try await execute(context, in: span, next)
            }
        }

        private func start(_ tracer: some Tracer, _ context: Context) -> CallSpan {
            CallSpan(tracer.startSpan(name, ofKind: configuration.kind), configuration.attributes, context)
        }

        private nonisolated(nonsending) func execute(
            _ context: Context, in span: CallSpan, _ next: nonisolated(nonsending) (Context) async throws -> Void
        ) async throws {
            // What a span that is not recorded would be told costs each report of a layer more than saying nothing.
            let context = span.isRecording ? context.reporting(to: span.record) : context
            let error = await InstrumentationContext.$current.binding(span.context, #isolation) {
                try await next(context)
            }
            if let error {
                span.end(error, context)
                throw error
            }
            span.end()
        }

        /// This strategy as one layer: `Trace(payments)`.
        public var layers: [LayerDescription] {
            [LayerDescription(pattern: "Trace", detail: name, strategy: self)]
        }
    }
#endif
