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

    private let settings: Lock<Settings>
    private let make: @Sendable (PolicyEnvironment) throws(ConfigurationError) -> Policy
    private let manage: @Sendable (Policy) -> Policy
    private let prototype: Policy
    private let table: KeyedTable<Key, Member>
    private let time: TimeSource

    private struct Settings {
        var environment: PolicyEnvironment
        /// What a configuration document says about each layer that it can describe, the most general first.
        var parts: [[ConfigurationValue]] = []
        /// What names in those parts stand for.
        var names = DocumentEnvironment()
    }

    /// A policy and when it was last asked for.
    struct Member: KeyedValue {
        let policy: Policy
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

    /// - Parameter manage: Puts a policy that was made behind the gate of a module.
    init<S: Strategy>(
        _ environment: PolicyEnvironment, limit: Int, idleLimit: Duration, _ layer: Layer<S>,
        manage: @escaping @Sendable (Policy) -> Policy = { $0 }
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
        name = environment.name
        self.limit = limit
        self.idleLimit = idleLimit
        self.manage = manage
        settings = Lock(Settings(environment: environment))
        time = environment.time
        table = KeyedTable(limit: limit, idleLimit)
    }

    /// The policy of a key; made if there is none.
    public subscript(_ key: Key) -> Policy {
        let now = time.now
        let found = table.withExistingValue(for: key) { member, _ -> Policy in
            member.lastUse = now
            return member.policy
        }
        if let found { return found }
        // Built outside the lock: a recipe may be the user's. Of two tasks that build one, the first to add it wins.
        let new = member(for: key, now: now)
        let answer = table.withValue(for: key, now: now, replacing: true, initial: { _ in new }) { member, _ in
            member.lastUse = now
            return member.policy
        } record: { _, _ in
        }
        return if case .answered(let kept, _) = answer { kept } else { new.policy }
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

    /// How many keys there are now, also those that could be forgotten and have not been looked at since.
    public var count: Int { table.count }

    /// The keys there are now, with their policies, in no order.
    public var members: [(key: Key, policy: Policy)] {
        table.forEachShard { (_: inout Duration, forEach: Each) -> [(key: Key, policy: Policy)] in
            var found: [(key: Key, policy: Policy)] = []
            forEach { key, member in found.append((key, member.policy)) }
            return found
        }.flatMap(\.self)
    }

    private typealias Each = ((Key, inout Member) -> Void) -> Void

    private var allTunings: [[Tuning]] {
        table.forEachShard { (_: inout Duration, forEach: Each) -> [[Tuning]] in
            var found: [[Tuning]] = []
            forEach { _, member in found.append(member.tunings) }
            return found
        }.flatMap(\.self)
    }

    /// Forgets every policy that has been idle for long enough now, instead of little by little.
    ///
    /// - Returns: How many.
    @discardableResult
    public func removeIdle() -> Int { table.removeForgettable(now: time.now) }

    /// Adds an observer of the policies there are and of those to come.
    public func addObserver(_ observer: any PolicyObserver) {
        settings.withLock { $0.environment.observers.append(observer) }
        for (_, policy) in members { policy.addObserver(observer) }
    }

    private func member(for key: Key, now: TimeSource.Instant) -> Member {
        let settings = settings.withLock { $0 }
        var environment = settings.environment
        environment.name += "/\(key)"
        // The prototype takes the place of a policy whose recipe, of the user's own, has changed its mind.
        let policy = (try? make(environment)) ?? prototype
        let tunings = policy.tunings
        for step in Self.changes(tunings, settings) { step() }
        return Member(policy: manage(policy), tunings: tunings, breakers: policy.circuitBreakers, lastUse: now)
    }

    // MARK: Configuration

    /// How the layers of a policy that was made for it take a document; for checking one.
    var prototypeTunings: [Tuning] { prototype.tunings }

    /// Puts what a document says about each layer in force, for the policies there are and those to come.
    func retune(_ parts: [[ConfigurationValue]], in names: DocumentEnvironment) {
        let settings = settings.withLock { settings in
            settings.parts = parts
            settings.names = names
            return settings
        }
        for tunings in allTunings {
            for step in Self.changes(tunings, settings) { step() }
        }
    }

    /// What was found without faults once is taken without a word.
    private static func changes(_ tunings: [Tuning], _ settings: Settings) -> [@Sendable () -> Void] {
        zip(tunings, settings.parts).compactMap { tuning, parts -> (@Sendable () -> Void)? in
            let findings = Findings(settings.names)
            let readers = parts.map { ConfigurationReader(document: $0, findings) }
            guard let step = tuning.change(from: readers, findings) else { return nil }
            return { try? step() }
        }
    }
}

extension PolicyFamily: MetricSource {
    /// Adds how many keys there are, and how many breakers are open; not the numbers of each key, which nobody bounds but
    /// the family's limit.
    public func collect(into metrics: inout MetricCollection) {
        let breakers = members.flatMap { $0.policy.circuitBreakers }
        metrics.add(PolicyFamilyMetrics.keys, [name], count)
        metrics.add(
            PolicyFamilyMetrics.openBreakers, [name], breakers.count { $0.state == .open || $0.state == .isolated })
    }
}

private enum PolicyFamilyMetrics {
    static let keys = MetricFamily(
        "resilience.policy_family.keys", .gauge, labels: ["name"], help: "Keys that have a policy.")
    static let openBreakers = MetricFamily(
        "resilience.policy_family.open_circuit_breakers", .gauge, labels: ["name"],
        help: "Circuit breakers of all keys that let nothing through.")
}

extension Policy {
    /// How those of the layers that documents can describe take them.
    var tunings: [Tuning] { layers.compactMap { ($0.strategy as? any Pattern).map { Tuning($0) } } }
}
