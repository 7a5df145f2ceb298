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
    let conditions: Lock<ErrorConditions>
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
    let rejections = Atomic<Int>(0)

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
        withLock { _ in }
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
        recordError(error, admission, context)
    }
}
