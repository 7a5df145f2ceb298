public import ResilienceCore
internal import Synchronization

extension PolicyFamily {
    /// What is known of one key.
    public struct KeyStatus: Sendable, CustomStringConvertible {
        /// The key.
        public let key: Key
        /// Its policy, with all its layers and their numbers.
        public let policy: Policy
        /// How many calls it has let in, since it was made.
        public let calls: Int
        /// How many of them have failed; those that were refused or cancelled are left out.
        public let failures: Int
        /// How many run now.
        public let running: Int
        /// How long it has not been asked for.
        public let idle: Duration
        /// What is the matter with its layers, as ends of sentences: `is open`.
        public let complaints: [String]

        /// `api.example.com: 12 calls, 5 failed, 1 running; circuit breaker is open`
        public var description: String {
            let trouble = complaints.isEmpty ? "" : "; " + complaints.joined(separator: ", ")
            return "\(key): \(calls) calls, \(failures) failed, \(running) running\(trouble)"
        }
    }

    /// The policy of a key, if there is one. Does not make one, and does not count as use.
    public func policy(for key: Key) -> Policy? {
        table.withExistingValue(for: key) { member, _ in member.policy }
    }

    /// What is known of a key; `nil` if it has no policy.
    public func status(of key: Key) -> KeyStatus? {
        table.withExistingValue(for: key) { member, _ in member }.map { status(key, $0) }
    }

    /// The keys that matter most now: first those in trouble, then those with the most failures, then with the most
    /// calls.
    ///
    /// - Parameter count: How many at most.
    public func busiest(_ count: Int) -> [KeyStatus] {
        let all = allMembers.map { status($0.key, $0.member) }.sorted { one, two in
            if one.complaints.isEmpty != two.complaints.isEmpty { return two.complaints.isEmpty }
            if one.failures != two.failures { return one.failures > two.failures }
            return one.calls > two.calls
        }
        return Array(all.prefix(max(0, count)))
    }

    private func status(_ key: Key, _ member: Member) -> KeyStatus {
        KeyStatus(
            key: key, policy: member.policy, calls: member.state.calls, failures: member.state.failures,
            running: member.state.running, idle: max(.zero, member.lastUse.duration(to: time.now)),
            complaints: member.state.complaints.map { "\($0.kind.title) \($0.complaint.text)" })
    }

    /// How many keys there are now, also those that could be forgotten and have not been looked at since.
    public var count: Int { table.count }

    /// The keys there are now, with their policies, in no order.
    public var members: [(key: Key, policy: Policy)] { allMembers.map { ($0.key, $0.member.policy) } }

    /// How many keys have a circuit breaker that lets nothing through.
    public var openKeyCount: Int {
        allMembers.count { $0.member.state.breakers.contains { $0.state == .open || $0.state == .isolated } }
    }

    var allMembers: [(key: Key, member: Member)] {
        table.forEachShard { (_: inout Duration, forEach: Each) -> [(key: Key, member: Member)] in
            var found: [(key: Key, member: Member)] = []
            forEach { key, member in found.append((key, member)) }
            return found
        }.flatMap(\.self)
    }

    typealias Each = ((Key, inout Member) -> Void) -> Void

    /// Forgets every policy that has been idle for long enough and with which nothing would be lost, now instead of
    /// little by little.
    ///
    /// - Returns: How many.
    @discardableResult
    public func removeIdle() -> Int { table.removeForgettable(now: time.now) }
}

extension MemberState {
    /// What is the matter with its own layers.
    var complaints: [(kind: Kind, complaint: Complaint)] {
        layers.compactMap { layer in
            guard let component = layer?.component as? any Component else { return nil }
            return component.complaint.map { (type(of: component).kind, $0) }
        }
    }
}
