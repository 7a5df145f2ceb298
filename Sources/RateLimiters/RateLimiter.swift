public import ResilienceCore
internal import Synchronization

/// Lets no more calls through in a time than a rule allows; what is over is rejected, or waits for its turn.
///
/// ```swift
/// let limiter = try RateLimiter("maps", .tokenBucket(100, per: .seconds(1), burst: 20), maxWait: .seconds(2))
/// let place = try await limiter.execute { try await maps.geocode(address) }
/// ```
///
/// Who waits is served first come, first served, and costs neither a thread nor polling. One who gives up leaves no
/// trace: those behind move up. All members may be used from any task at once. Under a token bucket or pacing, a permit
/// that is there is taken without a lock.
public final class RateLimiter: Strategy {
    /// The limiter's name in errors, events and metrics.
    public let name: String

    /// The context of a call that goes through this limiter alone.
    public let rootContext: Context

    let time: TimeSource
    let events: EventChannel<Event>
    let meters: MeterPoint
    let tally = LimiterTally()
    private let machine: Lock<Machine>
    let word = RateLimiterWord()

    /// The state, and the timer for those who wait.
    private struct Machine {
        var state: RateLimiterState
        var timer: (any ScheduledTimer)?
        var timerFiresAt = Int64.max
        /// Tells the timer that is set from one that was replaced before it was known here.
        var timerNumber: UInt64 = 0
    }

    /// Creates a limiter.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - configuration: How many permits there are, and how long a call waits for one.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: Not used: a limiter draws nothing.
    ///   - observers: Who hears its events.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, clock: some Clock<Duration> = ContinuousClock(),
        random: RandomSource = .system, observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        let environment = PolicyEnvironment(name: name, time: TimeSource(clock), random: random, observers: observers)
        self.init(environment, configuration)
    }

    /// Creates a limiter from its rule.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - rule: How many permits there are, and when.
    ///   - maxWait: How long a call waits for its permits at most, zero or more. Default: zero, it is rejected at once.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: Not used: a limiter draws nothing.
    ///   - observers: Who hears its events.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ rule: Rule, maxWait: Duration = .zero, clock: some Clock<Duration> = ContinuousClock(),
        random: RandomSource = .system, observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init(
            name, Configuration(rule: rule, maxWait: maxWait), clock: clock, random: random, observers: observers)
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        time = environment.time
        rootContext = Context(name: environment.name, time: environment.time)
        events = EventChannel(environment.observers)
        meters = MeterPoint(environment.name, Families.meterLayout, environment.observers)
        machine = Lock(Machine(state: RateLimiterState(configuration, now: environment.time.now.nanoseconds)))
        withState { state, _ in use(state) }
    }

    deinit {
        machine.withLock { $0.timer }?.cancel()
    }

    // MARK: The path of a call

    /// Runs the rest of a call when there is a permit for it, or as many as ``Permits`` says.
    ///
    /// It waits for up to ``Configuration/maxWait``, and never for permits that would come at the call's deadline or
    /// later: those are refused at once.
    ///
    /// - Throws: ``RejectedError``; ``ExceedsLimitError``; `CancellationError` if the caller cancels during the wait;
    ///   otherwise what `next` threw.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if let ticket = try admit(context) { try await wait(for: ticket) }
        try await next(context)
    }

    /// Takes the permits of a call, or a place in the queue.
    @usableFromInline
    func admit(_ context: Context) throws -> Ticket? {
        let permits = context.carriesValues ? max(0, context[Permits.self] ?? 1) : 1
        let now = time.now
        switch word.take(permits, at: now.nanoseconds) {
        case .granted:
            tally.permitted.wrappingAdd(1, ordering: .relaxed)
            return nil
        case .refused(let retryAfter, mayWait: false):
            tally.rejected.wrappingAdd(1, ordering: .relaxed)
            throw RejectedError(policyName: name, permits: permits, retryAfter: .nanoseconds(retryAfter))
        case .refused, .undecided:
            return try enter(permits, maxWait: nil, deadline: deadline(of: context, now))
        }
    }

    /// The last moment before the call's deadline, on the limiter's time.
    private func deadline(of context: Context, _ now: TimeSource.Instant) -> Int64 {
        guard let deadline = context.deadline else { return .max }
        let translated = context.time == time ? deadline : now.advanced(by: context.time.now.duration(to: deadline))
        return translated.nanoseconds.subtractingSaturated(1)
    }

    /// Asks under the lock: for permits at once, or a place in the queue.
    ///
    /// - Parameters:
    ///   - maxWait: The longest wait; `nil` for that of the configuration.
    ///   - deadline: The last moment at which permits are of use.
    func enter(_ permits: Int, maxWait: Int64?, deadline: Int64 = .max) throws -> Ticket? {
        guard case .queued(let ticket) = try ask(permits, maxWait: maxWait, deadline: deadline, isCall: true) else {
            return nil
        }
        return ticket
    }

    enum Place: Sendable {
        case granted(RateLimiterState.Grant)
        case queued(Ticket)
    }

    /// - Parameter isCall: Whether a grant is counted here, and a task waits for a ticket. Otherwise the reservation sees
    ///   to both.
    func ask(_ permits: Int, maxWait: Int64?, deadline: Int64 = .max, isCall: Bool) throws -> Place {
        let (decision, burst) = withState { state, now in
            let maxWait = maxWait ?? state.configuration.maxWait.saturatedNanoseconds
            let latest = min(now.addingSaturated(maxWait), deadline)
            let decision = state.ask(permits, now: now, maxWait: maxWait, latest: latest)
            // Counted before it is told, so that an observer finds it in the totals.
            switch decision {
            case .granted:
                if isCall {
                    tally.permitted.wrappingAdd(1, ordering: .relaxed)
                    events.post(.permitted(limiter: name, permits: permits, waited: .zero))
                }
            case .queued(let ticket): if isCall { _ = state.wait(for: ticket, now: now) }
            case .refused(let retryAfter):
                tally.rejected.wrappingAdd(1, ordering: .relaxed)
                let error = RejectedError(policyName: name, permits: permits, retryAfter: .nanoseconds(retryAfter))
                events.post(.rejected(limiter: name, error))
            case .never:
                tally.rejected.wrappingAdd(1, ordering: .relaxed)
                let error = ExceedsLimitError(policyName: name, permits: permits, burst: state.meter.burst)
                events.post(.rejected(limiter: name, error))
            }
            return (decision, state.meter.burst)
        }
        switch decision {
        case .granted(let grant): return .granted(grant)
        case .queued(let ticket): return .queued(ticket)
        case .refused(let retryAfter):
            throw RejectedError(policyName: name, permits: permits, retryAfter: .nanoseconds(retryAfter))
        case .never:
            throw ExceedsLimitError(policyName: name, permits: permits, burst: burst)
        }
    }

    /// The error of a ticket that was refused after all.
    func refusal(of ticket: Ticket, burst: Int) -> (any PolicyRejection)? {
        guard case .refused(let retryAfter) = ticket.phase else { return nil }
        guard let retryAfter else {
            return ExceedsLimitError(policyName: name, permits: ticket.permits, burst: burst)
        }
        return RejectedError(policyName: name, permits: ticket.permits, retryAfter: .nanoseconds(retryAfter))
    }

    // MARK: Around the state

    /// Runs `body` under the lock, on the whole state; then tells those whose wait has ended.
    func withState<Result: Sendable>(_ body: (inout RateLimiterState, Int64) -> Result) -> Result {
        let now = time.now.nanoseconds
        let (result, ended, alarm, burst) = machine.withLock { machine in
            if let arrival = word.takeOut() { machine.state.base = .paced(arrival) }
            // What came before is told before.
            machine.state.settle(now)
            var ended = takeEnded(&machine.state)
            let result = body(&machine.state, now)
            ended += takeEnded(&machine.state)
            let burst = machine.state.meter.burst
            let alarm = setAlarm(&machine)
            putWordBack(machine.state, now: now)
            return (result, ended, alarm, burst)
        }
        for ticket in ended { finish(ticket, burst: burst) }
        alarm.old?.cancel()
        if let next = alarm.next { setTimer(next.number, at: next.deadline) }
        events.deliver()
        return result
    }

    /// Takes the tickets whose wait has ended, and tells observers; under the lock.
    private func takeEnded(_ state: inout RateLimiterState) -> [Ticket] {
        let ended = state.takeEnded()
        for ticket in ended { post(ticket, burst: state.meter.burst) }
        return ended
    }

    /// While somebody waits, or listens to what happens in which order, the state stays under the lock.
    private func putWordBack(_ state: RateLimiterState, now: Int64) {
        guard state.queue.isEmpty, !events.isListening else { return }
        guard case .paced(let meter) = state.meter, case .paced(let arrival) = state.base else { return }
        word.putBack(arrival, at: now, meter)
    }

    /// Makes a configuration known to asks without the lock; under the lock.
    func use(_ state: RateLimiterState) {
        guard case .paced(let meter) = state.meter else { return }
        word.use(meter, mayWait: state.configuration.maxWait > .zero)
    }

    /// Tells observers how a wait has ended; under the lock.
    private func post(_ ticket: Ticket, burst: Int) {
        guard ticket.waiter != nil, events.isListening else { return }
        if let error = refusal(of: ticket, burst: burst) {
            events.post(.rejected(limiter: name, error))
        } else {
            let waited = Duration.nanoseconds(ticket.due.subtractingSaturated(ticket.asked))
            events.post(.permitted(limiter: name, permits: ticket.permits, waited: waited))
        }
    }

    /// Tells the task that waits, outside the lock.
    private func finish(_ ticket: Ticket, burst: Int) {
        guard let waiter = ticket.waiter else { return }
        if let error = refusal(of: ticket, burst: burst) {
            waiter.finish(with: .failure(error))
        } else {
            waiter.finish()
        }
    }

    /// Adds an observer of this limiter's events.
    public func addObserver(_ observer: any PolicyObserver) {
        meters.attach(observer)
        events.add(observer)
        withState { _, _ in }
    }

    // MARK: The timer

    private struct Alarm {
        var old: (any ScheduledTimer)?
        var next: (number: UInt64, deadline: Int64)?
    }

    /// What has to be done about the timer, outside the lock. One that fires too early stays, and is set anew then.
    private func setAlarm(_ machine: inout Machine) -> Alarm {
        guard let deadline = machine.state.nextWake else {
            guard machine.timerFiresAt != .max else { return Alarm() }
            defer { machine.timer = nil }
            machine.timerFiresAt = .max
            machine.timerNumber &+= 1
            return Alarm(old: machine.timer)
        }
        guard deadline < machine.timerFiresAt else { return Alarm() }
        machine.timerFiresAt = deadline
        machine.timerNumber &+= 1
        return Alarm(next: (machine.timerNumber, deadline))
    }

    /// Sets the timer, outside the lock because the clock may fire it at once.
    private func setTimer(_ number: UInt64, at deadline: Int64) {
        let new = time.schedule(at: TimeSource.Instant(nanoseconds: deadline)) { [weak self] in self?.fire(number) }
        let unneeded = machine.withLock { machine -> (any ScheduledTimer)? in
            guard machine.timerNumber == number, machine.timerFiresAt != .max else { return new }
            defer { machine.timer = new }
            return machine.timer
        }
        unneeded?.cancel()
    }

    private func fire(_ number: UInt64) {
        let isCurrent = machine.withLock { machine in
            guard machine.timerNumber == number else { return false }
            machine.timer = nil
            machine.timerFiresAt = .max
            return true
        }
        if isCurrent { withState { state, now in _ = state.settle(now) } }
    }
}
