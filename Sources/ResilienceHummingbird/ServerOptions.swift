#if Hummingbird
    public import HTTPSemantics
    public import Resilience

    /// Deadlines, priorities and the form of answers of a ``ResilienceMiddleware``.
    public struct ServerOptions: Sendable {
        /// When clients are told how much of their limit is left.
        public enum RateLimitFields: Sendable, Hashable, CaseIterable {
            /// In every response: `RateLimit` and `RateLimit-Policy`.
            case always
            /// In those of status 429.
            case onRejection
            /// Never.
            case never
        }

        /// The fields by which clients tell how long they wait, such as `grpc-timeout`. If there are several, the
        /// shortest time holds. A request whose time is over when it comes is refused without being worked on; a
        /// handler is cancelled at the client's deadline, and the writing of a body ends there. Default: none.
        ///
        /// ```swift
        /// .init(deadlines: [.grpcTimeout, try HTTPDeadlineField("x-timeout-ms", .milliseconds)])
        /// ```
        public var deadlines: [HTTPDeadlineField]

        /// The field by which clients tell how important a request is: for the bulkhead's queue, and for what the
        /// handler calls (``RequestPriority``). Only for clients that are trusted. Default: `nil`, none.
        public var priority: HTTPPriorityField?

        /// How long a handler may take, from the arrival of its request, 1 ns to 292 years. Also the most that a
        /// client's deadline can ask for. Default: `nil`, no limit.
        ///
        /// It does not bound the writing of the body: a client that reads slowly, or a stream that lasts.
        public var timeLimit: Duration?

        /// When clients are told how much of their limit is left. Default: ``RateLimitFields/always``.
        public var rateLimitFields: RateLimitFields

        /// Whether a rejection has a body of the type `application/problem+json` (RFC 9457). Default: `false`, no body.
        public var usesProblemDetails: Bool

        /// Creates options.
        public init(
            deadlines: [HTTPDeadlineField] = [], priority: HTTPPriorityField? = nil, timeLimit: Duration? = nil,
            rateLimitFields: RateLimitFields = .always, usesProblemDetails: Bool = false
        ) {
            self.deadlines = deadlines
            self.priority = priority
            self.timeLimit = timeLimit
            self.rateLimitFields = rateLimitFields
            self.usesProblemDetails = usesProblemDetails
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("server")
            if let timeLimit { check.require(positive: "timeLimit", timeLimit) }
            try check.finish()
        }
    }
#endif
