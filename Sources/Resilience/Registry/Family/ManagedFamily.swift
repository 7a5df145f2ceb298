internal import ResilienceCore
internal import Synchronization

/// A family of policies, whatever its keys, as a module manages it.
protocol ManagedFamily: Sendable {
    /// Puts the members behind the gate of a module.
    ///
    /// - Throws: That the family is in another module.
    func adopt(by gate: GateAccess) throws(ConfigurationError)

    /// The keys under which the layers that documents can describe stand there, outermost first.
    var keys: [String] { get }

    /// Which layers those are, of the prototype: another than those of the members, unless all share it.
    var layerIdentities: [ObjectIdentifier] { get }

    /// What runs with the module of the layers that all members share.
    var running: [any RunningComponent] { get }

    /// What puts that in force which a document says about each of those layers; `nil` if there are faults.
    ///
    /// - Parameters:
    ///   - bounds: Where it says how many keys there may be.
    ///   - registered: What is registered for itself, and configured there where nothing is said here.
    func change(
        from parts: [[ConfigurationReader]], bounds: ConfigurationReader?, _ registered: Set<ObjectIdentifier>,
        _ findings: Findings
    ) -> Tuning.Step?

    /// Notes what contradicts itself in what a document that has been worked out says.
    ///
    /// - Parameter name: Under which the family is registered.
    func checkRelation(_ name: String, _ findings: Findings)

    /// What a document would say that describes what is in force.
    func document(in environment: DocumentEnvironment) -> ConfigurationValue
}

extension PolicyFamily: ManagedFamily {
    func adopt(by gate: GateAccess) throws(ConfigurationError) {
        let isOther = settings.withLock { settings in
            if let present = settings.gate { return present.gate !== gate.gate }
            settings.gate = gate
            settings.version += 1
            return false
        }
        guard !isOther else {
            throw ConfigurationError(
                .init(field: "registrations", value: "policy family \"\(name)\"", violation: "is in another module"))
        }
        refreshMembers()
    }

    var keys: [String] { prototypeTunings.map(\.key) }

    var layerIdentities: [ObjectIdentifier] { prototypeTunings.map(\.identity) }

    var running: [any RunningComponent] {
        zip(prototype.layers, sharedLayers).compactMap { layer, isShared in
            isShared ? layer.component as? any RunningComponent : nil
        }
    }

    func change(
        from parts: [[ConfigurationReader]], bounds: ConfigurationReader?, _ registered: Set<ObjectIdentifier>,
        _ findings: Findings
    ) -> Tuning.Step? {
        var newBounds = declaredBounds
        let areBoundsRead = findings.read(bounds.map { [$0] } ?? [], onto: &newBounds)
        // The prototype's layers stand for those of all members; they are not changed.
        let steps = prototypeTunings.enumerated().map { index, tuning -> Tuning.Step? in
            let parts = parts.indices.contains(index) ? parts[index] : []
            if parts.isEmpty, registered.contains(tuning.identity) { return {} }
            return tuning.change(from: parts, findings)
        }
        guard areBoundsRead, !steps.contains(where: { $0 == nil }) else { return nil }
        let (values, bounds) = (parts.map { $0.map(\.value) }, newBounds)
        let names = findings.environment
        return { [self] in
            let isOtherBounds = settings.withLock { settings in
                defer { settings.bounds = bounds }
                settings.parts = values
                settings.registered = registered
                settings.names = names
                settings.version += 1
                return settings.bounds != bounds
            }
            // What is shared is there without any member.
            for ((tuning, step), parts) in zip(zip(prototypeTunings, steps), values)
            where !parts.isEmpty && registered.contains(tuning.identity) { try step?() }
            if isOtherBounds { useBounds() }
            refreshMembers()
        }
    }

    func checkRelation(_ name: String, _ findings: Findings) {
        guard let relation = settings.withLock({ $0.relation }) else { return }
        let own = prototypeTunings.compactMap { findings.planned[$0.identity] }
        // Without those that have faults of their own.
        guard own.count == prototypeTunings.count else { return }
        for fault in relation(name, own, { findings.planned[ObjectIdentifier($0)] }) { findings.note(fault) }
    }

    /// Brings the table up to the bounds in force.
    private func useBounds() {
        var bounds = settings.withLock { $0.bounds }
        while true {
            _ = table.forEachShard { (common: inout Duration, _: Each) in common = bounds.idleLimit }
            table.setLimit(bounds.maxKeys, now: time.now, forgetting: true)
            counts.isOverflowing.store(false, ordering: .relaxed)
            let latest = settings.withLock { $0.bounds }
            guard latest != bounds else { return }
            bounds = latest
        }
    }

    func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        let settings = settings.withLock { $0 }
        let documents = prototypeTunings.enumerated().map { index, tuning in
            // What is registered for itself is as it is, wherever its settings come from.
            if settings.registered.contains(tuning.identity) { return (tuning.key, tuning.document(in: environment)) }
            let findings = Findings(settings.names)
            let parts = settings.parts.indices.contains(index) ? settings.parts[index] : []
            let readers = parts.map { ConfigurationReader(document: $0, findings) }
            return (tuning.key, tuning.document(from: readers, findings) ?? .null)
        }
        let bounds = settings.bounds.document(in: environment)
        return .parts(documents).adding("maxKeys", bounds["maxKeys"] ?? .null)
            .adding("idleLimit", bounds["idleLimit"] ?? .null)
    }

    /// Brings all members up to what is said about them now.
    func refreshMembers() {
        var settings = settings.withLock { $0 }
        while true {
            refreshMembers(settings)
            let latest = self.settings.withLock { $0 }
            // A task that brings members up to older settings at the same time comes here after it and sees the newer
            // ones.
            guard latest.version != settings.version else { return }
            settings = latest
        }
    }

    /// Brings the member of a key, made by settings of another version, up to what is said now.
    func refreshMember(of key: Key, from version: Int) {
        var version = version
        while true {
            let settings = settings.withLock { $0 }
            guard settings.version != version else { return }
            if let member = table.withExistingValue(for: key, { member, _ in member }) {
                refresh(key, member, settings)
            }
            version = settings.version
        }
    }

    private func refreshMembers(_ settings: Settings) {
        for (key, member) in allMembers { refresh(key, member, settings) }
        guard let member = overflow.withLock({ $0 }) else { return }
        refreshLayers(member, settings, isOverflow: true)
        guard let policy = entrance(of: member, settings) else { return }
        let old = overflow.withLock { overflow -> Policy? in
            defer { overflow?.policy = policy }
            return overflow?.policy
        }
        _ = old  // Released outside the lock.
    }

    private func refresh(_ key: Key, _ member: Member, _ settings: Settings) {
        refreshLayers(member, settings, isOverflow: false)
        guard let policy = entrance(of: member, settings) else { return }
        // What it replaces is released outside the lock.
        let old = table.withExistingValue(for: key) { member, _ -> Policy? in
            guard member.policy.callEntrance == nil else { return nil }
            defer { member.policy = policy }
            return member.policy
        }
        _ = old
    }

    private func refreshLayers(_ member: Member, _ settings: Settings, isOverflow: Bool) {
        Self.retune(member.tunings, settings)
        for observer in settings.environment.observers where isOverflow || !(observer is CallMetrics) {
            member.policy.addObserver(observer)
        }
        guard !isOverflow else { return }
        for meters in settings.meters { meters.attach(to: member.bare, sharedLayers) }
    }

    /// The policy of a member that is not behind the gate yet; `nil` if it is, or there is none.
    private func entrance(of member: Member, _ settings: Settings) -> Policy? {
        guard settings.gate != nil, member.policy.callEntrance == nil else { return nil }
        return Self.guarded(member.bare, member.tunings, settings)
    }

    /// A member as it is handed out.
    static func guarded(_ policy: Policy, _ tunings: [Tuning], _ settings: Settings) -> Policy {
        guard let gate = settings.gate else { return policy }
        let access = GateAccess(gate: gate.gate, module: gate.module, policyName: policy.name)
        let managed = ManagedPolicy(policy, tunings, access)
        return Policy(policy, layers: managed, behind: managed)
    }

    /// What was found without faults once is taken without a word.
    static func retune(_ tunings: [Tuning], _ settings: Settings) {
        for (index, tuning) in tunings.enumerated() {
            let findings = Findings(settings.names)
            let parts = settings.parts.indices.contains(index) ? settings.parts[index] : []
            if parts.isEmpty, settings.registered.contains(tuning.identity) { continue }
            let readers = parts.map { ConfigurationReader(document: $0, findings) }
            if let step = tuning.change(from: readers, findings) { try? step() }
        }
    }
}

extension ConfigurationValue {
    /// What is said about layers, by their keys: as a list where there are several of one key.
    static func parts(_ parts: [(key: String, value: ConfigurationValue)]) -> ConfigurationValue {
        .object(
            Dictionary(grouping: parts) { $0.key }.mapValues { parts in
                parts.count == 1 ? parts[0].value : .array(parts.map(\.value))
            })
    }
}
