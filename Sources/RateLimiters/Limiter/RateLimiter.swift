public import ResilienceCore
internal import Synchronization

/// Lets no more calls through in a time than a rule allows; what is over is rejected, or waits for its turn.
///
/// ```swift
/// let limiter = try RateLimiter("maps", .tokenBucket(100, per: .seconds(1), burst: 20), maxWait: .seconds(2))
/// let place = try await limiter.execute { try await maps.geocode(address) }
/// ```
///
/// Waiting calls are served first come, first served, and cost neither a thread nor polling. A call that gives up
/// leaves no trace: the calls behind it move up. All members may be used from any task at once. Under a token bucket or
/// pacing, a permit that is there is taken without a lock.
public final class RateLimiter: Strategy {
    /// The limiter's name in errors, events and metrics.
    public let name: String

    /// The context of a call that goes through this limiter alone.
    public let rootContext: Context

    let time: TimeSource
    let events: EventChannel<EventKind>
    let tally: LimiterTally
    let machine: Lock<Machine>
    let word = RateLimiterWord()

    /// The state, and the timer for the calls that wait.
    struct Machine {
        var state: RateLimiterState
        var timer = TimerSlot()
    }

    /// Creates a limiter.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - configuration: How many permits there are, and how long a call waits for one.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        let environment = PolicyEnvironment(name: name, time: TimeSource(clock), observers: observers)
        self.init(environment, configuration)
    }

    /// Creates a limiter from its rule.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - rule: How many permits there are, and when.
    ///   - maxWait: How long a call waits for its permits at most, zero or more. Default: zero, it is rejected at once.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ rule: Rule, maxWait: Duration = .zero, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init(
            name, Configuration(rule: rule, maxWait: maxWait), clock: clock, observers: observers)
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        time = environment.time
        rootContext = Context(name: environment.name, time: environment.time)
        events = EventChannel(environment.name, environment.observers)
        tally = LimiterTally(environment, Families.meterLayout)
        machine = Lock(Machine(state: RateLimiterState(configuration, now: environment.time.now.nanoseconds)))
        withState { state, _ in useLocked(state) }
    }

    deinit {
        machine.withLock { $0.timer.clear() }?.cancel()
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
            tally.countPermitted()
            return nil
        case .refused(let retryAfter, mayWait: false):
            tally.countRejected()
            throw RejectedError(policyName: name, permits: permits, retryAfter: .nanoseconds(retryAfter))
        case .refused, .undecided:
            return try enter(
                permits, now: now, maxWait: nil, deadline: context.lastMoment(on: time, now: now).nanoseconds)
        }
    }

    /// Asks under the lock: for permits at once, or a place in the queue.
    ///
    /// - Parameters:
    ///   - now: The present, as the caller has read it.
    ///   - maxWait: The longest wait; `nil` for that of the configuration.
    ///   - deadline: The last moment at which permits are of use.
    func enter(
        _ permits: Int, now: TimeSource.Instant, maxWait: Int64?, deadline: @autoclosure () -> Int64 = .max
    ) throws -> Ticket? {
        let claim = try ask(permits, now: now, maxWait: maxWait, deadline: deadline(), isCall: true)
        guard case .queued(let ticket) = claim else { return nil }
        return ticket
    }

    /// What a request was given: permits, or the ticket for them.
    enum Claim: Sendable {
        case granted(RateLimiterState.Grant)
        case queued(Ticket)
    }

    /// - Parameter isCall: Whether a grant is counted here, and a task waits for a ticket. Otherwise the reservation
    ///   sees to both.
    func ask(
        _ permits: Int, now: TimeSource.Instant, maxWait: Int64?, deadline: @autoclosure () -> Int64 = .max,
        isCall: Bool
    ) throws -> Claim {
        let (decision, burst) =
            askAlone(permits, now: now.nanoseconds, maxWait: maxWait, isCall: isCall)
            ?? askInLine(permits, maxWait: maxWait, deadline: deadline(), isCall: isCall)
        switch decision {
        case .granted(let grant): return .granted(grant)
        case .queued(let ticket): return .queued(ticket)
        case .refused(let retryAfter): throw rejection(permits, after: retryAfter, burst: burst)
        case .never: throw rejection(permits, after: nil, burst: burst)
        }
    }

    /// A decision, and the burst of the rule by which it was made.
    typealias Reply = (decision: RateLimiterState.Decision, burst: Int)

    /// Decides a request that nothing else depends on: no call waits, no observer listens, and this one does not have
    /// to wait either. Then there is neither a timer to be set nor a word to be put back.
    ///
    /// - Returns: `nil` if that is not so, and nothing has changed.
    func askAlone(_ permits: Int, now: Int64, maxWait: Int64?, isCall: Bool) -> Reply? {
        guard !events.isListening else { return nil }
        let reply = machine.withLock { machine -> Reply? in
            // The arrival time of a paced rule is in the word.
            guard machine.state.isQuiet, !machine.state.isPaced, !events.isListening else { return nil }
            let maxWait = maxWait ?? machine.state.maxWait
            let decision = machine.state.ask(permits, now: now, maxWait: maxWait, latest: .min)
            if case .refused = decision, maxWait > 0 || machine.state.latestMoment(after: now) != nil { return nil }
            return (decision, machine.state.meter.burst)
        }
        switch reply?.decision {
        case .granted: if isCall { tally.countPermitted() }
        case .refused, .never: tally.countRejected()
        case .queued, nil: break
        }
        return reply
    }

    private func askInLine(_ permits: Int, maxWait: Int64?, deadline: Int64, isCall: Bool) -> Reply {
        withState { state, now in
            let maxWait = maxWait ?? state.maxWait
            let latest = min(now.addingSaturated(maxWait), deadline)
            let decision = state.ask(permits, now: now, maxWait: maxWait, latest: latest)
            // Counted before it is told, so that an observer finds it in the totals.
            switch decision {
            case .granted:
                if isCall {
                    tally.countPermitted()
                    events.post(.permitted(permits: permits, waited: .zero))
                }
            case .queued(let ticket): if isCall { _ = state.wait(for: ticket, now: now) }
            case .refused(let retryAfter):
                tally.countRejected()
                events.post(.rejected(rejection(permits, after: retryAfter, burst: state.meter.burst)))
            case .never:
                tally.countRejected()
                events.post(.rejected(rejection(permits, after: nil, burst: state.meter.burst)))
            }
            return (decision, state.meter.burst)
        }
    }

    /// - Parameter retryAfter: `nil` if there will never be so many permits.
    private func rejection(_ permits: Int, after retryAfter: Int64?, burst: Int) -> any PolicyRejection {
        RateLimiter.rejection(by: name, permits, after: retryAfter, burst: burst)
    }
}
