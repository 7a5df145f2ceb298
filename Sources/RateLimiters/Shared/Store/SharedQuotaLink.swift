internal import ResilienceCore
internal import Synchronization

/// What all quotas of one limiter share: the store and the way there, what is counted, and the observers to notify.
final class SharedQuotaLink: Sendable {
    typealias Kind = SharedRateLimiter.EventKind

    let name: String
    let store: any RateStore
    let time: TimeSource
    let random: RandomSource
    let link: StoreLink
    let events: EventChannel<Kind>
    let tally: LimiterTally
    private let rule: Rule
    private let exchanges = Atomic(0)
    private let outages: OutageCounter
    private let alone = Atomic(0)
    private let leased = Atomic(0)
    private let returned = Atomic(0)
    private let expired = Atomic(0)

    /// The configuration has been validated.
    init(
        _ environment: PolicyEnvironment, quota: String, _ store: any RateStore,
        _ configuration: SharedRateLimiter.Configuration,
        _ layout: MeterPoint.Layout
    ) {
        (name, time, random) = (environment.name, environment.time, environment.random)
        self.store = store
        let rule = Rule(LeasePlan(quota: quota, configuration), configuration)
        self.rule = rule
        let events = EventChannel<Kind>(environment.name, environment.observers)
        let outages = OutageCounter()
        self.events = events
        self.outages = outages
        tally = LimiterTally(environment, layout)
        link = StoreLink(time: time, random: environment.random, limit: configuration.operationLimit) {
            // A permit, and back: a store that can be read and not written to, for lack of memory, is still away.
            let grant = try await store.take(rule.plan.request(wanted: 1, minimum: 1))
            guard grant.granted > 0 else { return }
            _ = try await store.take(
                rule.plan.request(wanted: 0, minimum: 0, returned: grant.granted, receipt: grant.receipt))
        } post: { change in
            switch change {
            case .degraded(let error):
                outages.value.wrappingAdd(1, ordering: .relaxed)
                events.post(.degraded(error))
            case .recovered(let time): events.post(.recovered(after: time))
            }
        } deliver: {
            events.deliver()
        }
    }

    /// Does what is to be done at the store, until the task is cancelled; then gives permits back.
    nonisolated(nonsending) func run(
        isRequired: Bool, _ leftovers: @escaping @Sendable () -> [PermitRequest]
    ) async throws(SharedStateError) {
        try await link.run(isRequired: isRequired) { [store] in
            for request in leftovers() { _ = try? await store.take(request) }
        }
    }

    // MARK: The rule

    /// What is in force.
    var configuration: SharedRateLimiter.Configuration { rule.configuration }

    /// What quotas go by; without a key.
    var plan: LeasePlan { rule.plan }

    /// Puts a configuration in force that has been checked; the quotas are brought up to them after that.
    func use(_ configuration: SharedRateLimiter.Configuration) {
        rule.use(configuration) { events.post(.updated(configuration)) }
        link.limit = rule.configuration.operationLimit
    }

    /// Gives permits back, in the background.
    func giveBack(_ request: PermitRequest) {
        link.perform { [store] in
            try await store.take(request)
        } done: { _ in
        }
        countExchange()
    }

    /// What is in force, which closures share.
    private final class Rule: Sendable {
        private let state: Lock<(plan: LeasePlan, configuration: SharedRateLimiter.Configuration)>

        init(_ plan: LeasePlan, _ configuration: SharedRateLimiter.Configuration) {
            state = Lock((plan, configuration))
        }

        var plan: LeasePlan { state.withLock { $0.plan } }
        var configuration: SharedRateLimiter.Configuration { state.withLock { $0.configuration } }

        func use(_ configuration: SharedRateLimiter.Configuration, note: () -> Void) {
            state.withLock { state in
                state = (
                    LeasePlan(quota: state.plan.quota, configuration, version: state.plan.version + 1), configuration
                )
                note()
            }
        }
    }

    // MARK: Counting

    // Before the event is posted, so that an observer finds it in the totals. Where the state of a quota decides, under
    // its lock, so that events come in the order of its states; where the store decides, or there is no place for the
    // key, under none.

    func postPermitted(_ permits: Int, waited: Int64, key: String?) {
        tally.countPermitted(waited: waited)
        events.post(.permitted(key: key, permits: permits, waited: .nanoseconds(waited)))
    }

    func postRejected(_ error: any PolicyRejection, key: String?) {
        tally.countRejected()
        events.post(.rejected(key: key, error))
    }

    func postCancelled(_ permits: Int, key: String?) {
        tally.countCancelled()
        events.post(.cancelled(key: key, permits: permits))
    }

    /// Counts a decision without the store.
    func countDecisionAlone() { alone.wrappingAdd(1, ordering: .relaxed) }

    func count(_ counts: LeaseState.Counts) {
        guard counts != LeaseState.Counts() else { return }
        leased.wrappingAdd(counts.leased, ordering: .relaxed)
        returned.wrappingAdd(counts.returned, ordering: .relaxed)
        expired.wrappingAdd(counts.expired, ordering: .relaxed)
    }

    /// A key for which there is no place.
    func refuseKey(_ error: any PolicyRejection, key: String?) {
        postRejected(error, key: key)
        events.deliver()
    }

    func countExchange() { exchanges.wrappingAdd(1, ordering: .relaxed) }

    var totals: SharedRateLimiter.Totals {
        let calls = tally.totals
        return SharedRateLimiter.Totals(
            permitted: calls.permitted, rejected: calls.rejected, cancelled: calls.cancelled, waited: calls.waited,
            waitingTime: calls.waitingTime, withoutStore: alone.load(ordering: .relaxed),
            exchanges: exchanges.load(ordering: .relaxed), outages: outages.value.load(ordering: .relaxed),
            leased: leased.load(ordering: .relaxed), returned: returned.load(ordering: .relaxed),
            expired: expired.load(ordering: .relaxed))
    }

    /// A counter that closures share.
    private final class OutageCounter: Sendable {
        let value = Atomic(0)
    }
}
