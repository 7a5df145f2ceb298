internal import ResilienceCore

/// The breaker's state machine: a pure value that is told the time and says what happened.
///
/// It holds no clock, lock or timer and calls no code of the user. Changes of state come out of ``takeActions()``,
/// which the breaker around it publishes; what needs the user's code (a predicate, the length of a break) comes back
/// as a ``TripRequest``, to be answered with ``open(_:_:for:error:now:)`` or ``report(_:_:)``. Errors that it lets go
/// of come out of ``takeDiscarded()``, because their release may run the user's code too.
struct CircuitBreakerState: Sendable {
    /// What the result of a call belongs to.
    enum Ticket: Sendable {
        /// The state that let the call through.
        case generation(UInt64)
        /// A probe, by its number.
        case probe(UInt64)
        /// The call around this one: its result says what this one's would.
        case withinCall
    }

    /// A call that has ended: what its result belongs to, when it started, and whether its duration is measured.
    struct EndedCall: Sendable {
        let ticket: Ticket
        let start: TimeSource.Instant
        let isTimed: Bool
    }

    enum Decision {
        case admitted(Ticket)
        case rejected(CircuitBreaker.State, retryAfter: Duration?)
        case trip(TripRequest)
    }

    enum Action: Sendable {
        case transition(CircuitBreaker.Transition)
        case wouldOpen(CircuitBreaker.Reason, CircuitBreaker.Counts)
        case reset(CircuitBreaker.State, CircuitBreaker.Counts)
    }

    var configuration: CircuitBreaker.Configuration
    var state = CircuitBreaker.State.closed
    /// Counts changes of state; a result belongs to the generation that admitted it.
    private(set) var generation: UInt64 = 1
    /// The generation that the configuration has the breaker begin with.
    private var firstGeneration: UInt64 = 1
    var totals = CircuitBreaker.Totals()
    private(set) var transitions = TransitionCounts()
    var consecutiveOpens = 0
    var openUntil = TimeSource.Instant(nanoseconds: .max)
    var breakLength = Duration.zero
    /// Why the state last changed; `nil` if it never has.
    private(set) var lastReason: CircuitBreaker.Reason?
    /// What the fleet has to do with the break, while the breaker is open.
    var hold: FleetHold?
    /// Whether the probes, while it is half-open, are those of the whole fleet.
    var probesForFleet = false
    /// The last order of the fleet that was obeyed.
    var lastOrder: UInt64 = 0
    /// The epoch for which the fleet last opened the breaker.
    var heldEpoch: Int64 = -1
    /// The last error that counted as a failure, since the breaker was closed.
    private(set) var lastFailure: (any Error)?
    /// What has happened and is not published yet.
    private var actions: [Action] = []
    /// Whether something that is read without the lock changed since ``takeActions()``: the state, the generation, the
    /// need of a clock, the next deadline.
    var isDirty = false
    private(set) var discarded = DiscardedErrors()
    /// How often the breaker has been made a layer.
    var uses = 0
    /// Whether calls are marked, so that those inside them are known.
    var marksCalls = false { didSet { if marksCalls != oldValue { isDirty = true } } }

    var window: OutcomeWindow
    var probes = Probes()
    /// The number of the next probe; no two of a breaker have the same.
    var nextProbe: UInt64 = 1
    /// How long calls took when that was last known, to tell a rejected caller when a probe may be back.
    private(set) var typicalDuration: Duration?
    private var check: TripCheck
    /// The rules that have said that they would open the breaker.
    private var posted: Set<Int> = []

    init(_ configuration: CircuitBreaker.Configuration, now: TimeSource.Instant) {
        self.configuration = configuration
        check = TripCheck(configuration.trip)
        window = OutcomeWindow(configuration.resolvedWindow, now: now)
    }

    /// What follows is what happens to the breaker, and not how it is made.
    mutating func begin() { firstGeneration = generation }

    // MARK: Reading

    /// Whether a call has succeeded or failed, or the state has changed.
    var isUsed: Bool { generation != firstGeneration || totals.succeeded > 0 || totals.failed > 0 }

    /// The counts of the window, or of the probes. Call ``advance(to:)`` first, so that what is old is forgotten.
    var counts: CircuitBreaker.Counts {
        var counts = window.counts
        counts.running = probes.running.count
        return counts
    }

    /// Whether calls must be timed: the window or the slow-call rule asks for it.
    var needsTime: Bool { window.needsTime || configuration.slowCallDuration != nil }

    /// Whether what the window holds goes by itself in time.
    var isWindowOfTime: Bool { window.needsTime }

    /// Forgets what is older than the window.
    mutating func forgetOld(now: TimeSource.Instant) { window.expire(now: now) }

    /// When the state next changes without a call; `nil` if it does not.
    var nextDeadline: TimeSource.Instant? {
        switch state {
        case .open: openUntil
        case .halfOpen: probes.areGivenUp ? nil : probes.running.first?.deadline
        default: nil
        }
    }

    /// If it is earlier than this, by a whole break before the break began, the clock was wrong when it did: the break
    /// starts over.
    var earliestOfBreak: TimeSource.Instant {
        let length = breakLength.saturatedNanoseconds
        return TimeSource.Instant(
            nanoseconds: openUntil.nanoseconds.subtractingSaturated(length).subtractingSaturated(length))
    }

    mutating func takeActions() -> [Action] {
        defer { (actions, isDirty) = ([], false) }
        return actions
    }

    // MARK: The path of a call

    /// Brings the state up to the present: the break may be over, a probe may have been out for too long. What changes
    /// does so at the moment at which it was due, whenever that is noticed.
    mutating func advance(to now: TimeSource.Instant) -> TripRequest? {
        window.expire(now: now)
        while true {
            switch state {
            case .open where now < earliestOfBreak:
                openUntil = now.advanced(by: breakLength)
                hold?.breakEnd = nil
                isDirty = true
            case .open where now >= openUntil: change(to: .halfOpen, .breakEnded, now: openUntil)
            case .halfOpen:
                guard let deadline = nextDeadline, now >= deadline else { return nil }
                if configuration.halfOpen.afterMaxWait == .open {
                    // Once: the length of the break may be asked of a function, which may ask the breaker.
                    probes.areGivenUp = true
                    isDirty = true
                    return request(.probesTimedOut, at: deadline)
                }
                change(to: .closed, .probesTimedOut, now: deadline)
            default: return nil
            }
        }
    }

    /// - Parameter outer: The numbers of the breaker's probes within which the call is made.
    mutating func admit(now: TimeSource.Instant, within outer: [UInt64]) -> Decision {
        if let request = advance(to: now) { return .trip(request) }
        switch state {
        case .closed, .observing, .disabled: return .admitted(.generation(generation))
        case .open: return .rejected(.open, retryAfter: now.duration(to: reportedEnd))
        case .isolated: return .rejected(.isolated, retryAfter: nil)
        case .halfOpen: return admitProbe(now: now, within: outer)
        }
    }

    /// Counts the end of a call and judges it. `now` is only looked at if the call was timed, or ``needsTime``.
    mutating func recordEnd(
        _ outcome: CircuitBreaker.Outcome, _ call: EndedCall, _ error: (any Error)?, now: TimeSource.Instant
    ) -> TripRequest? {
        let isSlow = isSlow(outcome, call, now: now)
        if case .withinCall = call.ticket { return nil }
        totals.count(outcome, isSlow: isSlow)
        switch call.ticket {
        case .withinCall: return nil
        case .probe(let number): return recordProbe(outcome, number, isSlow: isSlow, call, error, now: now)
        case .generation(let generation):
            guard generation == self.generation else {
                totals.late.increment()
                return nil
            }
        }
        guard state == .closed || state == .observing else { return nil }
        switch outcome {
        case .cancelled: return nil
        case .ignored:
            window.recordIgnored(startedAt: call.start, now: now)
            return check.predicates.isEmpty ? nil : judge()
        case .success, .failure:
            count(outcome, isSlow: isSlow, call, error, now: now)
            return judge()
        }
    }

    /// Whether successes may be brought in later, several at once: nothing that is read without the lock depends on
    /// them, and no rule can come to hold by one.
    enum Deferral: Equatable {
        case none
        /// Successes of calls that were not timed.
        case untimed
        case timed(PendingTimedSuccesses.Limits)
    }

    var deferral: Deferral {
        let isTimed = needsTime
        // A window of calls knows how long each took.
        guard check.predicates.isEmpty, !(isTimed && window.kind == .calls) else { return .none }
        switch state {
        case .disabled: break
        case .closed, .observing: if check.canHold(afterSuccess: window.counts) { return .none }
        case .open, .halfOpen, .isolated: return .none
        }
        guard isTimed else { return .untimed }
        guard let part = window.presentPart else { return .none }
        let longest = configuration.slowCallDuration?.saturatedNanoseconds ?? .max
        return .timed(.init(generation: generation, part: part, longest: longest))
    }

    /// Brings in successes that were neither timed nor slow.
    mutating func recordSuccesses(_ number: Int) {
        totals.succeeded = totals.succeeded.addingSaturated(number)
        if state == .closed || state == .observing { window.recordSuccesses(number) }
    }

    /// Brings in successes that were timed and not slow, of calls within the newest part of the window.
    mutating func recordSuccesses(_ number: Int, taking nanoseconds: Int64) {
        totals.succeeded = totals.succeeded.addingSaturated(number)
        if state == .closed || state == .observing { window.recordSuccesses(number, taking: nanoseconds) }
    }

    mutating func countRejections(_ number: Int) {
        totals.rejected = totals.rejected.addingSaturated(number)
    }

    mutating func count(
        _ outcome: CircuitBreaker.Outcome, isSlow: Bool, _ call: EndedCall, _ error: (any Error)?,
        now: TimeSource.Instant
    ) {
        if let error { keep(error) }
        let duration = call.isTimed ? now.nanoseconds.subtractingSaturated(call.start.nanoseconds) : nil
        window.record(CallFlags(outcome, isSlow: isSlow), startedAt: call.start, taking: duration, now: now)
    }

    private func isSlow(
        _ outcome: CircuitBreaker.Outcome, _ call: EndedCall, now: TimeSource.Instant
    ) -> Bool {
        guard let limit = configuration.slowCallDuration, outcome == .success || outcome == .failure else {
            return false
        }
        return call.start.duration(to: now) > limit
    }

    private mutating func judge() -> TripRequest? {
        if state == .observing { return judgeWhileObserving() }
        if let reason = check.reason(window.counts) { return request(reason) }
        return check.predicates.isEmpty ? nil : request(nil)
    }

    /// Every rule that holds says so, once.
    private mutating func judgeWhileObserving() -> TripRequest? {
        for rule in check.rules.indices where !posted.contains(rule) {
            if let reason = check.rules[rule].reason(window.counts) { postWouldOpen(rule, reason) }
        }
        guard !check.predicates.isEmpty else { return nil }
        let unposted = check.predicates.filter { !posted.contains($0.rule) }
        return unposted.isEmpty ? nil : TripRequest(self, nil, at: nil, predicates: unposted)
    }

    private mutating func postWouldOpen(_ rule: Int, _ reason: CircuitBreaker.Reason) {
        guard posted.insert(rule).inserted else { return }
        totals.wouldOpen.increment()
        actions.append(.wouldOpen(reason, window.counts))
        isDirty = true
    }

    func request(_ reason: CircuitBreaker.Reason?, at moment: TimeSource.Instant? = nil) -> TripRequest {
        TripRequest(self, reason, at: moment, predicates: check.predicates)
    }

    // MARK: Errors

    mutating func keep(_ error: (any Error)?) {
        if let lastFailure { discarded.append(lastFailure) }
        lastFailure = error
    }

    /// What is to be released outside the lock.
    mutating func takeDiscarded() -> DiscardedErrors {
        defer { discarded = DiscardedErrors() }
        return discarded
    }

    mutating func discard(_ error: any Error) { discarded.append(error) }

    // MARK: Changing the state

    /// The predicates of some rules hold for a breaker that observes.
    mutating func postWouldOpen(_ rules: [Int], _ request: TripRequest) {
        guard request.generation == generation, state == .observing else { return }
        for rule in rules { postWouldOpen(rule, .predicate) }
    }

    /// Opens, unless the state has changed since the request was made.
    mutating func open(
        _ request: TripRequest, _ reason: CircuitBreaker.Reason, for length: Duration, error: (any Error)?,
        now: TimeSource.Instant
    ) {
        guard request.generation == generation else { return }
        // Calls that succeeded slowly have no error; one from before has nothing to do with it.
        if case .slowCallRate = reason, error == nil { keep(nil) }
        open(reason, for: length, now: request.moment ?? now, counts: request.counts)
    }

    /// Opens by hand, or restarts the break; counts as one more opening in a row.
    mutating func openByHand(for length: Duration, now: TimeSource.Instant) {
        keep(nil)
        open(.manual, for: length, now: now, counts: nil)
    }

    mutating func open(
        _ reason: CircuitBreaker.Reason, for length: Duration, now: TimeSource.Instant, counts: CircuitBreaker.Counts?,
        hold: FleetHold? = nil
    ) {
        consecutiveOpens.increment()
        totals.opened.increment()
        breakLength = length
        openUntil = now.advanced(by: length)
        change(to: .open, reason, now: now, counts: counts, hold: hold)
    }

    mutating func change(
        to new: CircuitBreaker.State, _ reason: CircuitBreaker.Reason, now: TimeSource.Instant,
        counts: CircuitBreaker.Counts? = nil, hold newHold: FleetHold? = nil
    ) {
        window.expire(now: now)
        let counts = counts ?? self.counts
        if state != new {
            let transition = CircuitBreaker.Transition(
                from: state, to: new, reason: reason, counts: counts,
                breakLength: new == .open ? newHold.map { now.duration(to: reportedEnd($0)) } ?? breakLength : nil,
                lastFailure: new == .open ? lastFailure : nil)
            actions.append(.transition(transition))
            transitions.count(from: state, to: new)
        } else if reason == .manual, [.closed, .observing, .halfOpen].contains(new) {
            actions.append(.reset(new, counts))
        }
        state = new
        lastReason = reason
        // What probes of the fleet have shown is the fleet's affair, and so is the break that follows.
        hold = newHold ?? (probesForFleet && reason.isOfFailedProbes ? FleetHold() : nil)
        probesForFleet = false
        if new == .closed { consecutiveOpens = 0 }
        if new != .open && new != .halfOpen { keep(nil) }
        // Probes may be out for as long as a break, also where none came before them.
        if new == .halfOpen, breakLength == .zero { breakLength = configuration.breakLength.first }
        clear(now: now)
    }

    /// Forgets the counts, and disowns the calls that are running.
    private mutating func clear(now: TimeSource.Instant) {
        generation &+= 1
        isDirty = true
        typicalDuration = window.counts.meanDuration ?? typicalDuration
        probes = Probes()
        posted = []
        let kind: CircuitBreaker.Window = state == .halfOpen ? .unbounded : configuration.resolvedWindow
        window = OutcomeWindow(kind, now: now)
    }

    /// Adopts another configuration and keeps the state, the counts, the totals and the running calls. The state has
    /// been advanced to the present.
    mutating func update(_ new: CircuitBreaker.Configuration, now: TimeSource.Instant) -> TripRequest? {
        let kept = window.contents(now: now)
        let windowChanged = new.resolvedWindow != configuration.resolvedWindow && state != .halfOpen
        configuration = new
        check = TripCheck(new.trip)
        posted = []
        isDirty = true
        if windowChanged {
            window = OutcomeWindow(new.resolvedWindow, now: now)
            window.adopt(kept, now: now)
        }
        // The probes that have ended may already be enough for the new verdict.
        return state == .halfOpen ? verdict(now: now) : nil
    }
}
