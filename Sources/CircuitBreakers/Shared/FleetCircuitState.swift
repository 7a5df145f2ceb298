internal import ResilienceCore

/// What one node knows of its fleet's circuit, and what it has to do next: a pure value that is told the time.
///
/// The driver around it (``FleetCircuit``) asks for the ``next(_:hasFailed:now:)`` step, performs it, and tells what
/// came back. Orders to the breaker are numbered, so that two that overtake each other do no harm.
struct FleetCircuitState: Sendable {
    enum Decision: Sendable, Hashable {
        /// Tell the store; nothing else happens until it has answered or failed.
        case exchange(CircuitReport)
        /// Wait until a moment or a change of the breaker's state, and perhaps for a call that fails.
        case wait(until: TimeSource.Instant, wakesOnFailure: Bool)
    }

    /// What the owner has to do about what came.
    struct Action: Sendable {
        var order: (order: FleetOrder, number: UInt64)?
        var events: [FleetCircuit.EventKind] = []
    }

    /// The lease that this node holds.
    struct Lease: Sendable, Hashable {
        let epoch: Int64
        let end: TimeSource.Instant
        /// When it is given up if no call has come by then.
        let giveUpAt: TimeSource.Instant
        /// The breaker's generation before it was told to probe.
        let generationBefore: UInt64
    }

    let circuit: String
    let node: String
    private(set) var configuration: FleetCircuit.Configuration
    let random: RandomSource

    /// The newest state, as it was received; what is left of it is by ``phaseEnd``.
    var known = SharedCircuit.new
    /// When the break or the lease is over.
    var phaseEnd = TimeSource.Instant(nanoseconds: .max)
    var outage = StoreOutage()
    /// When a store that is away is tried again.
    var retryAt = TimeSource.Instant(nanoseconds: .min)
    var lease: Lease?
    /// The epoch of the lease for which a verdict was last told: a change may be heard before the answer.
    var lastVerdict: Int64 = -1
    var totals = FleetCircuit.Totals()
    var slots: FleetSlots

    var orders: UInt64 = 0
    var lastView = FleetView()
    /// When the store was last told, successfully.
    var lastExchange: TimeSource.Instant?
    private var nextTick = TimeSource.Instant(nanoseconds: .min)
    var idleTicks = 0
    /// Since when failures come without a tick between them.
    private var urgentSince: TimeSource.Instant?
    var isUrgent = false
    private var lastFailure: TimeSource.Instant?
    private var wasWitness = false
    /// For how many ticks more the store is asked even if there is nothing to tell, because a change may have been
    /// missed.
    var catchUpTicks = 2
    /// When this node asks for the lease, if calls were rejected by then.
    var askAt = TimeSource.Instant(nanoseconds: .max)
    var rejectedBefore = 0
    /// By what the holds of this break are longer than those of other nodes, so that they do not end together.
    var spread = 1.0
    /// Whether the breaker is held although the break is over.
    var isHeldBeyond = false

    init(
        circuit: String, node: String, _ configuration: FleetCircuit.Configuration, _ random: RandomSource,
        _ view: FleetView
    ) {
        (self.circuit, self.node, self.configuration, self.random) = (circuit, node, configuration, random)
        lastView = view
        slots = FleetSlots(configuration.rule, view.totals)
    }

    static let never = TimeSource.Instant(nanoseconds: .max)
    private static let leastSpacing = Duration.milliseconds(10)
    static let askSpread = Duration.milliseconds(250)
    static let lookAgain = Duration.milliseconds(400)

    /// Goes by another configuration from now on. What was counted in a longer window stays for as long as it would.
    mutating func update(_ configuration: FleetCircuit.Configuration) {
        self.configuration = configuration
        slots.window = configuration.rule.window
    }

    // MARK: What to do next

    /// The node begins to run: it asks at once.
    mutating func begin(now: TimeSource.Instant) {
        retryAt = now
        lastExchange = nil
        catchUpTicks = 2
    }

    /// Takes in what the breaker has counted, and decides.
    ///
    /// - Parameter hasFailed: Whether a call has failed since the last step.
    mutating func next(
        _ view: FleetView, hasFailed: Bool, now: TimeSource.Instant
    ) -> (decision: Decision, action: Action) {
        var action = Action()
        take(view, now)
        noteUrgency(hasFailed, now)
        watchLease(now, &action)
        if known.phase.isOpen, phaseEnd <= now, !isHeldBeyond, !outage.isPresent { hold(now, &action) }
        let request = request(now)
        let due = due(request, now)
        if due <= now { return (.exchange(report(request, now)), action) }
        let until = min(due, wakeUp(now))
        return (.wait(until: until, wakesOnFailure: !outage.isPresent && known.phase == .closed && !isUrgent), action)
    }

    mutating func take(_ view: FleetView, _ now: TimeSource.Instant) {
        lastView = view.after(lastView)
        // Another fleet may have given orders before.
        orders = max(orders, view.lastOrder)
        slots.take(view.totals, now: now)
    }

    /// The report of a request that is not the state's own: by hand.
    mutating func report(by request: CircuitReport.Request, _ view: FleetView, now: TimeSource.Instant) -> CircuitReport
    {
        take(view, now)
        return report(request, now)
    }

    private mutating func report(_ request: CircuitReport.Request?, _ now: TimeSource.Instant) -> CircuitReport {
        if let lease, let request, request.isVerdict(of: lease.epoch) { lastVerdict = lease.epoch }
        return CircuitReport(
            circuit: circuit, node: node, rule: configuration.rule,
            slots: known.phase == .closed ? slots.report(now: now) : [], known: shown(now: now),
            request: request ?? .nothing)
    }

    private mutating func noteUrgency(_ hasFailed: Bool, _ now: TimeSource.Instant) {
        let isWitness = slots.isWitness(configuration.rule)
        defer { wasWitness = isWitness }
        // A failure that was told before its signal came is no news, and the next one is to be heard.
        guard hasFailed, known.phase == .closed, slots.hasNews else { return }
        let isFirst = lastFailure.map { $0.advanced(by: configuration.tick) <= now } ?? true
        if isFirst || (isWitness && !wasWitness) { urgentSince = now }
        lastFailure = now
        isUrgent = true
    }

    private mutating func watchLease(_ now: TimeSource.Instant, _ action: inout Action) {
        guard let held = lease, now >= held.end else { return }
        lease = nil
        action.events.append(.leaseLost)
        // While the store is away the breaker goes by its own rules.
        if !outage.isPresent { hold(now, &action) }
    }

    private func request(_ now: TimeSource.Instant) -> CircuitReport.Request? {
        if let lease { return verdict(lease, now) }
        switch known.phase {
        // What was lost on its way back: the lease is this node's, and it does not probe.
        case .probing(node, _): return .giveUp(epoch: known.epoch)
        case .open:
            let isDemanded = lastView.totals.rejected > rejectedBefore
            guard now >= phaseEnd, now >= askAt, lastView.isHeld, isDemanded else { return nil }
            return .lease(configuration.leaseLength)
        case .closed, .probing: return nil
        }
    }

    /// What has come of the probes; `nil` if that is not known yet.
    private func verdict(_ lease: Lease, _ now: TimeSource.Instant) -> CircuitReport.Request? {
        let view = lastView
        let giveUp = CircuitReport.Request.giveUp(epoch: lease.epoch)
        // The breaker has not applied the order yet, or does not because of a break of its own.
        if view.generation == lease.generationBefore { return view.isHeld && now < lease.giveUpAt ? nil : giveUp }
        let hasVerdict = [.probesSucceeded, .probesFailed, .probesTimedOut].contains(view.lastReason)
        return switch view.state {
        case .halfOpen: now < lease.giveUpAt || view.hasProbed ? nil : giveUp
        case .closed: hasVerdict ? .succeeded(epoch: lease.epoch) : giveUp
        case .open: hasVerdict ? .failed(epoch: lease.epoch) : giveUp
        case .isolated, .disabled, .observing: giveUp
        }
    }

    /// What to tell the store before this node goes, if it holds the lease.
    mutating func lastReport(_ view: FleetView, now: TimeSource.Instant) -> CircuitReport? {
        guard let lease else { return nil }
        take(view, now)
        return report(verdict(lease, now) ?? .giveUp(epoch: lease.epoch), now)
    }

    /// When the store is to be told next.
    private func due(
        _ request: CircuitReport.Request?, _ now: TimeSource.Instant
    ) -> TimeSource.Instant {
        if outage.isPresent { return retryAt }
        guard let lastExchange else { return now }
        let soon = lastExchange.advanced(by: Self.leastSpacing)
        if request != nil || (slots.mustResend && known.phase == .closed) { return soon }
        let hasNews = known.phase == .closed && slots.hasNews
        if isUrgent, hasNews, let urgentSince {
            let age = urgentSince.duration(to: now) / 8
            return lastExchange.advanced(by: min(max(Self.leastSpacing, age), configuration.tick))
        }
        let isQuiet = known.phase == .closed && !hasNews && idleTicks < 4 && catchUpTicks == 0
        return isQuiet ? Self.never : nextTick
    }

    /// When to look at the breaker again, whatever happens.
    private mutating func wakeUp(_ now: TimeSource.Instant) -> TimeSource.Instant {
        if nextTick <= now {
            // The tick has gone by without anything to tell.
            idleTicks += 1
            endTick(now)
        }
        var earliest = nextTick
        for moment in [known.phase.isOpen ? phaseEnd : nil, askAt, lease?.giveUpAt, lease?.end] {
            if let moment, moment > now { earliest = min(earliest, moment) }
        }
        return earliest
    }

    mutating func endTick(_ now: TimeSource.Instant) {
        // Up to a tenth shorter or longer, so that a fleet that was started at once does not stay in step.
        nextTick = now.advanced(by: configuration.tick.multipliedSaturated(by: 0.9 + 0.2 * random.next()))
        catchUpTicks = max(0, catchUpTicks - 1)
    }

    // MARK: Reading

    /// What is known, with what is left of it now.
    func shown(now: TimeSource.Instant) -> SharedCircuit {
        var shown = known
        shown.wasEmpty = false
        let rest = max(.zero, now.duration(to: phaseEnd))
        switch known.phase {
        case .closed: break
        case .open: shown.phase = .open(remaining: rest)
        case .probing(let node, _): shown.phase = .probing(node: node, remaining: rest)
        }
        return shown
    }
}
