#if AsyncHTTPClient
    public import AsyncHTTPClient
    public import HTTPSemantics
    public import Resilience
    internal import ResilienceCore
    internal import Synchronization

    /// An `HTTPClient` whose requests go through a policy, one for each authority.
    ///
    /// ```swift
    /// let api = try ResilientHTTPClient(.shared, policies: hosts)
    /// let quote = try await api.execute(request) { response in
    ///     try await response.body.collect(upTo: 1 << 20)
    /// }
    /// ```
    ///
    /// The response is read in the closure, within the attempt: a limit of time bounds the body too, which the client's own
    /// does not, and a slot of a bulkhead is held until it has been read.
    ///
    /// A response by which the service has failed (``HTTPResponseRule``) is a failure to the layers, with what it says in
    /// `Retry-After`. If it is still the outcome in the end, the closure gets it. A request is made again only if that can do
    /// no harm (``HTTPReplay``).
    public struct ResilientHTTPClient: Sendable {
        /// The client inside.
        public let client: HTTPClient

        /// How requests and responses are treated.
        public let options: Options

        /// The policies, by authority: `api.example.com:443`.
        public let policies: PolicyFamily<String>

        let events: EventChannel<Event>
        private let pool: PoolCheck?

        /// Creates a client.
        ///
        /// - Parameters:
        ///   - client: The client that makes the requests. Default: the shared one.
        ///   - policies: The policies, by authority: `api.example.com:443`. Their bound holds for hostile hosts too.
        ///   - options: How requests and responses are treated.
        ///   - configuration: What the client was made with, for a warning where it contradicts the policies. Default:
        ///     known for the shared client; no warnings for others.
        ///   - observers: The observers to notify of that.
        public init(
            _ client: HTTPClient = .shared, policies: PolicyFamily<String>, options: Options = Options(),
            configuration: HTTPClient.Configuration? = nil, observers: [any PolicyObserver] = []
        ) {
            self.client = client
            self.options = options
            self.policies = policies
            events = EventChannel(observers)
            let known = configuration ?? (client === HTTPClient.shared ? .singletonConfiguration : nil)
            pool = known.map { PoolCheck($0) }
        }

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

            /// Creates options; every part has a default.
            public init(
                rule: HTTPResponseRule = HTTPResponseRule(), failures: Failures = .returned, drainLimit: Int = 65_536,
                deadline: HTTPDeadlineField? = nil
            ) {
                self.rule = rule
                self.failures = failures
                self.drainLimit = drainLimit
                self.deadline = deadline
            }
        }

        /// What becomes of a failed response that is the outcome in the end.
        public enum Failures: String, Sendable, Hashable, CaseIterable {
            /// The closure gets it, as any other.
            case returned
            /// It is thrown, as an `HTTPFailure` that carries it.
            case thrown
        }

        /// Makes a request under the policy of its authority, and reads the response.
        ///
        /// - Parameters:
        ///   - request: The request. A body in it is taken for one that can be read once; give another by `body`.
        ///   - body: The body, of which it is known whether it can be sent again. Default: that of the request.
        ///   - isIdempotent: Whether it does no harm to run the request twice. Default: by its method (GET, PUT …), or an
        ///     `Idempotency-Key`.
        ///   - read: Reads the response, on the caller's actor, once: that of the attempt that succeeded or, if none did,
        ///     of the last. A body that failed and is longer than ``Options/drainLimit`` ends with
        ///     ``TruncatedBodyError``. What it throws of its own is not the service's failure.
        /// - Returns: What the closure returned.
        /// - Throws: What the closure threw; the client's error; a `PolicyRejection` or another error of a layer; an
        ///   `HTTPFailure` if asked for.
        public nonisolated(nonsending) func execute<Value>(
            _ request: HTTPClientRequest, body: HTTPRequestBody? = nil, idempotent isIdempotent: Bool? = nil,
            _ read: nonisolated(nonsending) (HTTPClientResponse) async throws -> Value
        ) async throws -> Value {
            let policy = policies[authority(of: request.url)]
            if let pool, pool.isFirst() { warn(of: policy, pool) }
            let call = RequestCall(client, request, body, isIdempotent, options)
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
                switch options.failures {
                case .returned: return try await read(response)
                case .thrown:
                    failure.response = response
                    throw failure
                }
            }
        }
    }
#endif
