internal import ResilienceCore

/// The breaker's state machine: a pure value that is told the time and says what happened.
///
/// It holds no clock, lock or timer and calls no code of the user. Changes of state come out of ``takeNews()``, which
/// the breaker around it publishes; what needs the user's code (a predicate, the length of a break) comes back
/// as a ``TripRequest``, to be answered with ``open(_:for:now:)``.
struct CircuitBreakerState: Sendable {
    /// A call that was let through: the generation it belongs to, and when it started.
    struct Admission: Sendable {
        let generation: UInt64
        let start: TimeSource.Instant
    }

    enum Decision {
        case admitted(Admission)
        case rejected(CircuitBreaker.State, retryAfter: Duration?)
        case trip(TripRequest)
    }

    enum News: Sendable, Equatable {
        case transition(CircuitBreaker.Transition)
        case wouldOpen(CircuitBreaker.Reason, CircuitBreaker.Counts)
    }

    private(set) var configuration: CircuitBreaker.Configuration
    private(set) var state = CircuitBreaker.State.closed
    /// Counts changes of state; a result belongs to the generation that admitted it.
    private(set) var generation: UInt64 = 1
    private(set) var totals = CircuitBreaker.Totals()
    private(set) var transitions = TransitionCounts()
    private(set) var consecutiveOpens = 0
    private(set) var openUntil = TimeSource.Instant(nanoseconds: .max)
    private(set) var breakLength = Duration.zero
    /// What has happened and is not published yet.
    private(set) var news: [News] = []
    /// Whether something that is read without the lock changed since ``takeNews()``: the state, the generation, the
    /// need of a clock.
    private(set) var isDirty = false

    private var window: OutcomeWindow
    private var probes = Probes()
    private var check: TripCheck
    private var reportedExcess = false

    /// The probes of one half-open state.
    private struct Probes {
        /// Places taken: running probes and those with a verdict.
        var taken = 0
        var running = 0
        var good = 0
        var bad = 0
        /// When the running probes are given up.
        var deadline: TimeSource.Instant?
    }

    init(_ configuration: CircuitBreaker.Configuration, now: TimeSource.Instant) {
        self.configuration = configuration
        check = TripCheck(configuration.trip)
        window = OutcomeWindow(configuration.resolvedWindow, now: now)
    }

    // MARK: Reading

    /// The counts of the window, or of the probes. Call ``settle(now:)`` first, so that what is old is forgotten.
    var counts: CircuitBreaker.Counts {
        var counts = window.counts
        counts.running = probes.running
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
        case .halfOpen: probes.deadline
        default: nil
        }
    }

    mutating func takeNews() -> [News] {
        defer { (news, isDirty) = ([], false) }
        return news
    }

    // MARK: The path of a call

    /// Brings the state up to the present: the break may be over, probes may have been out for too long.
    mutating func settle(now: TimeSource.Instant) -> TripRequest? {
        window.expire(now: now)
        switch state {
        case .open where now >= openUntil: change(to: .halfOpen, .breakEnded, now: now)
        case .halfOpen:
            guard let deadline = probes.deadline, now >= deadline else { return nil }
            if configuration.halfOpen.afterMaxWait == .open { return request(.probesTimedOut) }
            change(to: .closed, .probesTimedOut, now: now)
        default: break
        }
        return nil
    }

    mutating func admit(now: TimeSource.Instant) -> Decision {
        if let request = settle(now: now) { return .trip(request) }
        switch state {
        case .closed, .observing, .disabled: return .admitted(Admission(generation: generation, start: now))
        case .open: return .rejected(.open, retryAfter: now.duration(to: openUntil))
        case .isolated: return .rejected(.isolated, retryAfter: nil)
        case .halfOpen:
            guard probes.taken < configuration.halfOpen.probes else {
                return .rejected(.halfOpen, retryAfter: probes.deadline.map { now.duration(to: $0) } ?? breakLength)
            }
            probes.taken += 1
            probes.running += 1
            if probes.running == 1 {
                probes.deadline = now.advanced(by: configuration.halfOpen.maxWait ?? breakLength)
            }
            return .admitted(Admission(generation: generation, start: now))
        }
    }

    /// Counts the end of a call and judges it. `now` is only looked at if ``needsTime``, or half-open.
    mutating func record(
        _ outcome: CircuitBreaker.Outcome, _ admission: Admission, now: TimeSource.Instant
    ) -> TripRequest? {
        let isSlow = isSlow(outcome, admission, now: now)
        totals.count(outcome, isSlow: isSlow)
        guard admission.generation == generation else {
            totals.late.increment()
            return nil
        }
        switch state {
        case .closed, .observing:
            switch outcome {
            case .cancelled: return nil
            case .ignored:
                window.recordIgnored(startedAt: admission.start, now: now)
                return check.predicates.isEmpty ? nil : judge()
            case .success, .failure:
                window.record(Mark(outcome, isSlow: isSlow), startedAt: admission.start, now: now)
                return judge()
            }
        case .halfOpen: return recordProbe(outcome, isSlow: isSlow, admission, now: now)
        case .open, .isolated, .disabled: return nil
        }
    }

    mutating func countRejections(_ number: Int) {
        totals.rejected = totals.rejected.addingSaturated(number)
    }

    private func isSlow(
        _ outcome: CircuitBreaker.Outcome, _ admission: Admission, now: TimeSource.Instant
    ) -> Bool {
        guard let limit = configuration.slowCallDuration, outcome == .success || outcome == .failure else {
            return false
        }
        return admission.start.duration(to: now) > limit
    }

    private mutating func judge() -> TripRequest? {
        if let reason = check.reason(window.counts) { return exceeded(reason) }
        return check.predicates.isEmpty ? nil : request(nil)
    }

    /// A rule holds: the breaker is to open, or, if it only observes, to say so once.
    private mutating func exceeded(_ reason: CircuitBreaker.Reason) -> TripRequest? {
        guard state == .observing else { return request(reason) }
        if !reportedExcess {
            reportedExcess = true
            news.append(.wouldOpen(reason, window.counts))
            isDirty = true
        }
        return nil
    }

    private func request(_ reason: CircuitBreaker.Reason?) -> TripRequest {
        TripRequest(self, reason, predicates: check.predicates)
    }

    private mutating func recordProbe(
        _ outcome: CircuitBreaker.Outcome, isSlow: Bool, _ admission: Admission, now: TimeSource.Instant
    ) -> TripRequest? {
        // Time is up at exactly the deadline: what ends then is late, and belongs to no state any more.
        if let request = settle(now: now) {
            totals.late.increment()
            return request
        }
        guard state == .halfOpen else {
            totals.late.increment()
            return nil
        }
        probes.running -= 1
        if probes.running == 0 { probes.deadline = nil }
        switch outcome {
        case .cancelled: probes.taken -= 1
        case .ignored:
            probes.taken -= 1
            window.recordIgnored(startedAt: admission.start, now: now)
        case .success, .failure:
            window.record(Mark(outcome, isSlow: isSlow), startedAt: admission.start, now: now)
            let isGood = outcome == .success && !(isSlow && configuration.trip.looksAtSlowCalls)
            if isGood { probes.good += 1 } else { probes.bad += 1 }
        }
        return verdict(now: now)
    }

    private mutating func verdict(now: TimeSource.Instant) -> TripRequest? {
        let number = configuration.halfOpen.probes
        switch configuration.halfOpen.verdict.kind {
        case .all: return verdict(needing: number, of: number, now: now)
        case .successes(let count): return verdict(needing: count, of: number, now: now)
        case .rate(let failures, let slow):
            let counts = window.counts
            guard counts.calls >= number else { return nil }
            let failed = counts.failures.isShare(failures, of: counts.calls)
            let slowed = slow.map { counts.slow.isShare($0, of: counts.calls) } ?? false
            if failed || slowed { return request(.probesFailed) }
            change(to: .closed, .probesSucceeded, now: now)
            return nil
        }
    }

    private mutating func verdict(needing count: Int, of number: Int, now: TimeSource.Instant) -> TripRequest? {
        if probes.bad > number - count { return request(.probesFailed) }
        if probes.good >= count { change(to: .closed, .probesSucceeded, now: now) }
        return nil
    }

    // MARK: Changing the state

    /// Opens, unless the state has changed since the request was made. Predicates report to a breaker that observes.
    mutating func open(
        _ request: TripRequest, _ reason: CircuitBreaker.Reason, for length: Duration, now: TimeSource.Instant
    ) {
        guard request.generation == generation else { return }
        if state == .observing {
            _ = exceeded(reason)
        } else {
            open(reason, for: length, now: now, counts: request.counts)
        }
    }

    /// Opens by hand, or starts the break anew; counts as one more opening in a row.
    mutating func openByHand(for length: Duration, now: TimeSource.Instant) {
        open(.manual, for: length, now: now, counts: nil)
    }

    private mutating func open(
        _ reason: CircuitBreaker.Reason, for length: Duration, now: TimeSource.Instant, counts: CircuitBreaker.Counts?
    ) {
        consecutiveOpens.increment()
        totals.opened.increment()
        breakLength = length
        openUntil = now.advanced(by: length)
        change(to: .open, reason, now: now, counts: counts)
    }

    mutating func change(
        to new: CircuitBreaker.State, _ reason: CircuitBreaker.Reason, now: TimeSource.Instant,
        counts: CircuitBreaker.Counts? = nil
    ) {
        window.expire(now: now)
        let transition = CircuitBreaker.Transition(
            from: state, to: new, reason: reason, counts: counts ?? self.counts,
            breakLength: new == .open ? breakLength : nil)
        if state != new {
            news.append(.transition(transition))
            transitions.count(from: state, to: new)
        }
        state = new
        if new == .closed { consecutiveOpens = 0 }
        // Probes may be out for as long as a break, also where none came before them.
        if new == .halfOpen, breakLength == .zero { breakLength = configuration.breakLength.first }
        clear(now: now)
    }

    /// Forgets the counts, and disowns the calls that are running.
    mutating func clear(now: TimeSource.Instant) {
        generation &+= 1
        isDirty = true
        probes = Probes()
        reportedExcess = false
        let kind: CircuitBreaker.Window = state == .halfOpen ? .unbounded : configuration.resolvedWindow
        window = OutcomeWindow(kind, now: now)
    }

    /// Adopts another configuration and keeps the state, the counts, the totals and the running calls.
    mutating func update(_ new: CircuitBreaker.Configuration, now: TimeSource.Instant) -> TripRequest? {
        window.expire(now: now)
        let kept = window.contents(now: now)
        let windowChanged = new.resolvedWindow != configuration.resolvedWindow && state != .halfOpen
        configuration = new
        check = TripCheck(new.trip)
        isDirty = true
        if windowChanged {
            window = OutcomeWindow(new.resolvedWindow, now: now)
            window.adopt(kept, now: now)
        }
        // The probes that have ended may already be enough for the new verdict.
        return state == .halfOpen ? verdict(now: now) : nil
    }

    // MARK: Snapshots

    /// Call ``settle(now:)`` first.
    func snapshot(now: TimeSource.Instant) -> CircuitBreaker.Snapshot {
        CircuitBreaker.Snapshot(
            state: state, consecutiveOpens: consecutiveOpens, contents: window.contents(now: now), totals: totals,
            remainingBreak: state == .open ? now.duration(to: openUntil) : nil, breakLength: breakLength,
            probes: state == .halfOpen ? .init(good: probes.good, bad: probes.bad) : nil)
    }

    /// Takes over a snapshot that has been validated.
    mutating func restore(_ snapshot: CircuitBreaker.Snapshot, now: TimeSource.Instant) -> TripRequest? {
        totals = totals + snapshot.totals
        breakLength = .nanoseconds(snapshot.breakLengthNanoseconds)
        openUntil = now.advanced(by: snapshot.remainingBreak ?? .zero)
        change(to: snapshot.state, .restored, now: now)
        consecutiveOpens = snapshot.consecutiveOpens
        window.adopt(snapshot.contents, now: now)
        guard state == .halfOpen, let known = snapshot.probes else { return nil }
        probes = Probes(taken: known.good + known.bad, good: known.good, bad: known.bad)
        return verdict(now: now)
    }
}

/// Asks the breaker around the state machine to run the user's code and come back with ``CircuitBreakerState/open``.
/// A class, so that the usual answer, none, is one word.
final class TripRequest: Sendable {
    let generation: UInt64
    /// Whether the breaker only observes: then there is to be no break, and so nobody is asked for its length.
    let isObserving: Bool
    /// The rule that holds; `nil` if it is for the predicates to say.
    let reason: CircuitBreaker.Reason?
    let predicates: [@Sendable (CircuitBreaker.Counts) -> Bool]
    let counts: CircuitBreaker.Counts
    let consecutiveOpens: Int
    let breakLength: CircuitBreaker.BreakLength

    init(
        _ state: CircuitBreakerState, _ reason: CircuitBreaker.Reason?,
        predicates: [@Sendable (CircuitBreaker.Counts) -> Bool]
    ) {
        generation = state.generation
        isObserving = state.state == .observing
        self.reason = reason
        self.predicates = predicates
        counts = state.counts
        consecutiveOpens = state.consecutiveOpens.addingSaturated(1)
        breakLength = state.configuration.breakLength
    }
}

extension Mark {
    init(_ outcome: CircuitBreaker.Outcome, isSlow: Bool) {
        self = outcome == .failure ? .failure : []
        if isSlow { insert(.slow) }
    }
}

extension CircuitBreaker.Totals {
    mutating func count(_ outcome: CircuitBreaker.Outcome, isSlow: Bool) {
        switch outcome {
        case .success: successes.increment()
        case .failure: failures.increment()
        case .ignored: ignored.increment()
        case .cancelled: cancelled.increment()
        }
        if isSlow { slow.increment() }
    }
}
