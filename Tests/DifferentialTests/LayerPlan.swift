import Bulkheads
import CircuitBreakers
import RateLimiters
import Resilience
import ResilienceCore
import ResilienceTesting
import Retries
import Timeouts

/// A strategy of the user's, of which nothing is known but `execute`.
struct Counting: Strategy {
    let log: Log

    nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        log.write("counting in \(context.policyName), attempt \(context.attempt)")
        do {
            try await next(context)
        } catch {
            log.write("counting saw \(error)")
            throw error
        }
        log.write("counting saw a success")
    }
}

/// A strategy of the user's that runs what is inside twice, and sets a value for it.
struct Twice: Strategy {
    enum Turn: ContextKey { typealias Value = Int }

    nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        var context = context
        context[Turn.self] = 1
        do { try await next(context) } catch is Failure {}
        context[Turn.self] = 2
        try await next(context)
    }
}

/// Everything of one of the two ways: clock, log, observers.
final class World: Sendable {
    let clock = ManualClock()
    let log = Log()
    let recorder = EventRecorder()
    let metrics: CallMetrics

    init(isTimed: Bool) {
        metrics = CallMetrics(buckets: isTimed ? .standard : nil)
    }
}

/// Draws the layers of a policy; equal scripts draw equal ones.
struct LayerPlan {
    let script: Script
    let world: World
    let observers: [any PolicyObserver]
    private(set) var breakers: [CircuitBreaker] = []
    private(set) var bulkheads: [Bulkhead] = []
    private(set) var limiters: [RateLimiter] = []
    private(set) var keyedLimiters: [KeyedRateLimiter<Int>] = []
    private(set) var retries: [Retry] = []
    private(set) var modules: [ResilienceModule] = []
    private(set) var families: [PolicyFamily<Int>] = []
    private var count = 0

    init(_ script: Script, _ world: World, _ observers: [any PolicyObserver]) {
        self.script = script
        self.world = world
        self.observers = observers
    }

    mutating func policy(depth: Int = 0) throws -> Policy {
        var layers: any Strategy = try layer(depth: depth)
        for _ in 0..<script.int(0...(depth == 0 ? 4 : 2)) { layers = Self.chain(try layer(depth: depth), layers) }
        return try policy(layers, depth)
    }

    private mutating func policy(_ layers: some Strategy, _ depth: Int) throws -> Policy {
        let observers = script.isDrawn(percent: 70) ? observers : []
        var policy = try Policy(name("policy"), clock: world.clock, observers: observers) { layers }
        if script.isDrawn(percent: depth == 0 ? 30 : 20) {
            let log = world.log
            policy = policy.accepting(Int.self) { value in
                log.write("judged \(value)")
                return value % 7 != 0
            }
        }
        switch script.int(1...12) {
        case 1, 2: policy = try managed(policy)
        case 3: policy = try member(policy)
        default: break
        }
        if script.isDrawn(percent: 10) { policy = policy.setting(Bulkhead.Partition.self, to: "gold") }
        if script.isDrawn(percent: 10) { policy = policy.setting(RateLimiter.Permits.self, to: 2) }
        return policy
    }

    /// The policy behind the gate of a module.
    private mutating func managed(_ policy: Policy) throws -> Policy {
        let isDescribed = script.isDrawn(percent: 30)
        let described: ConfigurationValue = ["policies": ["described": ["layers": ["circuitBreaker", "bulkhead"]]]]
        let module = try ResilienceModule(
            name("module"), configuration: .init(isDescribed ? described : [:]),
            clock: world.clock, random: .constant(0.5), observers: script.isDrawn(percent: 30) ? observers : []
        ) { Registration(policy) }
        modules.append(module)
        return try module.policy(isDescribed ? "described" : policy.name)
    }

    /// The policy as a member of a family, of a module or of none.
    private mutating func member(_ policy: Policy) throws -> Policy {
        let name = name("family")
        guard script.isDrawn(percent: 50) else {
            let family = try PolicyFamily<Int>(name, maxKeys: 3, clock: world.clock) { policy }
            families.append(family)
            return family[script.int(1...2)]
        }
        let module = try ResilienceModule(self.name("module"), clock: world.clock) {
            Registration(family: name, by: Int.self, maxKeys: 3) { policy }
        }
        modules.append(module)
        let family = try module.family(name, by: Int.self)
        families.append(family)
        return family[script.int(1...2)]
    }

    private static func chain(_ outer: some Strategy, _ inner: some Strategy) -> any Strategy { Chain(outer, inner) }

    private mutating func name(_ kind: String) -> String {
        count += 1
        return "\(kind) \(count)"
    }

    private mutating func layer(depth: Int) throws -> any Strategy {
        let observers = script.isDrawn(percent: 25) ? observers : []
        switch script.int(1...(depth < 2 ? 17 : 14)) {
        case 1, 2, 3: return try breaker(observers)
        case 4, 5: return try retry(observers)
        case 6, 7: return try limiter(observers)
        case 8, 9: return try bulkhead(observers)
        case 10:
            return try AdaptiveThrottle(
                name("throttle"), .init(window: .seconds(10)), clock: world.clock,
                random: .seeded(UInt64(script.int(1...1000))), observers: observers)
        case 11: return Counting(log: world.log)
        case 12: return Twice()
        case 13:
            guard let bulkhead = bulkheads.first else { return Counting(log: world.log) }
            return bulkhead.partition("gold")
        case 14: return try keyedLimiter(observers)
        case 15:
            return try Timeout(
                name("timeout"), .seconds(script.int(5...50)), clock: world.clock, observers: observers)
        case 16: return try breakers.first ?? breaker(observers)
        default: return try policy(depth: depth + 1)
        }
    }

    private mutating func breaker(_ observers: [any PolicyObserver]) throws -> CircuitBreaker {
        let trips: [CircuitBreaker.Trip] = [
            .consecutiveFailures(2), .failureRate(0.5, minimumCalls: 4), .failureRate(0.3, minimumCalls: 6),
            .any(.consecutiveFailures(3), .failureRate(0.4, minimumCalls: 5)), .when { $0.failures > 2 },
        ]
        let windows: [CircuitBreaker.Window] = [.calls(6), .calls(20), .time(.seconds(20), buckets: 5), .unbounded]
        let breaker = try CircuitBreaker(
            name("breaker"),
            .init(
                trip: script.pick(trips), window: script.pick(windows),
                slowCallDuration: script.isDrawn(percent: 20) ? .seconds(2) : nil,
                breakLength: .fixed(.seconds(script.int(1...8))),
                initialState: script.pick([.closed, .closed, .closed, .observing, .disabled])),
            clock: world.clock, random: .constant(0.5), observers: observers)
        breakers.append(breaker)
        return breaker
    }

    private mutating func retry(_ observers: [any PolicyObserver]) throws -> Retry {
        var configuration = Retry.Configuration(backoff: .immediate, maxAttempts: script.int(1...4))
        if script.isDrawn(percent: 10) { configuration.maxDuration = .seconds(20) }
        if script.isDrawn(percent: 10) { configuration.budget = try RetryBudget() }
        if script.isDrawn(percent: 20) { configuration.exhaustion = .exhaustedError }
        let retry = try Retry(name("retry"), configuration, clock: world.clock, observers: observers)
        retries.append(retry)
        return retry
    }

    private static let rules: [RateLimiter.Rule] = [
        .tokenBucket(2, per: .seconds(1), burst: 4), .pacing(1, per: .seconds(1)),
        .slidingWindow(5, per: .seconds(4)), .fixedWindow(6, per: .seconds(5)),
    ]

    private mutating func limiter(_ observers: [any PolicyObserver]) throws -> RateLimiter {
        let limiter = try RateLimiter(
            name("limiter"), script.pick(Self.rules), clock: world.clock, observers: observers)
        limiters.append(limiter)
        return limiter
    }

    private mutating func keyedLimiter(_ observers: [any PolicyObserver]) throws -> any Strategy {
        let limiter = try KeyedRateLimiter<Int>(
            name("keyed limiter"), .init(rule: script.pick(Self.rules), maxKeys: 3), clock: world.clock,
            observers: observers)
        keyedLimiters.append(limiter)
        let key = script.int(1...2)
        return script.isDrawn(percent: 70) ? limiter[key] : limiter.by { _ in key }
    }

    private mutating func bulkhead(_ observers: [any PolicyObserver]) throws -> Bulkhead {
        let limits: [Bulkhead.Limit] = [.fixed(1), .fixed(2), .fixed(5), .adaptive(.aimd())]
        let bulkhead = try Bulkhead(
            name("bulkhead"),
            .init(
                limit: script.pick(limits), partitions: script.isDrawn(percent: 25) ? ["gold": 0.5] : [:]),
            clock: world.clock, random: .constant(0.5), observers: observers)
        bulkheads.append(bulkhead)
        return bulkhead
    }
}
