public import ResilienceCore
internal import Synchronization

/// What happens to a ``PolicyFamily``. What happens in its members are their layers' events.
public enum PolicyFamilyEventKind: PolicyEventKind {
    /// All places are taken by keys with which something would be lost: keys that are new share one policy from now on.
    /// Told once, until a new key has found a place again.
    case overflowed(maxKeys: Int)

    /// A warning: keys that have nothing to do with each other are treated as one.
    public var label: (name: String, severity: EventSeverity) {
        switch self {
        case .overflowed: ("policy_family.overflowed", .warning)
        }
    }

    /// A sentence for logs.
    public func description(of source: String) -> String {
        switch self {
        case .overflowed(let maxKeys):
            "policy family \"\(source)\" has no place for more than \(maxKeys) keys: further ones share one policy"
        }
    }
}

/// Something that happened to a ``PolicyFamily``.
public typealias PolicyFamilyEvent = SourcedEvent<PolicyFamilyEventKind>

extension PolicyFamilyEventKind: EventContent {
    package var subject: EventSubject { EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .overflowed(let maxKeys): details.add("max_keys", maxKeys)
        }
    }
}

extension PolicyFamily {
    /// The policy that keys share for which there is no place; `nil` while there was none. It is called
    /// `hosts/overflow`, in events and metrics too, and follows the family's configuration.
    public var overflowPolicy: Policy? { overflow.withLock { $0?.policy } }

    /// How often a key was given the ``overflowPolicy`` because there was no place for it.
    public var overflowCount: Int { counts.overflowed.load(ordering: .relaxed) }

    /// Notes that a new key has a place.
    func added(displacing isDisplacement: Bool) {
        if isDisplacement { counts.displaced.wrappingAdd(1, ordering: .relaxed) }
        counts.isOverflowing.store(false, ordering: .relaxed)
    }

    /// The policy for a key that has no place.
    func overflowing() -> Policy {
        counts.overflowed.wrappingAdd(1, ordering: .relaxed)
        if !counts.isOverflowing.exchange(true, ordering: .relaxed) {
            events.post(.overflowed(maxKeys: maxKeys))
            events.deliver()
        }
        if let policy = overflow.withLock({ $0?.policy }) { return policy }
        // Built outside the lock. Of two tasks that build one, the first to keep it wins.
        let settings = settings.withLock { $0 }
        let new = overflowMember(settings)
        let kept = overflow.withLock { overflow in
            if let present = overflow { return present.policy }
            overflow = new
            return new.policy
        }
        // A document or an observer may have come meanwhile.
        refreshMembers()
        return overflow.withLock { $0?.policy } ?? kept
    }

    private func overflowMember(_ settings: Settings) -> Member {
        var environment = settings.environment
        environment.name += "/overflow"
        let policy = (try? recipe.policy(in: environment)) ?? prototype
        let now = time.now
        return member(policy, MemberState(policy.layers.own(besides: sharedLayers), now: now), settings, now: now)
    }
}
