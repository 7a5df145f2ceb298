#if AsyncHTTPClient
    public import HTTPSemantics

    extension ResilientHTTPClient {
        /// How requests and responses are treated.
        public struct Options: Sendable {
            /// Which responses are failures, and what they say about trying again.
            public var rule: HTTPResponseRule

            /// What the caller gets if a failed response is the outcome in the end. Default: the response.
            public var failures: Failures

            /// How many bytes of the body of a failed response are read, in memory, so that its connection can be used
            /// again. One that is longer costs the connection. Zero or more. Default: 64 KiB.
            public var drainLimit: Int

            /// The field that tells the server how long the caller still waits. Default: none.
            public var deadline: HTTPDeadlineField?

            /// The field that tells the server how important the request is. Default: none.
            public var priority: HTTPPriorityField?

            /// The time of day in seconds since the beginning of 1970, for a `Retry-After` that is a date in a response
            /// without `Date`. Default: none, such a date is not read.
            public var secondsSince1970: (@Sendable () -> Double)?

            /// Creates options; every part has a default.
            public init(
                rule: HTTPResponseRule = HTTPResponseRule(), failures: Failures = .returned, drainLimit: Int = 65_536,
                deadline: HTTPDeadlineField? = nil, priority: HTTPPriorityField? = nil
            ) {
                self.rule = rule
                self.failures = failures
                self.drainLimit = drainLimit
                self.deadline = deadline
                self.priority = priority
            }

            /// What a pipeline says.
            init(_ pipeline: HTTPPipeline.Configuration, _ drainLimit: Int) {
                self.init(
                    rule: pipeline.rule, failures: pipeline.throwsFailures ? .thrown : .returned,
                    drainLimit: drainLimit, deadline: pipeline.deadlineField, priority: pipeline.priorityField)
                secondsSince1970 = pipeline.secondsSince1970
            }
        }

        /// What becomes of a failed response that is the outcome in the end.
        public enum Failures: String, Sendable, Hashable, CaseIterable {
            /// The closure gets it, as any other.
            case returned
            /// It is thrown, as an `HTTPFailure` that carries it.
            case thrown
        }
    }
#endif
