#if Hummingbird
    public import Hummingbird
    public import Resilience

    /// The context of a call, where the context of a request is called `Context`.
    typealias CallContext = ResilienceCore.Context

    /// Protects a server: limits for each client, a bound on what runs at once, deadlines, and a circuit breaker.
    ///
    /// ```swift
    /// let perTenant = try KeyedRateLimiter<String>("tenants", .tokenBucket(100, per: .seconds(1)))
    /// let work = try Bulkhead("work", limit: 64)
    /// try router.add(
    ///     middleware: ResilienceMiddleware(limiter: perTenant, bulkhead: work) { request, _ in
    ///         request.headers[.authorization] ?? "nobody"
    ///     })
    /// ```
    ///
    /// A request meets its parts in this order: a deadline that has passed is answered with 504, a limit that is
    /// reached with 429, a bulkhead without a free slot and an open breaker with 503, each before any work is done, and
    /// with `Retry-After` where it is known. A handler that does not end in time is cancelled and answered with 504;
    /// what its own policies refuse becomes 503. Every other error passes unchanged.
    ///
    /// **The slot is held until the body is written**, also of a stream, and is given back when the client goes away or
    /// the response is dropped.
    ///
    /// The answer is thrown, as a ``RequestRejection``, so that middleware around this one sees why.
    public struct ResilienceMiddleware<Context: RequestContext>: RouterMiddleware {
        let guards: ServerGuards
        let limit: RequestLimit<Context>?

        /// Creates a middleware with a limit for each client, tenant or address.
        ///
        /// - Parameters:
        ///   - name: What the server is called in metrics and in errors of its deadline. Default: `server`.
        ///   - limiter: How many requests each key may make. Keep it to read and retune it.
        ///   - bulkhead: How many requests may be worked on at once. Default: `nil`, any number.
        ///   - breaker: Refuses requests while handlers fail: those that answer with a status of 500 or more, or throw
        ///     what is answered so. Default: `nil`, none.
        ///   - options: Deadlines, priorities and the form of answers.
        ///   - clock: The time that deadlines are measured in. Default: the continuous clock.
        ///   - key: Whose request it is; `nil` if no limit is for it. In the place of a key longer than 128 bytes is
        ///     one of bounded length. Take it from what the client cannot choose, or what has been checked.
        /// - Throws: `ConfigurationError` with every fault of the options.
        public init(
            _ name: String = "server", limiter: KeyedRateLimiter<String>, bulkhead: Bulkhead? = nil,
            breaker: CircuitBreaker? = nil, options: ServerOptions = .init(),
            clock: some Clock<Duration> = ContinuousClock(),
            key: @escaping @Sendable (Request, Context) -> String?
        ) throws(ConfigurationError) {
            guards = try ServerGuards(name, bulkhead, breaker, options, clock)
            limit = .keyed(limiter, key)
        }

        /// Creates a middleware without a limit for each client.
        ///
        /// - Parameters:
        ///   - name: What the server is called in metrics and in errors of its deadline. Default: `server`.
        ///   - limiter: How many requests may come, from all clients together. Default: `nil`, any number.
        ///   - bulkhead: How many requests may be worked on at once. Default: `nil`, any number.
        ///   - breaker: Refuses requests while handlers fail: those that answer with a status of 500 or more, or throw
        ///     what is answered so. Default: `nil`, none.
        ///   - options: Deadlines, priorities and the form of answers.
        ///   - clock: The time that deadlines are measured in. Default: the continuous clock.
        /// - Throws: `ConfigurationError` with every fault of the options.
        public init(
            _ name: String = "server", limiter: RateLimiter? = nil, bulkhead: Bulkhead? = nil,
            breaker: CircuitBreaker? = nil, options: ServerOptions = .init(),
            clock: some Clock<Duration> = ContinuousClock()
        ) throws(ConfigurationError) {
            guards = try ServerGuards(name, bulkhead, breaker, options, clock)
            limit = limiter.map { .shared($0) }
        }

        /// Lets a request in, or throws its rejection.
        ///
        /// - Throws: ``RequestRejection`` for what this middleware or a policy of the handler refused, and for what
        ///   took too long; otherwise what the handler threw.
        @concurrent
        public func handle(
            _ request: Request, context: Context,
            next: @concurrent (Request, Context) async throws -> Response
        ) async throws -> Response {
            let arrival = guards.arrival(of: request.headers)
            let fields = try await guards.admit(arrival, limit?.share(of: request, context))
            let slot = try await guards.takeSlot(arrival, fields)
            do {
                var response = try await answer(request, context, arrival, next)
                guards.hold(slot, until: &response, arrival)
                if !fields.isEmpty { response.headers.append(contentsOf: fields) }
                return response
            } catch {
                slot?.release(after: error, in: arrival.context)
                throw guards.rejection(of: error, from: .handler, fields)
            }
        }

        /// Runs the handler within the breaker and the deadline.
        @concurrent
        private func answer(
            _ request: Request, _ context: Context, _ arrival: Arrival,
            _ next: @concurrent (Request, Context) async throws -> Response
        ) async throws -> Response {
            guard let breaker = guards.breaker else { return try await inTime(request, context, arrival, next) }
            let permit = try breaker.tryAcquirePermit(in: arrival.context)
            let result: Result<Response, any Error>
            do {
                result = .success(try await inTime(request, context, arrival, next))
            } catch {
                result = .failure(error)
            }
            switch result {
            case .success(let response): permit.succeed(with: response) { $0.status.code < 500 }
            case .failure(let error as any HTTPResponseError) where error.status.code < 500: permit.succeed()
            case .failure(let error): permit.fail(error)
            }
            return try result.get()
        }

        /// Runs the handler, and cancels it at the deadline.
        @concurrent
        private func inTime(
            _ request: Request, _ context: Context, _ arrival: Arrival,
            _ next: @concurrent (Request, Context) async throws -> Response
        ) async throws -> Response {
            let call = HandlerCall(request: request, context: context)
            return try await arrival.withPriority {
                guard arrival.hasDeadline else { return try await next(call.request, call.context) }
                var response: Response?
                try await guards.timeout.execute(arrival.context) { _ in
                    response = try await next(call.request, call.context)
                }
                guard let response else { throw Timeout.NoTimeLeftError(policyName: guards.name) }
                return response
            }
        }
    }

    extension ResilienceMiddleware: MetricSource {
        /// Adds how many fields of requests could not be read, and the limiter, the bulkhead and the breaker.
        public func collect(into metrics: inout MetricCollection) {
            metrics.collect(guards.unreadable)
            switch limit {
            case .shared(let limiter): metrics.collect(limiter)
            case .keyed(let limiter, _): metrics.collect(limiter)
            case nil: break
            }
            if let bulkhead = guards.bulkhead { metrics.collect(bulkhead) }
            if let breaker = guards.breaker { metrics.collect(breaker) }
            metrics.collect(guards.timeout)
        }
    }

    /// What a handler is called with, handed on to the one task that calls it.
    private struct HandlerCall<Context>: @unchecked Sendable {
        let request: Request
        let context: Context
    }
#endif
