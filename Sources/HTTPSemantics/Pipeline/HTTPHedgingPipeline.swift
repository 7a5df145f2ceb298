public import Resilience
public import ResilienceCore

/// The standard protection of HTTP calls that several endpoints can answer: a hedge, within a total limit, whose
/// attempts go to one endpoint after another, each through a pause, a breaker, a bulkhead and a limit of its own.
///
/// ```swift
/// let search = try HTTPHedgingPipeline("search", endpoints: [
///     HTTPEndpoint("https://eu.example.com"), HTTPEndpoint("https://us.example.com"),
/// ])
/// ```
///
/// Only safe requests run at two endpoints at once. Others go to the next endpoint after a failure that allows it:
/// idempotent ones after any, the rest where they were provably never sent. What one endpoint says of when to try
/// again holds for it alone: the next is asked at once, and one that has asked to wait after the others.
///
/// Registered in a module, `Registration("search", search)`, its numbers are those of the document: of what each
/// endpoint has under `families`, of the total limit under `timeouts`, of the hedge under `hedges`, and of what takes
/// other requests to the next endpoint under `hedges` as `search failover`.
public struct HTTPHedgingPipeline: Sendable {
    /// In which order a call tries the endpoints. None is tried twice.
    public enum Routing: String, Sendable, Hashable, CaseIterable {
        /// As they were given: the others are for when the first does not answer.
        case ordered
        /// Drawn for each call, by their weights.
        case weighted
    }

    /// The endpoints.
    public let endpoints: [HTTPEndpoint]

    /// In which order a call tries them.
    public let routing: Routing

    /// The policies of the endpoints, by authority.
    public var policies: PolicyFamily<String> { pipeline.policies }

    /// What runs safe requests at two endpoints: its totals, and how to change it.
    public let hedge: Hedge

    /// What takes other requests to the next endpoint after a failure.
    public let failover: Hedge

    private let pipeline: HTTPPipeline
    private let total: Timeout?
    private let random: RandomSource

    /// Makes a pipeline.
    ///
    /// - Parameters:
    ///   - name: The name in errors, events and metrics. Default: `http`.
    ///   - configuration: What each attempt passes. Its `totalLimit` is for all of them; its `retry` has no meaning
    ///     here, as the next endpoint is the retry.
    ///   - endpoints: Where to. At least one, and none twice.
    ///   - routing: In which order. Default: ordered.
    ///   - hedge: When the next endpoint is tried. Its `maxHedges` has to fit the number of endpoints. Default: after 2
    ///     seconds or a failure, once; not at all if there is one endpoint.
    ///   - clock: The time of all. Default: the continuous clock.
    ///   - random: The randomness. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults; also of settings that contradict each other.
    public init(
        _ name: String = "http", _ configuration: HTTPPipeline.Configuration = .init(), endpoints: [HTTPEndpoint],
        routing: Routing = .ordered, hedge: Hedge.Configuration = .init(delay: .fixed(.seconds(2))),
        clock: some Clock<Duration> = ContinuousClock(),
        random: RandomSource = .system, observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        var faults = Self.faults(name, endpoints, hedge, configuration)
        // Each fault once, although the hedge is made twice and the layers have been looked at.
        func made<Part>(_ make: () throws(ConfigurationError) -> Part) -> Part? {
            do throws(ConfigurationError) {
                return try make()
            } catch {
                faults += error.faults.filter { !faults.contains($0) }
                return nil
            }
        }
        let pipeline = made { () throws(ConfigurationError) in
            try HTTPPipeline(name, configuration.perAttempt, clock: clock, random: random, observers: observers)
        }
        let total = configuration.withoutFaultyLimits.totalLimit.map { limit in
            made { () throws(ConfigurationError) in try Timeout(name, limit, clock: clock, observers: observers) }
        }
        let hedges = made { () throws(ConfigurationError) in
            var hedge = hedge
            hedge.handles = configuration.hedgeable(hedge.handles)
            return try Self.hedges(name, hedge, clock, random, observers)
        }
        guard let pipeline, let hedges, faults.isEmpty else {
            throw ConfigurationError(faults) ?? ConfigurationError(.init(field: name, value: "", violation: "is none"))
        }
        (self.pipeline, self.total, self.random) = (pipeline, total ?? nil, random)
        (self.hedge, failover) = hedges
        (self.endpoints, self.routing) = (endpoints, routing)
        relateParts(hasAttemptLimit: configuration.attemptLimit != nil)
    }

    /// What can be seen before anything is made.
    private static func faults(
        _ name: String, _ endpoints: [HTTPEndpoint], _ hedge: Hedge.Configuration,
        _ configuration: HTTPPipeline.Configuration
    ) -> [ConfigurationError.Fault] {
        var check = ConfigurationCheck(name)
        check.require(!endpoints.isEmpty, "endpoints", "0", "is below 1")
        check.require(
            Set(endpoints.map(\.authority)).count == endpoints.count, "endpoints",
            "\(endpoints.map(\.url))", "has an endpoint twice")
        let faults =
            check.faults
            + hedge.contradictions(
                at: "\(name).hedge", endpoints: endpoints.count,
                totalLimit: configuration.withoutFaultyLimits.totalLimit)
        do throws(ConfigurationError) {
            var whole = configuration
            whole.retry = nil
            try whole.validate()
        } catch {
            return faults + error.prefixed(name).faults
        }
        return faults
    }

    /// What runs safe requests at two endpoints, and what takes others to the next one after a failure.
    private static func hedges(
        _ name: String, _ configuration: Hedge.Configuration, _ clock: some Clock<Duration>, _ random: RandomSource,
        _ observers: [any PolicyObserver]
    ) throws(ConfigurationError) -> (hedge: Hedge, failover: Hedge) {
        let hedge: Hedge
        do throws(ConfigurationError) {
            hedge = try Hedge(name, configuration, clock: clock, random: random, observers: observers)
        } catch {
            throw error.prefixed(name)
        }
        var configuration = configuration
        configuration.delay = .onlyAfterFailure
        let failover = try Hedge(
            "\(name) failover", configuration, clock: clock, random: random, observers: observers)
        return (hedge, failover)
    }

    /// Has documents refused by which the parts would contradict each other.
    private func relateParts(hasAttemptLimit: Bool) {
        let (limit, count) = (total, endpoints.count)
        let hedges = [("", hedge), (" failover", failover)]
        policies.setRelation { [configuration = pipeline.configuration] name, layers, other in
            var whole = configuration.replacing(layers)
            if !hasAttemptLimit { whole.attemptLimit = nil }
            whole.totalLimit = limit.flatMap { (other($0) as? Timeout.Configuration ?? $0.configuration).fixedLimit }
            return whole.contradictions(.ofDocument(name, configuration))
                + hedges.flatMap { suffix, hedge in
                    (other(hedge) as? Hedge.Configuration ?? hedge.configuration).contradictions(
                        at: "hedges.\(name + suffix)", endpoints: count, totalLimit: whole.totalLimit)
                }
        }
    }

    /// Makes a request at one endpoint after another, as the hedge and the request allow.
    ///
    /// - Parameters:
    ///   - replay: The method, what the body is good for, and whether the request may be repeated.
    ///   - isBodyUsed: Whether anything has been read from a body that can be read once. Default: always.
    ///   - head: The status and the header fields of a response.
    ///   - release: What to do with a response that the caller does not get.
    ///   - operation: One attempt, at an endpoint.
    /// - Returns: The first response that is no failure; or that of the first endpoint.
    /// - Throws: As ``HTTPPipeline/execute(to:_:priority:isBodyUsed:reading:releasing:_:)``.
    public func execute<Response: Sendable>(
        _ replay: HTTPReplay, isBodyUsed: @escaping @Sendable () -> Bool = { true },
        reading head: @escaping @Sendable (Response) -> HTTPPipeline.Head,
        releasing release: (@Sendable (Response) async -> Void)? = nil,
        _ operation: @escaping @Sendable (HTTPEndpoint, Context) async throws -> Response
    ) async throws -> Response {
        let route = pausedLast(route())
        let pipeline = pipeline
        let hedge = endpoints.count == 1 ? nil : replay.mayHedge() ? hedge : failover
        let classify = { @Sendable (response: Response) -> (any Error)? in
            pipeline.failure(of: head(response), replay, isBodyUsed)
        }
        // When to try one endpoint again is no time for the next.
        let classifyForOthers = { @Sendable (response: Response) -> (any Error)? in
            guard let failure = classify(response) as? HTTPFailure else { return nil }
            return HTTPFailure(status: failure.status, isRepeatable: failure.isRepeatable)
        }
        let attempt = { @Sendable (context: Context) async throws -> Response in
            let endpoint = route[min(context.hedge, route.count - 1)]
            do {
                return try await pipeline.policy(for: endpoint.authority).execute(failing: classify) { context in
                    try await operation(endpoint, context)
                }
            } catch {
                // The error of the attempt's limit too, which the operation has not thrown.
                throw pipeline.repeatable(error, replay, isBodyUsed)
            }
        }
        let hedged = { (context: Context?) async throws -> Response in
            // At a single endpoint, another attempt would only add to its load.
            guard let hedge else { return try await attempt(context ?? pipeline.policy(for: "").rootContext) }
            return try await hedge.execute(
                within: context, failing: classifyForOthers, releasing: release, attempt)
        }
        let response: Response
        do {
            if let total {
                response = try await total.execute { context in try await hedged(context) }
            } else {
                response = try await hedged(nil)
            }
        } catch let error as HTTPUnrepeatableError {
            throw error.wrappedError
        }
        if pipeline.configuration.throwsFailures, var failure = classify(response) as? HTTPFailure {
            failure.response = response
            throw failure
        }
        return response
    }

    /// The same with those at the end that have asked to wait, so that no call waits for one while others answer.
    private func pausedLast(_ route: [HTTPEndpoint]) -> [HTTPEndpoint] {
        guard route.count > 1, pipeline.configuration.pause != nil else { return route }
        let paused = route.filter { endpoint in
            policies.policy(for: endpoint.authority)?.strategies(Pause.self).contains { $0.remaining != nil } ?? false
        }
        guard !paused.isEmpty else { return route }
        return route.filter { !paused.contains($0) } + paused
    }

    /// The endpoints in the order of one call.
    func route() -> [HTTPEndpoint] {
        guard routing == .weighted, endpoints.count > 1 else { return endpoints }
        var rest = endpoints
        var route: [HTTPEndpoint] = []
        while rest.count > 1 {
            var draw = random.next() * rest.reduce(0) { $0 + $1.weight }
            let index = rest.firstIndex { endpoint in
                draw -= endpoint.weight
                return draw < 0
            }
            route.append(rest.remove(at: index ?? rest.count - 1))
        }
        return route + rest
    }
}

extension HTTPPipeline.Configuration {
    /// What each attempt at an endpoint passes; never nothing, for which there would be no policy.
    fileprivate var perAttempt: HTTPPipeline.Configuration {
        var inner = self
        (inner.totalLimit, inner.retry) = (nil, nil)
        if inner.isTransparent { inner.attemptLimit = .seconds(3600) }
        return inner
    }

    /// Whether nothing is left for a policy.
    var isTransparent: Bool {
        totalLimit == nil && retry == nil && pause == nil && circuitBreaker == nil && bulkhead == nil
            && attemptLimit == nil
    }

    /// A layer that refuses at one endpoint says nothing of the others.
    func hedgeable(_ handles: ErrorCondition) -> ErrorCondition {
        let outcome = sendOutcome
        return ErrorCondition { error in
            switch Self.outcome(of: error, outcome) {
            case .neverSent where error is any PolicyRejection: true
            case .neverSent, .perhapsRan: handles.handles(error)
            case .permanent: false
            }
        }
    }
}

extension HTTPHedgingPipeline: ComponentGroup {
    /// What documents know of it.
    package var parts: [(suffix: String, component: any Sendable)] {
        let limits = total.map { [(suffix: "", component: $0 as any Sendable)] } ?? []
        return limits + [("", policies), ("", hedge), (" failover", failover)]
    }
}

extension Hedge.Configuration {
    /// What cannot happen: hedges at more endpoints than there are, or after the end.
    func contradictions(at path: String, endpoints: Int, totalLimit: Duration?) -> [ConfigurationError.Fault] {
        var check = ConfigurationCheck(path)
        check.require(
            endpoints <= 1 || maxHedges < endpoints, "maxHedges", "\(maxHedges)",
            "is more than the other endpoints, \(endpoints - 1)")
        if let totalLimit {
            let late = delay.starts(of: min(max(maxHedges, 1), 10)).first { $0 >= totalLimit }
            check.require(
                late == nil, "delay", "\(late ?? .zero)",
                "is when a hedge is to start, and not before totalLimit, \(totalLimit)")
        }
        return check.faults
    }
}
