#if AsyncHTTPClient
    public import AsyncHTTPClient
    public import HTTPSemantics
    internal import NIOHTTP1
    public import Resilience
    public import ResilienceCore

    /// An `HTTPClient` whose requests several endpoints can answer: safe ones go to the next when the first is slow,
    /// and others after a failure that allows it.
    ///
    /// ```swift
    /// let search = try HedgingHTTPClient(
    ///     name: "search", module: resilience,
    ///     endpoints: [HTTPEndpoint("https://eu.example.com"), HTTPEndpoint("https://us.example.com")])
    /// let page = try await search.execute(HTTPClientRequest(url: "/search?q=tea")) { response in
    ///     try await response.body.collect(upTo: 1 << 20)
    /// }
    /// ```
    ///
    /// Each endpoint has a pause, a breaker, a bulkhead and a limit of its own
    /// (``/HTTPSemantics/HTTPHedgingPipeline``).
    /// As attempts may run at once, the response is read in a closure that is `@Sendable`, in the attempt's own task.
    public struct HedgingHTTPClient: Sendable {
        /// The client inside.
        public let client: HTTPClient

        /// The endpoints, and what protects them.
        public let pipeline: HTTPHedgingPipeline

        private let options: ResilientHTTPClient.Options
        private let events: EventChannel<ResilientHTTPClient.EventKind>
        private let pool: PoolCheck?

        /// Creates a client.
        ///
        /// - Parameters:
        ///   - client: The client that makes the requests. Default: the shared one.
        ///   - name: What it is called in errors, events and metrics, and in the module and its document. Default:
        ///     `http`.
        ///   - module: Where it is registered. Default: none.
        ///   - pipeline: What each attempt passes, and the total limit. What is said there of the client's errors is
        ///     replaced, and its `retry` has no meaning.
        ///   - endpoints: Where to. At least one, and none twice.
        ///   - routing: In which order a call tries the endpoints. Default: as they are given.
        ///   - hedge: When the next one is tried. Default: after 2 seconds or a failure, once.
        ///   - drainLimit: See ``ResilientHTTPClient/Options/drainLimit``.
        ///   - configuration: What the client was made with, for a warning where it contradicts the policies. Default:
        ///     known for the shared client; no warnings for others.
        ///   - clock: The time of the policies. Default: the continuous clock.
        ///   - random: Their randomness. Default: the system's.
        ///   - observers: The observers to notify of their events, and of such a warning.
        /// - Throws: All faults; also of settings that contradict each other, and of a name that is taken.
        public init(
            _ client: HTTPClient = .shared, name: String = "http", module: ResilienceModule? = nil,
            pipeline: HTTPPipeline.Configuration = HTTPPipeline.Configuration(), endpoints: [HTTPEndpoint],
            routing: HTTPHedgingPipeline.Routing = .ordered,
            hedge: Hedge.Configuration = Hedge.Configuration(delay: .fixed(.seconds(2))), drainLimit: Int = 65_536,
            configuration: HTTPClient.Configuration? = nil, clock: some Clock<Duration> = ContinuousClock(),
            random: RandomSource = .system, observers: [any PolicyObserver] = []
        ) throws(ConfigurationError) {
            var layers = pipeline
            layers.sendOutcome = { HTTPSendOutcome.ofCall($0) }
            self.client = client
            options = ResilientHTTPClient.Options(layers, drainLimit)
            self.pipeline = try HTTPHedgingPipeline(
                name, layers, endpoints: endpoints, routing: routing, hedge: hedge, clock: clock, random: random,
                observers: observers)
            events = EventChannel(name)
            pool = PoolCheck(of: client, configuration)
            try module?.register(Registration(name, self.pipeline))
        }

        /// Makes a request at one endpoint after another, and reads the response.
        ///
        /// - Parameters:
        ///   - request: The request. Of its URL, scheme and authority are replaced by those of each endpoint; a path
        ///     alone will do: `/search?q=tea`.
        ///   - body: The body, of which it is known whether it can be sent again. Default: that of the request, which
        ///     is taken for one that can be read once.
        ///   - isIdempotent: Whether it does no harm to run the request twice. Default: by its method, or an
        ///     `Idempotency-Key`.
        ///   - read: Reads a response, in each attempt that has an answer and once more for a failed response that is
        ///     the outcome. What it throws of its own is not the service's failure.
        /// - Returns: What the closure returned for the first answer.
        /// - Throws: As ``ResilientHTTPClient/execute(_:body:idempotent:priority:_:)``.
        public func execute<Value: Sendable>(
            _ request: HTTPClientRequest, body: HTTPRequestBody? = nil, idempotent isIdempotent: Bool? = nil,
            _ read: @escaping @Sendable (HTTPClientResponse) async throws -> Value
        ) async throws -> Value {
            let body = body ?? request.body.map { .unknown($0) }
            let replay = HTTPReplay(
                method: request.method.rawValue, body: body?.replay ?? .none, idempotent: isIdempotent
            ) { request.headers[$0] }
            if let pool, let first = pipeline.endpoints.first {
                pool.warn(of: pipeline.policies[first.authority], events, observers: pipeline.policies.observers)
            }
            let path = pathAndQuery(of: request.url)
            let (client, options) = (client, options)
            let outcome: Outcome<Value>
            do {
                outcome = try await pipeline.execute(
                    replay, isBodyUsed: { body?.isUsed() ?? false }, reading: \.head
                ) { endpoint, context in
                    var request = request
                    request.url = endpoint.url + path
                    request.body = body?.make()
                    options.addFields(to: &request, context)
                    let response = try await client.execute(request, deadline: RequestCall.deadline(context))
                    let headers = response.headers
                    let failure = options.rule.failure(
                        status: Int(response.status.code), secondsSince1970: options.secondsSince1970?(),
                        headers: { headers[$0] })
                    guard failure == nil else {
                        return Outcome(response: await response.drained(upTo: options.drainLimit), value: nil)
                    }
                    do {
                        return Outcome(response: response, value: .success(try await read(response)))
                    } catch {
                        guard Task.isCancelled || isOfTransport(error) else {
                            return Outcome(response: response, value: .failure(error))
                        }
                        throw error
                    }
                }
            } catch var failure as HTTPFailure {
                if let outcome = failure.response as? Outcome<Value> { failure.response = outcome.response }
                throw failure
            }
            guard let value = outcome.value else { return try await read(outcome.response) }
            return try value.get()
        }
    }

    /// A response, and what the caller made of it.
    private struct Outcome<Value: Sendable>: Sendable {
        let response: HTTPClientResponse
        /// Nothing of a response by which the service has failed.
        let value: Result<Value, any Error>?

        var head: HTTPPipeline.Head {
            HTTPPipeline.Head(status: Int(response.status.code)) { [headers = response.headers] in headers[$0] }
        }
    }
#endif
