internal import ResilienceCore

extension PolicyFamily {
    /// What all members have in common and can change.
    struct Settings {
        var environment: PolicyEnvironment
        /// Measure calls, for all members together.
        var meters: [FamilyMeters] = []
        /// The gate of the module that the family is registered in.
        var gate: GateAccess?
        /// What a configuration document says about each layer that it can describe, the most general first.
        var parts: [[ConfigurationValue]] = []
        /// What is registered for itself, and configured there.
        var registered: Set<ObjectIdentifier> = []
        /// What names in those parts stand for.
        var names = DocumentEnvironment()
        /// How many keys there may be, as the document says, or as code has declared.
        var bounds: FamilyBounds
        /// What may not be said at once, in addition to what each layer finds by itself.
        var relation: FamilyRelation?
        /// Counts changes, so that a member which was made meanwhile learns of them.
        var version = 0
    }

    /// A policy and when it was last asked for.
    struct Member: KeyedValue {
        /// As it is handed out: behind the gate, if there is one.
        var policy: Policy
        let bare: Policy
        let tunings: [Tuning]
        let state: MemberState
        var lastUse: TimeSource.Instant
        var lookups = 0

        mutating func use(at now: TimeSource.Instant) {
            lastUse = now
            lookups &+= 1
        }

        /// Idle for long enough, and nothing would be lost.
        func isForgettable(at now: TimeSource.Instant, _ idleLimit: Duration) -> Bool {
            isIdle(at: now, idleLimit) && state.retained(at: now) == .nothing
        }

        /// The longest unused is the least loss. What has learnt something comes after all that has not, and only once
        /// it is idle; what is bound by something does not go at all.
        func loss(at now: TimeSource.Instant, _ idleLimit: Duration) -> Int64? {
            let age = max(0, activity(at: now).nanoseconds) >> 2
            switch state.retained(at: now) {
            case .nothing: return age
            case .knowledge: return isIdle(at: now, idleLimit) ? age | 1 << 62 : nil
            case .obligation: return nil
            }
        }

        func activity(at now: TimeSource.Instant) -> TimeSource.Instant {
            max(lastUse, state.lastActivity(at: now, lookups: lookups))
        }

        private func isIdle(at now: TimeSource.Instant, _ idleLimit: Duration) -> Bool {
            activity(at: now).advanced(by: idleLimit) <= now
        }
    }

    /// Makes a member.
    ///
    /// - Parameter policyName: What it is called in errors.
    func member(_ policyName: String, _ settings: Settings, now: TimeSource.Instant) -> Member {
        // The prototype takes the place of a policy whose recipe, of the user's own, has changed its mind.
        var environment = settings.environment.withoutMeters
        environment.sharedName = policyName
        let made = (try? recipe.policy(in: environment)) ?? prototype
        for meters in settings.meters { meters.attach(to: made, sharedLayers) }
        let state = MemberState(made.layers.own(besides: sharedLayers), now: now)
        let policy = Policy(made, layers: MemberLayers(made, state, numbers)).called(policyName)
        return member(policy, state, settings, now: now)
    }

    func member(_ policy: Policy, _ state: MemberState, _ settings: Settings, now: TimeSource.Instant) -> Member {
        // What all members share may have been changed by a document: as code declared it, the prototype knows.
        let tunings = policy.tunings.map { tuning in
            prototypeTunings.first { $0.identity == tuning.identity } ?? tuning
        }
        Self.retune(tunings, settings)
        return Member(
            policy: Self.guarded(policy, tunings, settings), bare: policy, tunings: tunings, state: state, lastUse: now)
    }
}

extension [LayerDescription] {
    /// The layers that are not shared; `nil` in the place of those that are.
    func own(besides shared: [Bool]) -> [LayerDescription?] {
        enumerated().map { place, layer in shared.indices.contains(place) && shared[place] ? nil : layer }
    }
}

extension PolicyEnvironment {
    /// Without observers that measure calls: they do so for a family as a whole.
    var withoutMeters: PolicyEnvironment {
        var environment = self
        environment.observers.removeAll { $0 is CallMetrics }
        return environment
    }
}
