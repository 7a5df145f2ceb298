internal import CircuitBreakers
public import ResilienceCore

/// Policies of one kind, one for each key: for each host, each tenant, each route.
///
/// ```swift
/// let hosts = try PolicyFamily<String>("hosts", atMost: 500) {
///     Retry.layer()
///     CircuitBreaker.layer()
/// }
/// let page = try await hosts.execute(for: url.host) { try await client.get(url) }
/// ```
///
/// A policy is made when its key is first used, and forgotten when it has not been used for a while; but not as long as
/// one of its breakers is open. There are never more than a given number. Registered in a ``ResilienceModule``, its calls
/// pass the module's gate, and its members follow the module's configuration.
public final class PolicyFamily<Key: Hashable & Sendable>: Sendable {
    /// What the family is called. Its policies are called by it and their key: `hosts/api.example.com`.
    public let name: String

    /// The most keys there are at once.
    public let limit: Int

    /// How long a policy that is not used is kept.
    public let idleLimit: Duration

    let settings: Lock<Settings>
    let prototype: Policy
    let prototypeTunings: [Tuning]
    let table: KeyedTable<Key, Member>
    let time: TimeSource
    private let make: @Sendable (PolicyEnvironment) throws(ConfigurationError) -> Policy

    /// What all members have in common and can change.
    struct Settings {
        var environment: PolicyEnvironment
        /// The gate of the module that the family is registered in.
        var gate: GateAccess?
        /// What a configuration document says about each layer that it can describe, the most general first.
        var parts: [[ConfigurationValue]] = []
        /// What names in those parts stand for.
        var names = DocumentEnvironment()
        /// Counts changes, so that a member which was made meanwhile learns of them.
        var version = 0
    }

    /// A policy and when it was last asked for.
    struct Member: KeyedValue {
        /// As it is handed out: behind the gate, if there is one.
        var policy: Policy
        let bare: Policy
        let tunings: [Tuning]
        let breakers: [CircuitBreaker]
        var lastUse: TimeSource.Instant

        /// Idle for long enough, and no break lasts, which would end with the policy.
        func isForgettable(at now: TimeSource.Instant, _ idleLimit: Duration) -> Bool {
            lastUse.advanced(by: idleLimit) <= now && !isInBreak(at: now)
        }

        /// The longest unused is the least loss; none while a break lasts, also one without end.
        func loss(at now: TimeSource.Instant, _ idleLimit: Duration) -> Int64? {
            isInBreak(at: now) ? nil : lastUse.nanoseconds
        }

        private func isInBreak(at now: TimeSource.Instant) -> Bool {
            breakers.contains { $0.breakEnd.map { $0 > now } ?? false }
        }
    }

    /// Creates a family.
    ///
    /// - Parameters:
    ///   - name: What the family is called.
    ///   - limit: The most keys at once, 1 to 1 000 000. Where all are taken, the policy that is nearest to being forgotten
    ///     among some that are looked at gives way; if none can, the key has to do with a policy that is not kept.
    ///   - idleLimit: How long a policy that is not used is kept, at least 1 ns. Default: 10 minutes.
    ///   - clock: The time of the policies. Default: the continuous clock.
    ///   - random: Their randomness. Default: the system's.
    ///   - observers: Who hears their events.
    ///   - layers: The layers of each policy, as for `Policy`.
    /// - Throws: All faults, those of the layers too.
    public convenience init<S: Strategy>(
        _ name: String, atMost limit: Int, idleLimit: Duration = .seconds(600),
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = [], @PolicyBuilder layers: () -> Layer<S>
    ) throws(ConfigurationError) {
        try self.init(
            PolicyEnvironment(name: name, time: TimeSource(clock), random: random, observers: observers),
            limit: limit, idleLimit: idleLimit, layers())
    }

    init<S: Strategy>(
        _ environment: PolicyEnvironment, limit: Int, idleLimit: Duration, _ layer: Layer<S>
    ) throws(ConfigurationError) {
        var check = ConfigurationCheck(environment.name)
        check.require("limit", limit, in: 1...1_000_000)
        check.require(positive: "idleLimit", idleLimit)
        make = { environment throws(ConfigurationError) in try Policy(environment: environment, layer: layer) }
        do throws(ConfigurationError) {
            // Built once to learn the faults now, not with the first key.
            prototype = try make(environment)
        } catch {
            throw ConfigurationError(check.faults + error.faults) ?? error
        }
        try check.finish()
        prototypeTunings = prototype.tunings
        name = environment.name
        self.limit = limit
        self.idleLimit = idleLimit
        settings = Lock(Settings(environment: environment))
        time = environment.time
        table = KeyedTable(limit: limit, idleLimit)
    }

    // MARK: Calls

    /// The policy of a key; made if there is none.
    public subscript(_ key: Key) -> Policy {
        let now = time.now
        let found = table.withExistingValue(for: key) { member, _ -> Policy in
            member.lastUse = now
            return member.policy
        }
        if let found { return found }
        // Built outside the lock: a recipe may be the user's. Of two tasks that build one, the first to add it wins.
        let settings = settings.withLock { $0 }
        let new = member(for: key, settings, now: now)
        let answer = table.withValue(for: key, now: now, replacing: true, initial: { _ in new }) { member, _ in
            member.lastUse = now
            return member.policy
        } record: { _, _ in
        }
        refreshMember(of: key, from: settings.version)
        guard case .answered(let kept, _) = answer else { return new.policy }
        return table.withExistingValue(for: key) { member, _ in member.policy } ?? kept
    }

    /// Runs an operation under the policy of a key.
    ///
    /// - Throws: As the policy.
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(accepting: isAccepted, operation)
    }

    private func member(for key: Key, _ settings: Settings, now: TimeSource.Instant) -> Member {
        var environment = settings.environment
        environment.name += "/\(key)"
        // The prototype takes the place of a policy whose recipe, of the user's own, has changed its mind.
        let policy = (try? make(environment)) ?? prototype
        let tunings = policy.tunings
        Self.retune(tunings, settings)
        return Member(
            policy: Self.guarded(policy, tunings, settings), bare: policy, tunings: tunings,
            breakers: policy.circuitBreakers, lastUse: now)
    }

    // MARK: Reading

    /// How many keys there are now, also those that could be forgotten and have not been looked at since.
    public var count: Int { table.count }

    /// The keys there are now, with their policies, in no order.
    public var members: [(key: Key, policy: Policy)] { allMembers.map { ($0.key, $0.member.policy) } }

    /// How many keys have a circuit breaker that lets nothing through.
    public var openKeyCount: Int {
        allMembers.count { $0.member.breakers.contains { $0.state == .open || $0.state == .isolated } }
    }

    var allMembers: [(key: Key, member: Member)] {
        table.forEachShard { (_: inout Duration, forEach: Each) -> [(key: Key, member: Member)] in
            var found: [(key: Key, member: Member)] = []
            forEach { key, member in found.append((key, member)) }
            return found
        }.flatMap(\.self)
    }

    private typealias Each = ((Key, inout Member) -> Void) -> Void

    /// Forgets every policy that has been idle for long enough now, instead of little by little.
    ///
    /// - Returns: How many.
    @discardableResult
    public func removeIdle() -> Int { table.removeForgettable(now: time.now) }

    /// Adds an observer of the policies there are and of those to come. An object that hears already is not added again.
    public func addObserver(_ observer: any PolicyObserver) {
        let observer = ObserverBox.boxed(observer)
        settings.withLock { settings in
            let isThere = settings.environment.observers.contains { $0 as AnyObject === observer as AnyObject }
            guard !isThere else { return }
            settings.environment.observers.append(observer)
            settings.version += 1
        }
        for (_, member) in allMembers { member.policy.addObserver(observer) }
    }
}

extension PolicyFamily: MetricSource {
    /// Adds how many keys there are, and how many breakers are open; not the numbers of each key, which nobody bounds but
    /// the family's limit.
    public func collect(into metrics: inout MetricCollection) {
        metrics.add(PolicyFamilyMetrics.keys, [name], count)
        metrics.add(PolicyFamilyMetrics.openKeys, [name], openKeyCount)
    }
}

private enum PolicyFamilyMetrics {
    static let keys = MetricFamily(
        "resilience.policy_family.keys", .gauge, labels: ["name"], help: "Keys that have a policy.")
    static let openKeys = MetricFamily(
        "resilience.policy_family.open_keys", .gauge, labels: ["name"],
        help: "Keys with a circuit breaker that lets nothing through.")
}
