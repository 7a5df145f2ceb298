#if AsyncHTTPClient
    public import AsyncHTTPClient
    public import HTTPSemantics
    public import Resilience
    internal import ResilienceCore
    internal import Synchronization

    /// An `HTTPClient` whose requests go through a policy, one for each authority.
    ///
    /// ```swift
    /// let api = try ResilientHTTPClient(.shared, module: resilience)
    /// let quote = try await api.execute(request) { response in
    ///     try await response.body.collect(upTo: 1 << 20)
    /// }
    /// ```
    ///
    /// The response is read in the closure, within the attempt: a limit of time bounds the body too, which the client's
    /// own does not, and a slot of a bulkhead is held until it has been read.
    ///
    /// A response by which the service has failed (``/HTTPSemantics/HTTPResponseRule``) is a failure to the layers,
    /// with what it says in `Retry-After`. If it is still the outcome in the end, the closure gets it. A request is
    /// made again only if that can do no harm (``/HTTPSemantics/HTTPReplay``).
    public struct ResilientHTTPClient: Sendable {
        /// The client inside.
        public let client: HTTPClient

        /// How requests and responses are treated.
        public let options: Options

        /// The policies, by authority: a host, with its port if that is not the usual one.
        public let policies: PolicyFamily<String>

        let events: EventChannel<EventKind>
        private let pool: PoolCheck?
        /// Whether those of the policies are not to hear of the client.
        private let hasOwnObservers: Bool
        /// Whether the retries know by themselves what was never sent.
        private let isStandard: Bool

        /// Creates a client with the standard pipeline: a total limit, retries, a pause when the server asks for one, a
        /// circuit breaker, a bulkhead and a limit for each attempt.
        ///
        /// - Parameters:
        ///   - client: The client that makes the requests. Default: the shared one.
        ///   - name: What it is called in errors, events and metrics, and in the module and its document, under
        ///     `families`. Default: `http`.
        ///   - module: Where the policies are registered. Default: none.
        ///   - pipeline: The layers and their numbers. Default: the standard ones. What is said there of the client's
        ///     errors (`sendOutcome`) is replaced.
        ///   - drainLimit: See ``Options/drainLimit``.
        ///   - configuration: What the client was made with, for a warning where it contradicts the policies. Default:
        ///     known for the shared client; no warnings for others.
        ///   - clock: The time of the policies. Default: the continuous clock.
        ///   - random: Their randomness. Default: the system's.
        ///   - observers: The observers to notify of their events, and of such a warning; those of the module hear both
        ///     as well.
        /// - Throws: All faults; also of settings that contradict each other, and of a name that is taken.
        public init(
            _ client: HTTPClient = .shared, name: String = "http", module: ResilienceModule? = nil,
            pipeline: HTTPPipeline.Configuration = HTTPPipeline.Configuration(), drainLimit: Int = 65_536,
            configuration: HTTPClient.Configuration? = nil, clock: some Clock<Duration> = ContinuousClock(),
            random: RandomSource = .system, observers: [any PolicyObserver] = []
        ) throws(ConfigurationError) {
            var layers = pipeline
            layers.sendOutcome = { HTTPSendOutcome.ofCall($0) }
            let standard = try HTTPPipeline(name, layers, clock: clock, random: random, observers: observers)
            try module?.register(Registration(name, standard.policies))
            self.init(
                client, policies: standard.policies, options: Options(layers, drainLimit), configuration: configuration,
                observers: [], isStandard: true)
        }

        /// Creates a client with policies of your own.
        ///
        /// - Parameters:
        ///   - client: The client that makes the requests. Default: the shared one.
        ///   - policies: The policies, by authority: a host, with its port if that is not the usual one. Their bound
        ///     holds for hostile hosts too.
        ///   - options: How requests and responses are treated.
        ///   - configuration: What the client was made with, for a warning where it contradicts the policies. Default:
        ///     known for the shared client; no warnings for others.
        ///   - observers: The observers to notify of that. Default: those of the policies.
        public init(
            _ client: HTTPClient = .shared, policies: PolicyFamily<String>, options: Options = Options(),
            configuration: HTTPClient.Configuration? = nil, observers: [any PolicyObserver] = []
        ) {
            self.init(
                client, policies: policies, options: options, configuration: configuration, observers: observers,
                isStandard: false)
        }

        private init(
            _ client: HTTPClient, policies: PolicyFamily<String>, options: Options,
            configuration: HTTPClient.Configuration?, observers: [any PolicyObserver], isStandard: Bool
        ) {
            self.isStandard = isStandard
            self.client = client
            self.options = options
            self.policies = policies
            events = EventChannel(policies.name, observers)
            pool = PoolCheck(of: client, configuration)
            hasOwnObservers = !observers.isEmpty
        }

        /// Makes a request under the policy of its authority, and reads the response.
        ///
        /// - Parameters:
        ///   - request: The request. A body in it is taken for one that can be read once; give another by `body`.
        ///   - body: The body, of which it is known whether it can be sent again. Default: that of the request.
        ///   - isIdempotent: Whether it does no harm to run the request twice. Default: by its method (GET, PUT …), or
        ///     an `Idempotency-Key`.
        ///   - priority: How important the call is to the bulkhead. Default: as everything that does not say.
        ///   - read: Reads the response, on the caller's actor, once: that of the attempt that succeeded or, if none
        ///     did, of the last. A body that failed and is longer than ``Options/drainLimit`` ends with
        ///     ``TruncatedBodyError``. What it throws of its own is not the service's failure.
        /// - Returns: What the closure returned.
        /// - Throws: What the closure threw; the client's error; a `PolicyRejection` or another error of a layer; an
        ///   `HTTPFailure` if asked for.
        public nonisolated(nonsending) func execute<Value>(
            _ request: HTTPClientRequest, body: HTTPRequestBody? = nil, idempotent isIdempotent: Bool? = nil,
            priority: Bulkhead.Priority? = nil,
            _ read: nonisolated(nonsending) (HTTPClientResponse) async throws -> Value
        ) async throws -> Value {
            let call = RequestCall(client, request, body, isIdempotent, options)
            let policy = policy(for: call, authority(of: request.url), priority)
            pool?.warn(of: policy, events, observers: hasOwnObservers ? [] : policies.observers)
            do {
                return try await policy.execute { context in
                    let response = try await call.attempt(context)
                    do {
                        return Result<Value, any Error>.success(try await read(response))
                    } catch {
                        guard Task.isCancelled || isOfTransport(error) else { return .failure(error) }
                        throw call.failed(with: error, isAnswered: true)
                    }
                }.get()
            } catch {
                guard var failure = unwrapped(error) as? HTTPFailure, let response = call.response else {
                    throw call.original(of: error)
                }
                guard options.throwsFailures else { return try await read(response) }
                failure.response = response
                throw failure
            }
        }

        private func policy(for call: RequestCall, _ authority: String, _ priority: Bulkhead.Priority?) -> Policy {
            var policy = policies[authority]
            // The usual call needs nothing in its context.
            if isStandard, !call.mayRunTwice { policy = policy.idempotent(false) }
            if let priority { policy = policy.setting(Bulkhead.Priority.self, to: priority) }
            return policy
        }
    }
#endif
