public import ResilienceCore
internal import Synchronization

/// Policies of one kind, one for each key: for each host, each tenant, each route.
///
/// ```swift
/// let hosts = try PolicyFamily<String>("hosts", maxKeys: 500) {
///     Retry.layer()
///     CircuitBreaker.layer()
/// }
/// let page = try await hosts.execute(for: url.host) { try await client.get(url) }
/// ```
///
/// A policy is made when its key is first used, and forgotten when it has not been used for a while; but not as long as
/// something would be lost with it: calls that run or wait, a break, probes, failures that are counted, permits that
/// have not come back. There are never more than a given number: keys beyond share one policy, ``overflowPolicy``.
///
/// Events and metrics know the family, not its keys, which are not bounded: all members have the family's name there,
/// and the numbers of a layer are those of all members together. What a single key does is told by ``policy(for:)`` and
/// ``busiest(_:)``. Errors name the key. Registered in a ``ResilienceModule``, a family's calls pass the module's gate,
/// and its members follow the module's configuration.
public final class PolicyFamily<Key: Hashable & Sendable>: Sendable {
    /// What the family is called, and its members in events and metrics. In errors their keys are added:
    /// `hosts/api.example.com`.
    public let name: String

    /// The most keys there are at once.
    public var maxKeys: Int { settings.withLock { $0.bounds.maxKeys } }

    /// How long a policy that is not used is kept.
    public var idleLimit: Duration { settings.withLock { $0.bounds.idleLimit } }

    let settings: Lock<Settings>
    let declaredBounds: FamilyBounds
    /// A member that is never used.
    let prototype: Policy
    let prototypeTunings: [Tuning]
    /// Of each layer, whether all members share it.
    let sharedLayers: [Bool]
    let numbers: FamilyNumbers
    /// What is measured of it.
    let subjects: FamilySubjects
    let table: KeyedTable<Key, Member>
    let time: TimeSource
    let overflow = Lock<Member?>(nil)
    let counts = FamilyCounts()
    let events: EventChannel<PolicyFamilyEventKind>
    let recipe: PolicyRecipe

    /// Creates a family.
    ///
    /// - Parameters:
    ///   - name: What the family is called.
    ///   - maxKeys: The most keys at once, 1 to 1 000 000. Where all are taken, a policy gives way with which nothing
    ///     would be lost, the longest unused among some that are looked at; if there is none, the key has to do with
    ///     the policy that all such keys share, ``overflowPolicy``.
    ///   - idleLimit: How long a policy that is not used is kept, at least 1 ns. Default: 10 minutes.
    ///   - clock: The time of the policies. Default: the continuous clock.
    ///   - random: Their randomness. Default: the system's.
    ///   - observers: The observers to notify of their events and of the family's.
    ///   - layers: The layers of each policy, as for `Policy`.
    /// - Throws: All faults, those of the layers too.
    @inlinable
    public convenience init<S: Strategy>(
        _ name: String, maxKeys: Int, idleLimit: Duration = .seconds(600),
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = [], @PolicyBuilder layers: () -> Layer<S>
    ) throws(ConfigurationError) {
        try self.init(
            PolicyEnvironment(name: name, time: TimeSource(clock), random: random, observers: observers),
            maxKeys: maxKeys, idleLimit: idleLimit, PolicyRecipe(layers()))
    }

    @usableFromInline
    package init(
        _ environment: PolicyEnvironment, maxKeys: Int, idleLimit: Duration, _ recipe: PolicyRecipe
    ) throws(ConfigurationError) {
        let bounds = FamilyBounds(maxKeys: maxKeys, idleLimit: idleLimit)
        var check = ConfigurationCheck(environment.name)
        bounds.check(&check)
        var environment = environment
        environment.observers = environment.observers.map(ObserverBox.boxed)
        environment.sharedName = ""
        let subjects = FamilySubjects()
        let meters = environment.observers.compactMap { $0 as? CallMetrics }
            .map { FamilyMeters(for: $0, of: subjects) }
        self.subjects = subjects
        let sample: Policy
        do throws(ConfigurationError) {
            // Built to learn the faults now, not with the first key; and to give all observers to what members share.
            sample = try recipe.policy(in: environment)
            prototype = try recipe.policy(in: environment.withoutMeters)
        } catch {
            throw ConfigurationError(check.faults + error.faults) ?? error
        }
        try check.finish()
        self.recipe = recipe
        sharedLayers = zip(prototype.layers, sample.layers).map { layer, other in
            layer.identity.map { $0 == other.identity } ?? false
        }
        prototypeTunings = prototype.tunings
        numbers = FamilyNumbers(prototype.layers.own(besides: sharedLayers))
        name = environment.name
        declaredBounds = bounds
        settings = Lock(Settings(environment: environment, meters: meters, bounds: bounds))
        time = environment.time
        events = EventChannel(environment.name, environment.observers)
        table = KeyedTable(limit: maxKeys, idleLimit)
        for meters in meters { meters.attach(to: prototype, sharedLayers) }
    }

    // MARK: Members

    /// The policy of a key; made if there is none. If all places are taken, ``overflowPolicy``.
    public subscript(_ key: Key) -> Policy { lookUp(key) }

    // For the usual keys. For others the types of the table are looked up in each call: 6 000 instructions more.
    #if compiler(>=6.3)
        @specialized(where Key == String)
    #endif
    private func lookUp(_ key: Key) -> Policy {
        let now = time.now
        let found = table.withExistingValue(for: key, now: now) { member, _ -> Policy in
            member.use(at: now)
            return member.policy
        }
        if let found { return found }
        // Where nothing has found a place lately, whether there is one is asked before a policy is made for it.
        if counts.isOverflowing.load(ordering: .relaxed), !table.hasRoom(now: now) { return overflowing() }
        // Built outside the lock: a recipe may be the user's. Of two tasks that build one, the first to add it wins.
        let settings = settings.withLock { $0 }
        let new = member("\(name)/\(key)", settings, now: now)
        let answer = table.withValue(for: key, now: now, replacing: true, initial: { _ in new }) { member, _ in
            member.use(at: now)
            return member.policy
        } record: { _, _ in
        }
        refreshMember(of: key, from: settings.version)
        guard case .answered(let kept, let displaced) = answer else { return overflowing() }
        added(displacing: displaced != nil)
        return table.withExistingValue(for: key) { member, _ in member.policy } ?? kept
    }

    // MARK: Observers

    /// The observers of the family, those of its module among them.
    package var observers: [any PolicyObserver] { settings.withLock { $0.environment.observers } }

    /// Adds an observer of the family, of the policies there are and of those to come. An object that hears already is
    /// not added again.
    public func addObserver(_ observer: any PolicyObserver) {
        let observer = ObserverBox.boxed(observer)
        let isNew = settings.withLock { settings in
            let isThere = settings.environment.observers.contains { $0 as AnyObject === observer as AnyObject }
            guard !isThere else { return false }
            settings.environment.observers.append(observer)
            if let metrics = observer as? CallMetrics {
                settings.meters.append(FamilyMeters(for: metrics, of: subjects))
            }
            settings.version += 1
            return true
        }
        guard isNew else { return }
        events.add(observer)
        for (layer, isShared) in zip(prototype.layers, sharedLayers) where isShared {
            layer.strategy.addObserver(observer)
        }
        if observer is CallMetrics {
            for meters in settings.withLock({ $0.meters }) { meters.attach(to: prototype, sharedLayers) }
        }
        refreshMembers()
    }
}

/// What a family has seen, apart from what its members have.
final class FamilyCounts: Sendable {
    let displaced = Atomic<Int>(0)
    let overflowed = Atomic<Int>(0)
    let isOverflowing = Atomic(false)
}
