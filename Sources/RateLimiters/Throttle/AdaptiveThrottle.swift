public import ResilienceCore
internal import Synchronization

/// Rejects a share of the calls to a service that refuses them, so that it need not refuse them itself.
///
/// A service spends work on every call that it refuses; with enough callers, that is all it does. An adaptive throttle
/// is the client's part: it compares how many calls it was asked for (`requests`) with how many of them the service
/// took on (`accepts`), and rejects the next one with the probability
/// `max(0, (requests − multiplier · accepts) / (requests + 1))`, before it costs anything. After "Handling Overload",
/// chapter 21 of Site Reliability Engineering (Beyer and others, 2016), where the multiplier is called K.
///
/// ```swift
/// let throttle = try AdaptiveThrottle("payments")
/// let receipt = try await throttle.execute { try await gateway.charge(order) }
/// ```
///
/// Unlike a circuit breaker it has no states: it lets through about as many calls as the service accepts, times the
/// multiplier. Use one throttle for each service, shared by all its callers. All members may be used from any task at
/// once.
///
/// A call counts, under both numbers, once it has ended, in the part of the window in which it began: calls that are
/// still running are no evidence against the service. One that took more than half of the window counts in the part in
/// which it ended, or calls that take longer than the window would never be seen. Rejected calls count as requests at
/// once.
public final class AdaptiveThrottle: Strategy {
    /// The throttle's name in errors, events and metrics.
    public let name: String

    /// The context of a call that goes through this throttle alone.
    public let rootContext: Context

    let time: TimeSource
    let random: RandomSource
    let state: Lock<AdaptiveThrottleState>
    let events: EventChannel<EventKind>
    private let conditions: Lock<ErrorConditions>

    /// Until when no call at all is rejected: the end of the present part of the window if the probability is 0,
    /// otherwise the beginning of time. Written under the lock of `state`, with every change.
    ///
    /// Admission to a throttle that is calm is this one load. The probability changes only with what is recorded, which
    /// rewrites the word, and at the ends of parts. A caller that loads the word just before it is rewritten has come
    /// before that; no other memory depends on it, so relaxed is enough.
    private let calmUntil: Atomic<Int64>

    /// Creates a throttle.
    ///
    /// - Parameters:
    ///   - name: What the throttle is called in errors, events and metrics.
    ///   - configuration: How many calls it rejects, and over which time it counts.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: Decides which calls are rejected; called outside the throttle's lock. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration = Configuration(),
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        let environment = PolicyEnvironment(
            name: name, time: TimeSource(clock), random: random, observers: observers)
        self.init(environment, configuration)
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        time = environment.time
        random = environment.random
        rootContext = Context(name: environment.name, time: environment.time)
        events = EventChannel(environment.name, environment.observers)
        conditions = Lock(configuration.conditions)
        let state = AdaptiveThrottleState(configuration, now: environment.time.now)
        calmUntil = Atomic(state.calmUntil.nanoseconds)
        self.state = Lock(state)
    }

    // MARK: The path of a call

    /// Runs the rest of a call unless it is rejected, and counts how it ends.
    ///
    /// - Throws: ``RejectedError`` if it is; otherwise what `next` threw.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let start = try admit()
        do {
            try await next(context)
        } catch {
            failed(start, error, context)
            throw error
        }
        record(.accepted, start)
    }

    /// Decides about a call.
    ///
    /// - Returns: When it began.
    @usableFromInline
    func admit() throws(RejectedError) -> TimeSource.Instant {
        let now = time.now
        if now.nanoseconds < calmUntil.load(ordering: .relaxed) { return now }
        guard let probability = withState({ $0.rejectionProbability(now: now) }) else {
            // Another has seen a later moment.
            return try decide(present())
        }
        return try decide(now, probability)
    }

    private func decide(_ now: TimeSource.Instant) throws(RejectedError) -> TimeSource.Instant {
        try decide(now, current { $0.rejectionProbability })
    }

    private func decide(
        _ now: TimeSource.Instant, _ probability: Double
    ) throws(RejectedError) -> TimeSource.Instant {
        // The source of randomness is the user's code, and runs outside the lock. What others record meanwhile comes
        // after this decision.
        guard probability > 0, random.next() < probability else { return now }
        let error = RejectedError(policyName: name, probability: probability)
        withState { state in
            state.reject(now: now)
            if state.beginsRejecting() { events.post(.throttling(probability: probability)) }
            events.post(.rejected(error))
        }
        throw error
    }

    @usableFromInline @discardableResult
    func failed(_ start: TimeSource.Instant, _ error: any Error, _ context: Context?) -> Bool {
        let conditions = conditions.withLock { $0 }
        return record(Outcome(conditions.judge(error, in: context)), start)
    }

    /// Counts a call that ended; whether it is in the window.
    @usableFromInline @discardableResult
    func record(_ outcome: Outcome, _ start: TimeSource.Instant) -> Bool {
        // Where it matters, how long ago the call began is known exactly: for failures, and while calls are rejected.
        let isExact = outcome == .refused || calmUntil.load(ordering: .relaxed) == .min
        let now = isExact || events.isListening ? time.now : nil
        let isCounted = withState { state in
            let isCounted = state.record(outcome, startedAt: start, now: now)
            if events.isListening, let now { events.post(.called(outcome, duration: start.duration(to: now))) }
            return isCounted
        }
        guard !isCounted, outcome.counts else { return isCounted }
        // It began long ago, or the window was moved to a time that has not come yet.
        let present = present()
        return withState { $0.recordLate(outcome, now: present) }
    }

    /// The present, after going back to it if the window was moved further by a clock that was wrong: a reading that is
    /// taken after a later one was seen, and lies before that still, tells.
    func present() -> TimeSource.Instant {
        let now = time.now
        guard let latest = withState({ $0.latestPart(after: now) }) else { return now }
        let again = time.now
        withState { $0.rewind(to: again, if: latest) }
        return again
    }

    /// Runs `body` under the lock, publishes what it changed, and delivers its events.
    func withState<Result: Sendable>(_ body: (inout AdaptiveThrottleState) -> Result) -> Result {
        let result = state.withLock { state in
            let result = body(&state)
            let calm = state.calmUntil.nanoseconds
            if calm != calmUntil.load(ordering: .relaxed) { calmUntil.store(calm, ordering: .relaxed) }
            if state.endsRejecting() { events.post(.recovered) }
            return result
        }
        events.deliver()
        return result
    }

    /// Puts conditions in force; returns the old ones, to be released outside every lock.
    func use(_ conditions: ErrorConditions) -> ErrorConditions { self.conditions.replace(with: conditions) }
}
