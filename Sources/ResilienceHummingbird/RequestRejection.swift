#if Hummingbird
    internal import HTTPSemantics
    public import HTTPTypes
    public import Hummingbird
    public import Resilience

    /// The answer to a request that was not worked on, or not in time.
    ///
    /// | cause | status |
    /// |---|---|
    /// | the limit of the client is reached | 429 |
    /// | no free slot, an open breaker, no place for a new key; a policy of the handler refused a call | 503 |
    /// | the handler threw an `HTTPFailure` of a service that it called: 429 or 503, or another from 500 on | 503, 502 |
    /// | the deadline has passed; a timeout of the handler was exceeded | 504 |
    public struct RequestRejection: HTTPResponseError, ErrorWrapper, Sendable, CustomStringConvertible {
        /// The status of the answer.
        public let status: HTTPResponse.Status

        /// The fields of the answer: `Retry-After` in whole seconds, rounded up, if it is known; `RateLimit` and
        /// `RateLimit-Policy` of a request that has a limit; the content type of the problem.
        public let headers: HTTPFields

        /// The problem, as JSON; `nil` for an answer without a body.
        public let problem: String?

        /// What refused the request, or what took too long.
        public let wrappedError: any Error

        /// The answer.
        public func response(from request: Request, context: some RequestContext) throws -> Response {
            let body = problem.map { ResponseBody(byteBuffer: ByteBuffer(string: $0)) } ?? ResponseBody()
            return Response(status: status, headers: headers, body: body)
        }

        /// `429: rate limiter "tenants" is at its limit; retry after 2 seconds`
        public var description: String { "\(status.code): \(wrappedError)" }
    }

    /// Which part of a server an error came from.
    enum RejectionSource {
        case limit
        case bulkhead
        case handler
    }

    extension ServerGuards {
        /// The answer to a request that was refused or took too long; any other error is returned unchanged.
        func rejection(of error: any Error, from source: RejectionSource, _ fields: HTTPFields) -> any Error {
            // The handler has chosen its answer.
            if error is any HTTPResponseError { return error }
            let cause = unwrapped(error)
            guard var refusal = HTTPRefusal(cause) ?? HTTPRefusal(upstream: cause) else { return error }
            // That there is no place for a key is not the client's doing, and neither what a handler asks others for.
            if refusal.status == 429, source != .limit { refusal.status = 503 }
            let status = HTTPResponse.Status(code: refusal.status)
            var fields = fields
            if let retryAfter = refusal.retryAfter { fields[.retryAfter] = retryAfter }
            var problem: String?
            if options.usesProblemDetails {
                fields[.contentType] = "application/problem+json"
                problem = Problem(status, cause).text
            }
            return RequestRejection(status: status, headers: fields, problem: problem, wrappedError: error)
        }
    }

    extension HTTPRefusal {
        /// The answer to a failed response that a handler got from another service: a gateway's. `nil` for other
        /// errors.
        fileprivate init?(upstream error: any Error) {
            guard let failure = error as? HTTPFailure, failure.status >= 500 || failure.isOverload else { return nil }
            self.init(status: failure.isOverload ? 503 : 502, retryAfter: failure.retryAfter)
        }
    }

    /// The problem details of a rejection (RFC 9457), with the types of draft-ietf-httpapi-ratelimit-headers.
    struct Problem {
        let text: String

        init(_ status: HTTPResponse.Status, _ cause: any Error) {
            var members: [String: ConfigurationValue] = ["status": .integer(status.code)]
            switch status.code {
            case 429:
                members["type"] = "https://iana.org/assignments/http-problem-types#quota-exceeded"
                members["title"] = "The limit of requests is reached."
                if let name = (cause as? any PolicyRejection)?.policyName {
                    members["violated-policies"] = .array([.string(name)])
                }
            case 503:
                members["type"] = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
                members["title"] = "The server has more to do than it can."
            case 504:
                members["type"] = "about:blank"
                members["title"] = "The request was not answered in time."
            default:
                members["type"] = "about:blank"
                members["title"] = "A service that was needed has failed."
            }
            text = ConfigurationValue.object(members).description
        }
    }
#endif
