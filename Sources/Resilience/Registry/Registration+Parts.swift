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

/// Something that consists of several components, each of which is registered under its name and a suffix.
package protocol ComponentGroup: Sendable {
    var parts: [(suffix: String, component: any Sendable)] { get }
}

/// Something that is registered along with a policy or a family of them, which is put behind the gate then.
protocol PolicyCover: Component {
    /// What it is without the policy.
    var own: any Sendable { get }

    func entries(in parts: Registration.ModuleParts) -> [Registry.Entry]
}

extension Policy: PolicyCover {
    var own: any Sendable { self }

    func entries(in parts: Registration.ModuleParts) -> [Registry.Entry] { [parts.policy(self).entry] }
}

extension Registration.ModuleParts {
    /// A policy, behind the gate.
    func policy(_ policy: Policy) -> (entry: Registry.Entry, policy: Policy) {
        self.policy(policy, ManagedPolicy(policy, nil, gate))
    }

    /// A policy that only a document describes.
    func policy(
        described policy: Policy, _ tunings: [Tuning], _ specs: [ManagedPolicy.LayerSpec]
    ) -> (entry: Registry.Entry, policy: Policy) {
        self.policy(policy, ManagedPolicy(described: policy, tunings, specs, gate))
    }

    private func policy(_ policy: Policy, _ managed: ManagedPolicy) -> (entry: Registry.Entry, policy: Policy) {
        let guarded = Policy(policy, layers: managed, behind: managed)
        return (entry(.policy, guarded, managed: managed), guarded)
    }

    /// Something that exists already, behind the gate as far as it is a policy.
    func entries<C: Sendable>(of component: C) -> [Registry.Entry] {
        (component as? any PolicyCover)?.entries(in: self) ?? [entry(of: component)]
    }

    /// Something for itself.
    func entry<C: Sendable>(of component: C) -> Registry.Entry {
        entry(.of(C.self), component, tuning: (component as? any Tunable).map { Tuning($0) })
    }
}
