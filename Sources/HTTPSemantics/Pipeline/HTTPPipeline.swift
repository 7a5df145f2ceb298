public import Resilience
public import ResilienceCore

/// The standard protection of HTTP calls: a policy for each authority, of a total limit, retries, a pause when the
/// server asks for one, a circuit breaker, a bulkhead and a limit for each attempt.
///
/// What the adapters for HTTP clients are made of, and what an adapter for another client takes three lines to use:
///
/// ```swift
/// let api = try HTTPPipeline("api")
/// let response = try await api.execute(to: url.host, HTTPReplay(method: "GET"), reading: head) { context in
///     try await client.send(request)
/// }
/// ```
///
/// A value that is cheap to copy; copies share all state. ``policies`` can be registered in a module: the layers then
/// follow its document, and calls pass its gate.
public struct HTTPPipeline: Sendable {
    /// What is known of a response before its body.
    public struct Head {
        /// The status.
        public var status: Int
        /// The header fields.
        public var headers: HTTPHeaderLookup

        /// Creates one.
        public init(status: Int, headers: @escaping HTTPHeaderLookup) {
            self.status = status
            self.headers = headers
        }
    }

    /// Everything in one object: the closures of a call keep one reference, not what the configuration holds.
    @usableFromInline
    final class Core: Sendable {
        let name: String
        let policies: PolicyFamily<String>
        let configuration: Configuration

        init(_ name: String, _ policies: PolicyFamily<String>, _ configuration: Configuration) {
            self.name = name
            self.policies = policies
            self.configuration = configuration
        }
    }

    @usableFromInline let core: Core

    /// The name in errors, events, metrics and documents.
    public var name: String { core.name }

    /// The policies, one for each authority.
    public var policies: PolicyFamily<String> { core.policies }

    /// What the layers began with, and what they go by.
    public var configuration: Configuration { core.configuration }

    /// Makes a pipeline.
    ///
    /// - Parameters:
    ///   - name: The name in errors, events, metrics and documents. Default: `http`.
    ///   - configuration: The layers; by default the standard ones.
    ///   - clock: The time of the policies. Default: the continuous clock.
    ///   - random: Their randomness. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults; also of settings that contradict each other.
    public init(
        _ name: String = "http", _ configuration: Configuration = .init(),
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        var configuration = configuration
        if configuration.retry != nil, configuration.retry?.budget == nil {
            configuration.retry?.budget = try RetryBudget(.ratio(0.2), clock: clock)
        }
        var faults: [ConfigurationError.Fault] = []
        do throws(ConfigurationError) {
            try configuration.validate()
        } catch {
            faults = error.prefixed(name).faults
        }
        let policies: PolicyFamily<String>
        do throws(ConfigurationError) {
            policies = try PolicyFamily<String>(
                PolicyEnvironment(name: name, time: TimeSource(clock), random: random, observers: observers),
                maxKeys: min(max(1, configuration.maxAuthorities), 1_000_000), idleLimit: .seconds(600),
                configuration.withoutFaultyLimits.recipe)
        } catch {
            // An empty pipeline has been found above.
            throw ConfigurationError(faults + error.faults.filter { !faults.contains($0) }) ?? error
        }
        if let error = ConfigurationError(faults) { throw error }
        policies.setRelation { [configuration] name, layers, _ in
            configuration.replacing(layers).contradictions(.ofDocument(name, configuration))
        }
        core = Core(name, policies, configuration)
    }

    /// The policy of an authority: a host, with its port if it is not the usual one. Letter case does not matter.
    public func policy(for authority: String) -> Policy { core.policies[authority.lowercased()] }

    /// What to add to a request that is sent now: the time that is left and the priority, in the fields that the
    /// configuration has chosen.
    public func fields(in context: Context) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        if let field = core.configuration.deadlineField, let remaining = context.remaining {
            fields.append((field.name.name, field.text(for: remaining)))
        }
        if let field = core.configuration.priorityField, let priority = context[Bulkhead.Priority.self] {
            fields.append((field.name.name, field.text(for: priority)))
        }
        return fields
    }
}

extension HTTPPipeline.Configuration {
    /// Here, where nothing is generic but the layers: with a clock of any type beside them they would not be
    /// specialised.
    var recipe: PolicyRecipe { PolicyRecipe(layers) }

    /// The same without limits that are faults, which have been found already and under names of their own.
    var withoutFaultyLimits: HTTPPipeline.Configuration {
        func replaced(_ limit: Duration) -> Duration {
            limit >= .nanoseconds(1) && limit <= .nanoseconds(Int64.max) ? limit : .seconds(1)
        }
        var new = self
        new.totalLimit = totalLimit.map(replaced)
        new.attemptLimit = attemptLimit.map(replaced)
        return new
    }

    @PolicyBuilder
    var layers: Layer<some Strategy> {
        if let totalLimit { Timeout.layer(totalLimit) }
        if let retry { Retry.layer(conditioned(retry)) }
        innerLayers
    }

    /// What each attempt passes.
    @PolicyBuilder
    var innerLayers: Layer<some Strategy> {
        if let pause { Pause.layer(pause, sharing: sharedPauses) }
        if let circuitBreaker { CircuitBreaker.layer(conditioned(circuitBreaker)) }
        if let bulkhead { Bulkhead.layer(bulkhead) }
        if let attemptLimit { Timeout.layer(attemptLimit) }
    }

    private func conditioned(_ retry: Retry.Configuration) -> Retry.Configuration {
        var retry = retry
        let (handles, outcome) = (retry.handles, sendOutcome)
        retry.handles = ErrorCondition { error in
            switch Self.outcome(of: error, outcome) {
            case .neverSent, .perhapsRan: handles.handles(error)
            case .permanent: false
            }
        }
        let neverRan = retry.neverRan
        retry.neverRan = ErrorCondition { error in
            Self.outcome(of: error, outcome) == .neverSent || neverRan.excludes(error)
        }
        return retry
    }

    /// What no service is to blame for says nothing about one.
    private func conditioned(_ breaker: CircuitBreaker.Configuration) -> CircuitBreaker.Configuration {
        var breaker = breaker
        let (ignores, outcome) = (breaker.ignores, sendOutcome)
        breaker.ignores = ErrorCondition { error in
            switch Self.outcome(of: error, outcome) {
            case .permanent: true
            case .neverSent, .perhapsRan: ignores.excludes(error)
            }
        }
        return breaker
    }

    /// The layers' own errors, and failed responses, are no client's.
    static func outcome(
        of error: any Error, _ client: @Sendable (any Error) -> HTTPSendOutcome
    ) -> HTTPSendOutcome {
        switch error {
        case is HTTPFailure, is Timeout.ExceededError, is UnacceptedResultError: .perhapsRan
        case is any PolicyRejection: .neverSent
        default: client(error)
        }
    }
}
