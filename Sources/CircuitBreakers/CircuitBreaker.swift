public import ResilienceCore
internal import Synchronization

/// Stops calling a service that does not work, and finds out when it works again.
///
/// Closed, a breaker lets calls through and counts how they end. When its rule holds (``Configuration/trip``) it opens
/// and rejects calls at once with ``OpenError``, until the break is over. Then it is half-open: a few probes go
/// through, and their outcome decides whether it closes or opens again.
///
/// ```swift
/// let breaker = try CircuitBreaker("payments", .init(trip: .failureRate(0.5, minimumCalls: 20)))
/// let receipt = try await breaker.execute { try await gateway.charge(order) }
/// ```
///
/// Use one breaker for each service, shared by all its callers. All members may be used from any task at once.
public final class CircuitBreaker: Strategy, NestingStrategy {
    /// The breaker's name in errors, events and metrics.
    public let name: String

    /// The context of a call that goes through this breaker alone.
    public let rootContext: Context

    let time: TimeSource
    let random: RandomSource
    let machine: Lock<CircuitBreakerState>
    let events: EventChannel<EventKind>
    let meters: MeterPoint
    private let conditions: Lock<ErrorConditions>
    let timer = Lock(TimerSlot())

    /// The state, the generation and what a call has to do, in one word; written under the lock of `machine`.
    ///
    /// Admission to a closed breaker is this one load. A call that reads `closed` while another thread is opening the
    /// breaker is a call that came before; its result then belongs to an older generation and changes only the totals.
    /// Acquiring, so that `openUntil` is at least as new as the gate that says `open`.
    let gate: Atomic<UInt64>

    /// The end of the break, stored before the gate that says `open`. A reader that sees a later break's end than the
    /// gate it loaded rejects by that break, which has begun by then.
    let openUntil = Atomic<Int64>(.max)
    /// When callers are told that the break ends; with `openUntil`.
    let reportedEnd = Atomic<Int64>(.max)

    /// A moment before this cannot be in the break: see ``CircuitBreakerState/earliestOfBreak``.
    let openFrom = Atomic<Int64>(.min)

    /// The error that opened the breaker, while it is open; behind a lock of its own, for rejections alone.
    let failure = Lock<(any Error)?>(nil)

    /// Successes, counted without the lock of `machine`.
    let pending = PendingSuccesses()
    let pendingTimed = PendingTimedSuccesses()

    /// Woken by failures and changes of state, where the breaker's circuit is shared.
    let fleet = FleetLink()

    /// Rejections, counted without the lock of `machine`. Read with the other totals by ``totals``.
    private let rejections = Atomic<Int>(0)

    /// Creates a breaker.
    ///
    /// - Parameters:
    ///   - name: What the breaker is called in errors, events and metrics.
    ///   - configuration: When it opens, for how long, and how it closes again.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of a jittered break. Default: the system's.
    ///   - observers: The observers to notify.
    ///   - snapshot: What another breaker knew, to go on from there. Default: nothing.
    /// - Throws: All faults of the configuration and of the snapshot.
    public convenience init(
        _ name: String, _ configuration: Configuration = Configuration(),
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = [], restoring snapshot: Snapshot? = nil
    ) throws(ConfigurationError) {
        let environment = PolicyEnvironment(
            name: name, time: TimeSource(clock), random: random, observers: observers)
        try configuration.validate()
        self.init(environment, configuration)
        if let snapshot { try restore(snapshot) }
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        time = environment.time
        random = environment.random
        rootContext = Context(name: environment.name, time: environment.time)
        events = EventChannel(environment.name, environment.observers)
        meters = MeterPoint(environment.name, Families.meterLayout, environment.observers)
        conditions = Lock(configuration.conditions)
        let now = environment.time.now
        var state = CircuitBreakerState(configuration, now: now)
        if configuration.initialState == .open {
            let context = BreakContext(consecutiveOpens: 1, error: nil, counts: Counts())
            state.openByHand(for: configuration.breakLength.length(context, environment.random), now: now)
        } else if configuration.initialState != .closed {
            state.change(to: configuration.initialState, .manual, now: now)
        }
        _ = state.takeActions()
        state.begin()
        openUntil.store(state.openUntil.nanoseconds, ordering: .relaxed)
        reportedEnd.store(state.reportedEnd.nanoseconds, ordering: .relaxed)
        openFrom.store(state.earliestOfBreak.nanoseconds, ordering: .relaxed)
        gate = Atomic(CircuitBreakerGate(state, isObserved: events.isListening, isMeasured: meters.isAttached).word)
        machine = Lock(state)
        locked { _ in }
        rearmTimer()
    }

    deinit {
        timer.withLock { $0.clear() }?.cancel()
    }

    // MARK: The path of a call

    /// Runs the rest of a call if the breaker lets it through, and counts how it ends.
    ///
    /// - Throws: ``OpenError`` if it does not; otherwise what `next` threw.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let admission = try admit(context)
        if admission.gate.isMarked { return try await executeMarked(admission, context, next) }
        do {
            try await next(context)
        } catch {
            failed(admission, error, context)
            throw error
        }
        succeeded(admission)
    }

    /// A call that was let through: the gate it came through, and when.
    @usableFromInline
    struct Admission: Sendable {
        @usableFromInline let gate: CircuitBreakerGate
        let start: TimeSource.Instant
    }

    @usableFromInline
    func admit(_ context: Context) throws(OpenError) -> Admission {
        let gate = currentGate
        if gate.letsThroughUnmarked { return admission(gate, context) }
        return try admitMarked(gate, context)
    }

    private func admission(_ gate: CircuitBreakerGate, _ context: Context) -> Admission {
        context.report(StateAtAdmission.self, (name, gate.state))
        let start = gate.needsTime ? time.now : TimeSource.Instant(nanoseconds: 0)
        return Admission(gate: gate, start: start)
    }

    @usableFromInline
    func succeeded(_ admission: Admission) {
        if !countedAtOnce(admission) { recordSuccess(admission) }
    }

    @inline(never)
    private func recordSuccess(_ admission: Admission) {
        record(.success, admission, nil)
    }

    /// Counts a success without the lock, if it has no consequence but that.
    @inline(__always)
    func countedAtOnce(_ admission: Admission) -> Bool {
        let gate = admission.gate
        if !gate.needsTime { return pending.add(gate.number) }
        return countedInTime(admission)
    }

    @inline(never)
    private func countedInTime(_ admission: Admission) -> Bool {
        // Asked before the clock is read, which costs more.
        guard admission.gate.isPlain, pendingTimed.isOpen else { return false }
        return pendingTimed.add(
            admission.gate.number, from: admission.start.nanoseconds, to: time.now.nanoseconds)
    }

    @usableFromInline
    func failed(_ admission: Admission, _ error: any Error, _ context: Context) {
        judge(error, admission, context)
    }

    /// - Returns: Whether the result came in time to count.
    @discardableResult
    func judge(_ error: any Error, _ admission: Admission, _ context: Context) -> Bool {
        let conditions = conditions.withLock { $0 }
        return record(Outcome(conditions.judge(error, in: context)), admission, error)
    }

    /// The gate as it is now.
    var currentGate: CircuitBreakerGate { CircuitBreakerGate(word: gate.load(ordering: .acquiring)) }

    /// The error of an open breaker whose break is not over and that has no observers: there is nothing to do but
    /// count.
    @inline(never)
    func refusalAtOnce(_ gate: CircuitBreakerGate) -> OpenError? {
        guard gate.state == .open, !gate.isObserved else { return nil }
        let now = time.now
        // Relaxed is enough, because the gate was loaded acquiring.
        let end = TimeSource.Instant(nanoseconds: openUntil.load(ordering: .relaxed))
        let start = TimeSource.Instant(nanoseconds: openFrom.load(ordering: .relaxed))
        guard now < end, now >= start else { return nil }
        rejections.wrappingAdd(1, ordering: .relaxed)
        let error = gate.hasFailure ? failure.withLock { $0 } : nil
        let told = TimeSource.Instant(nanoseconds: reportedEnd.load(ordering: .relaxed))
        return OpenError(policyName: name, state: .open, retryAfter: now.duration(to: told), lastFailure: error)
    }

    private func admitMarked(_ gate: CircuitBreakerGate, _ context: Context) throws(OpenError) -> Admission {
        if gate.letsThrough {
            guard gatesAround.contains(where: { $0.isOfSameState(as: gate) }) else {
                return admission(gate, context)
            }
            context.report(StateAtAdmission.self, (name, gate.state))
            return Admission(gate: .withinCall, start: TimeSource.Instant(nanoseconds: 0))
        }
        while true {
            if let refusal = refusalAtOnce(gate) {
                context.report(StateAtAdmission.self, (name, .open))
                throw refusal
            }
            let now = time.now
            let outer = gatesAround.filter(\.isProbe).map(\.number)
            let (decision, state, gate, failure) = withMachine { machine in
                let decision = machine.admit(now: now, within: outer)
                // Calls nest here, and will when the breaker is closed.
                if !outer.isEmpty { machine.marksCalls = true }
                if case .rejected(let state, let retryAfter) = decision {
                    machine.countRejections(1)
                    if isObserved {
                        let error = OpenError(
                            policyName: name, state: state, retryAfter: retryAfter, lastFailure: machine.lastFailure)
                        events.post(.rejected(error))
                    }
                }
                let gate = CircuitBreakerGate(machine, isObserved: isObserved, isMeasured: meters.isAttached)
                return (decision, machine.state, gate, machine.lastFailure)
            }
            switch decision {
            case .admitted(let ticket):
                context.report(StateAtAdmission.self, (name, state))
                return Admission(gate: CircuitBreakerGate(ticket, orElse: gate), start: now)
            case .rejected(let state, let retryAfter):
                context.report(StateAtAdmission.self, (name, state))
                throw OpenError(policyName: name, state: state, retryAfter: retryAfter, lastFailure: failure)
            case .trip(let request): trip(request, error: nil, now: now)
            }
        }
    }

    /// - Returns: Whether the result came in time to count: in the state that let the call through, and before a probe
    ///   was given up.
    @discardableResult
    func record(_ outcome: Outcome, _ admission: Admission, _ error: (any Error)?) -> Bool {
        // The call around it tells how the whole ended.
        if admission.gate.isWithinCall { return true }
        let current = CircuitBreakerGate(word: gate.load(ordering: .relaxed))
        let wasTimed = admission.gate.needsTime
        let isTimed = wasTimed || current.needsTime
        let now = isTimed ? time.now : TimeSource.Instant.unknown
        let start = wasTimed ? admission.start : now
        if current.isMeasured, wasTimed, let kind = outcome.meterKind {
            meters.record(kind, nanoseconds: now.nanoseconds.subtractingSaturated(start.nanoseconds))
        }
        let admitted = CircuitBreakerState.Admission(ticket: admission.gate.ticket, start: start, isTimed: wasTimed)
        let ended = locked { machine in
            let (slowBefore, lateBefore) = (machine.totals.slow, machine.totals.late)
            let request = machine.record(outcome, admitted, outcome == .failure ? error : nil, now: now)
            if current.isObserved {
                let isSlow = machine.totals.slow != slowBefore
                events.post(
                    .called(outcome, duration: start.duration(to: now), isSlow: isSlow))
            }
            let isNew = machine.isDirty
            if isNew { publishLocked(&machine) }
            return (
                request: request, isNew: isNew, isLate: machine.totals.late != lateBefore,
                discarded: machine.discarded.isEmpty ? nil : machine.takeDiscarded()
            )
        }
        // A call that need not be timed may open the breaker, and a break begins now.
        if let request = ended.request { trip(request, error: error, now: isTimed ? now : time.now) }
        if ended.isNew { afterPublishing() } else if current.isObserved { events.deliver() }
        if outcome == .failure { fleet.failed() }
        return !ended.isLate
    }

    /// Opens the breaker on request of its state machine: asks the predicates and the break's length, which are the
    /// user's code, outside the lock. If the state has changed by then, another task was faster.
    func trip(_ request: TripRequest, error: (any Error)?, now: TimeSource.Instant) {
        if request.isObserving {
            let rules = request.predicates.filter { $0.holds(request.counts) }.map(\.rule)
            if !rules.isEmpty { withMachine { $0.report(rules, request) } }
            return
        }
        guard request.reason != nil || request.predicates.contains(where: { $0.holds(request.counts) }) else { return }
        let context = BreakContext(
            consecutiveOpens: request.consecutiveOpens, error: error, counts: request.counts)
        let length = request.breakLength.length(context, random)
        withMachine { $0.open(request, request.reason ?? .predicate, for: length, error: error, now: now) }
        // A break that began some time ago may be over.
        if request.moment != nil { advanced { _, _ in } }
    }

    /// Adopts the part of a configuration that is used outside the lock of the state machine.
    func use(_ conditions: ErrorConditions) { self.conditions.replace(with: conditions) }

    /// The rejections that were counted without the lock.
    var uncountedRejections: Int { rejections.load(ordering: .relaxed) }
}
