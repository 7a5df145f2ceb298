public import ResilienceCore
internal import Synchronization

/// Holds back all calls to a service that has asked one of them to wait: a 429 or 503 with a `Retry-After`, or any
/// other ``/ResilienceCore/OverloadError`` that says when to try again.
///
/// A call that comes meanwhile waits until then, and a little longer, so that the waiting calls come back spread and
/// not at one instant. A call whose deadline comes before that is refused at once. Inside of a retry and outside of a
/// breaker, as in the standard pipeline for HTTP. All members may be used from any task at once.
///
/// ```swift
/// let payments = try Policy("payments") {
///     Retry.layer()
///     Pause.layer()
///     CircuitBreaker.layer()
/// }
/// ```
public final class Pause: Strategy {
    /// The name in errors, events and metrics.
    public let name: String

    /// What it is called by what shares it; empty if it is not to be shared.
    let sharedName: String

    let time: TimeSource
    let random: RandomSource
    let events: EventChannel<EventKind>

    struct State: Sendable {
        var machine: PauseState
        var announce: (@Sendable (String, Duration) -> Void)?
    }

    let state: Lock<State>

    /// `end` of the machine, for calls that need no lock to see that there is no pause. Written under the lock.
    /// Relaxed: a call that asks while a pause is set may be told either.
    let end = Atomic(PauseState.never)
    let counters = Counters()

    /// Creates a pause.
    ///
    /// - Parameters:
    ///   - name: What it is called in errors, events and metrics.
    ///   - configuration: How long a pause may be, and which calls may wait.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: Spreads the waiting calls. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration = Configuration(),
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            PolicyEnvironment(name: name, time: TimeSource(clock), random: random, observers: observers),
            configuration)
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        sharedName = environment.sharedName ?? environment.name
        time = environment.time
        random = environment.random
        events = EventChannel(environment.name, environment.observers)
        state = Lock(State(machine: PauseState(configuration)))
    }

    /// The context of a call that goes through this alone.
    public var rootContext: Context { Context(name: name, time: time) }

    // MARK: The path of a call

    /// Runs the rest of a call, once there is no pause.
    ///
    /// - Throws: ``PausedError`` if the call cannot wait for that; `CancellationError` if the caller cancelled
    ///   meanwhile; otherwise what the rest throws.
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if let left = leftForCall() { try await wait(left, context) }
        do {
            try await next(context)
        } catch {
            note(error)
            throw error
        }
    }

    private nonisolated(nonsending) func wait(_ remaining: Duration, _ context: Context) async throws {
        let began = time.now
        let configuration = configuration
        guard counters.waiting.wrappingAdd(1, ordering: .relaxed).oldValue < configuration.maxWaiting else {
            counters.waiting.wrappingSubtract(1, ordering: .relaxed)
            throw reject(remaining)
        }
        defer { counters.waiting.wrappingSubtract(1, ordering: .relaxed) }
        var left: Duration? = remaining
        while let remaining = left {
            let now = time.now
            let earliest = now.advanced(by: remaining)
            let extra = Duration.nanoseconds(state.withLock { $0.machine.length })
                .multipliedSaturated(by: configuration.hintJitter * random.next())
            var instant = earliest.advanced(by: extra)
            let last = context.lastMoment(on: time, now: now)
            guard earliest <= last else { throw reject(remaining) }
            instant = min(instant, last)
            do {
                try await time.sleep(until: max(instant, earliest))
            } catch {
                counters.cancelled.wrappingAdd(1, ordering: .relaxed)
                throw error
            }
            // Another call may have been asked to wait meanwhile.
            left = leftForCall()
        }
        counters.waited.wrappingAdd(1, ordering: .relaxed)
        if events.isListening { events.notify(.waited(began.duration(to: time.now))) }
    }

    private func reject(_ remaining: Duration) -> PausedError {
        counters.rejected.wrappingAdd(1, ordering: .relaxed)
        let error = PausedError(policyName: name, retryAfter: remaining)
        events.notify(.rejected(error))
        return error
    }

    /// Pauses if a service asks to wait.
    func note(_ error: any Error) {
        let cause = unwrapped(error)
        guard (cause as? any OverloadError)?.isOverload == true, !(cause is any PolicyRejection),
            let delay = (cause as? any RetryAfterProviding)?.retryAfter
        else { return }
        pause(for: delay)
    }
}
