internal import Fallbacks
internal import Hedges
internal import ResilienceCore

extension Registration {
    /// What a registration needs of its module.
    struct ModuleParts: Sendable {
        var environment: PolicyEnvironment
        let gate: GateAccess
        var isCritical = false
        var origin = Registry.Origin.code

        /// An entry of this registration.
        func entry(
            _ kind: Kind, _ component: any Sendable, managed: ManagedPolicy? = nil, tuning: Tuning? = nil
        ) -> Registry.Entry {
            Registry.Entry(
                name: environment.name, kind: kind, component: component, isCritical: isCritical, managed: managed,
                tuning: tuning, origin: origin)
        }
    }
}

/// A fallback around a policy, whatever its types.
protocol PolicyWithFallback: WithFallback {
    var policy: Policy { get }
    /// The same fallback around another policy.
    func through(_ policy: Policy) -> Self
}

extension KeyedFallbackPolicy: PolicyWithFallback {
    func through(_ policy: Policy) -> Self { policy.fallback(to: fallback) }
    var steps: any Component { fallback }
    var tuning: Tuning { Tuning(fallback) }
}

extension Registration.ModuleParts {
    /// A policy, behind the gate.
    func policy(_ policy: Policy) -> (entry: Registry.Entry, policy: Policy) {
        self.policy(policy, ManagedPolicy(policy, nil, gate))
    }

    /// A policy that only a document describes.
    func policy(
        described policy: Policy, _ tunings: [Tuning], _ form: [ManagedPolicy.LayerForm]
    ) -> (entry: Registry.Entry, policy: Policy) {
        self.policy(policy, ManagedPolicy(described: policy, tunings, form, gate))
    }

    private func policy(_ policy: Policy, _ managed: ManagedPolicy) -> (entry: Registry.Entry, policy: Policy) {
        let guarded = Policy(policy, layers: managed, behind: managed)
        return (entry(.policy, guarded, managed: managed), guarded)
    }

    func entry(hedging hedged: HedgedPolicy) -> Registry.Entry {
        entry(.hedge, hedged, tuning: Tuning(hedged.hedge))
    }

    func entry(around covered: any PolicyWithFallback) -> Registry.Entry {
        entry(.fallback, covered, tuning: covered.tuning)
    }

    /// Something for itself.
    func entry<C: Sendable>(of component: C) -> Registry.Entry {
        entry(.of(C.self), component, tuning: (component as? any Tunable).map { Tuning($0) })
    }
}
