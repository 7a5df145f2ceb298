#if Hummingbird
    internal import HTTPSemantics
    internal import HTTPTypes
    internal import Hummingbird
    internal import Resilience

    /// What a middleware protects its server with, whatever the context of its requests.
    struct ServerGuards: Sendable {
        let name: String
        let bulkhead: Bulkhead?
        let breaker: CircuitBreaker?
        let options: ServerOptions
        let time: TimeSource
        /// Cancels handlers at the deadlines of their requests.
        let timeout: Timeout
        let rootContext: CallContext
        /// Reads fields of requests, and counts those that cannot be read.
        let unreadable: UnreadableFields

        init(
            _ name: String, _ bulkhead: Bulkhead?, _ breaker: CircuitBreaker?, _ options: ServerOptions,
            _ clock: some Clock<Duration>
        ) throws(ConfigurationError) {
            try options.validate()
            self.name = name
            self.bulkhead = bulkhead
            self.breaker = breaker
            self.options = options
            timeout = try Timeout(name, .remaining, clock: clock)
            rootContext = timeout.rootContext
            time = rootContext.time
            unreadable = UnreadableFields(name)
        }

        /// Refuses a request that is late, or whose limit is reached.
        ///
        /// - Returns: What the client is told of its limit.
        @concurrent
        func admit(_ arrival: Arrival, _ share: LimitShare?) async throws -> HTTPFields {
            guard !arrival.isLate else {
                throw rejection(of: Timeout.NoTimeLeftError(policyName: name), from: .limit, [:])
            }
            guard let share else { return [:] }
            do {
                try await share.takePermit(in: arrival.context)
            } catch {
                throw rejection(of: error, from: .limit, options.rateLimitFields == .never ? [:] : HTTPFields(share))
            }
            return options.rateLimitFields == .always ? HTTPFields(share) : [:]
        }

        /// Takes a slot of the bulkhead, for which it waits as long as the bulkhead and the deadline allow.
        @concurrent
        func takeSlot(_ arrival: Arrival, _ fields: HTTPFields) async throws -> RequestSlot? {
            guard let bulkhead else { return nil }
            do {
                return RequestSlot(try await bulkhead.acquirePermit(in: arrival.context))
            } catch {
                throw rejection(of: error, from: .bulkhead, fields)
            }
        }

        /// Sees to it that a slot is held, and the client's deadline kept, until the body of a response is written.
        func hold(_ slot: RequestSlot?, until response: inout Response, _ arrival: Arrival) {
            guard slot != nil || arrival.isBoundByClient else { return }
            // An answer that says that it was too much shrinks an adaptive limit.
            let overload = [503, 504].contains(response.status.code) ? OverloadedAnswer() : nil
            let body = response.body
            guard body.contentLength != 0 else {
                slot?.release(after: overload, in: arrival.context)
                return
            }
            response.body = ResponseBody(contentLength: body.contentLength) { [timeout] writer in
                do {
                    if arrival.isBoundByClient {
                        let part = BodyPart(writer: writer)
                        try await timeout.execute(arrival.context) { _ in try await body.write(part.writer) }
                    } else {
                        try await body.write(writer)
                    }
                } catch {
                    slot?.release(after: error, in: arrival.context)
                    throw error
                }
                slot?.release(after: overload, in: arrival.context)
            }
        }
    }

    /// What an answer of 503 or 504 means to an adaptive limit.
    private struct OverloadedAnswer: OverloadError {}

    /// The writer of a body, handed on to the one task that writes it.
    private struct BodyPart: @unchecked Sendable {
        let writer: any ResponseBodyWriter
    }
#endif
