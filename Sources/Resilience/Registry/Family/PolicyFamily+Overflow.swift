public import ResilienceCore
internal import Synchronization

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
