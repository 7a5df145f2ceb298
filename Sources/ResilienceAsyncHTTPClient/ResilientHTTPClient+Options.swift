#if AsyncHTTPClient
    public import HTTPSemantics

    extension ResilientHTTPClient {
        /// How requests and responses are treated.
        public struct Options: Sendable {
            /// Which responses are failures, and what they say about trying again.
            public var rule: HTTPResponseRule

            /// Whether a failed response that is the outcome in the end is thrown, as an `HTTPFailure` that carries it.
            /// Default: no, the closure gets it, as any other.
            public var throwsFailures: Bool

            /// How many bytes of the body of a failed response are read, in memory, so that its connection can be used
            /// again. One that is longer costs the connection. Zero or more. Default: 64 KiB.
            public var drainLimit: Int

            /// The field that tells the server how long the caller still waits. Default: none.
            public var deadlineField: HTTPDeadlineField?

            /// The field that tells the server how important the request is. Default: none.
            public var priorityField: HTTPPriorityField?

            /// The time of day in seconds since the beginning of 1970, for a `Retry-After` that is a date in a response
            /// without `Date`. Default: none, such a date is not read.
            public var secondsSince1970: (@Sendable () -> Double)?

            /// Creates options; every part has a default.
            public init(
                rule: HTTPResponseRule = HTTPResponseRule(), throwsFailures: Bool = false, drainLimit: Int = 65_536,
                deadlineField: HTTPDeadlineField? = nil, priorityField: HTTPPriorityField? = nil
            ) {
                self.rule = rule
                self.throwsFailures = throwsFailures
                self.drainLimit = drainLimit
                self.deadlineField = deadlineField
                self.priorityField = priorityField
            }

            /// What a pipeline says.
            init(_ pipeline: HTTPPipeline.Configuration, _ drainLimit: Int) {
                self.init(
                    rule: pipeline.rule, throwsFailures: pipeline.throwsFailures, drainLimit: drainLimit,
                    deadlineField: pipeline.deadlineField, priorityField: pipeline.priorityField)
                secondsSince1970 = pipeline.secondsSince1970
            }
        }
    }
#endif
