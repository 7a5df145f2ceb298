public import ResilienceCore

extension Policy {
    /// A form of this policy that runs a call again beside itself if it takes long or fails, and takes whichever
    /// attempt succeeds first.
    ///
    /// Every attempt goes through all layers of the policy: a bulkhead, a breaker or a limiter inside counts each, and
    /// a timeout limits each. What is to hold for the call as a whole, such as a timeout for all attempts, goes around
    /// it; see `within:` of `execute(within:accepting:failing:releasing:_:)`.
    ///
    /// The operation runs beside itself, so that it must be `@Sendable` and its value `Sendable`: the compiler sees to
    /// it.
    ///
    /// - Parameters:
    ///   - configuration: When and how often calls are hedged.
    ///   - random: The randomness of jitter. Default: the system's.
    ///   - observers: The observers to notify of the hedge's events, beside those of the policy.
    /// - Throws: All faults of the configuration.
    public func hedged(
        _ configuration: Hedge.Configuration = Hedge.Configuration(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) -> HedgedPolicy {
        do {
            try configuration.validate()
        } catch {
            throw error.prefixed(name)
        }
        let environment = PolicyEnvironment(
            name: name, time: rootContext.time, random: random, observers: self.observers + observers)
        return HedgedPolicy(policy: self, hedge: Hedge(environment, configuration))
    }
}

/// A policy whose calls are hedged. Made by ``ResilienceCore/Policy/hedged(_:random:observers:)``.
public struct HedgedPolicy: HedgeCalling, PolicyWrapper {
    /// The policy that every attempt goes through.
    public let policy: Policy

    /// The hedge: its totals, its configuration and how to change it.
    public let hedge: Hedge

    package init(policy: Policy, hedge: Hedge) {
        self.policy = policy
        self.hedge = hedge
    }

    /// The policy that every attempt goes through.
    public var inner: Policy { policy }

    /// The same hedge around another policy.
    public func replacingPolicy(with policy: Policy) -> HedgedPolicy { HedgedPolicy(policy: policy, hedge: hedge) }

    /// Adds an observer of the policy, of all its layers and of the hedge.
    public func addObserver(_ observer: any PolicyObserver) {
        policy.addObserver(observer)
        hedge.addObserver(observer)
    }
}

extension HedgedPolicy: CustomStringConvertible {
    /// The hedge and the layers inside: `Hedge(payments) → CircuitBreaker(payments)`.
    public var description: String { "Hedge(\(hedge.name)) → \(policy)" }
}

extension Context {
    /// Which hedge this attempt is: 0 for the primary, 1 for the first hedge. Stays what it is when a retry inside a
    /// hedge runs the operation again, which counts on ``/ResilienceCore/Context/attempt``.
    public var hedge: Int { self[HedgeNumber.self] ?? 0 }
}

extension Execution {
    /// The attempt of a hedged call that was the first to succeed: 1 for the primary, 2 for the first hedge; `nil` if
    /// none did, or nothing was hedged.
    public var winningAttempt: Int? { self[WinningAttempt.self].last }
}

enum HedgeNumber: ContextKey { typealias Value = Int }

package enum WinningAttempt: TracedReport {
    package typealias Value = Int

    package static func callEvent(_ attempt: Int) -> CallEvent? {
        CallEvent("hedge.won") { $0.add("attempt", attempt) }
    }
}
