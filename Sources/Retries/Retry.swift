public import ResilienceCore
internal import Synchronization

/// Runs a call again when it failed, after a delay that grows.
///
/// ```swift
/// let retry = try Retry(.exponential(from: .milliseconds(50)), maxAttempts: 4)
/// let quote = try await retry.execute { try await gateway.latestQuote() }
/// ```
///
/// What is retried, when and for how long is its ``Configuration``. Cancellation is never retried. If it gives up, the
/// operation's last error comes back unchanged.
///
/// A retry holds no state but totals, and may be shared by any number of calls, from any task at once.
public final class Retry: Strategy {
    /// For `maxAttempts`: as often as the other limits allow.
    public static let unlimited = Int.max

    /// The retry's name in errors, events and metrics.
    public let name: String

    /// The context of a call that goes through this retry alone.
    public let rootContext: Context

    let time: TimeSource
    let random: RandomSource
    let events: EventChannel<EventKind>
    let tally = Tally()
    let delays: MeterPoint
    let settings: Lock<Settings>

    /// What a call has to do at its start; written under the lock of `settings`. A call that overlaps a change of the
    /// configuration goes by the old one or the new.
    let beginning: Atomic<Beginning>

    /// Creates a retry with the name `retry`, by the settings that matter most.
    ///
    /// - Parameters:
    ///   - backoff: How long to wait before each retry. Default: 100 ms, doubled each time, with full jitter.
    ///   - maxAttempts: How often the operation runs at most, the first time included. At least 1. Default: 3.
    ///   - budget: What bounds the retries of all calls together: a ``RetryBudget``. Default: none.
    ///   - clock: The time it waits in. Default: the continuous clock.
    ///   - random: The randomness of jitter. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ backoff: Backoff = .exponential(), maxAttempts: Int = 3, budget: (any AttemptBudget)? = nil,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        let configuration = Configuration(backoff: backoff, maxAttempts: maxAttempts, budget: budget)
        try self.init("retry", configuration, clock: clock, random: random, observers: observers)
    }

    /// Creates a retry by the settings that matter most.
    ///
    /// - Parameters:
    ///   - name: What the retry is called in errors, events and metrics.
    ///   - backoff: How long to wait before each retry.
    ///   - maxAttempts: How often the operation runs at most, the first time included. At least 1. Default: 3.
    ///   - budget: What bounds the retries of all calls together: a ``RetryBudget``. Default: none.
    ///   - clock: The time it waits in. Default: the continuous clock.
    ///   - random: The randomness of jitter. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ backoff: Backoff, maxAttempts: Int = 3, budget: (any AttemptBudget)? = nil,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        let configuration = Configuration(backoff: backoff, maxAttempts: maxAttempts, budget: budget)
        try self.init(name, configuration, clock: clock, random: random, observers: observers)
    }

    /// Creates a retry.
    ///
    /// - Parameters:
    ///   - name: What the retry is called in errors, events and metrics.
    ///   - configuration: What is retried, when and for how long.
    ///   - clock: The time it waits in. Default: the continuous clock.
    ///   - random: The randomness of jitter. Default: the system's.
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
        time = environment.time
        random = environment.random
        rootContext = Context(name: environment.name, time: environment.time)
        events = EventChannel(environment.name, environment.observers)
        delays = MeterPoint(environment.name, Families.meterLayout, environment.observers)
        settings = Lock(Settings(configuration))
        beginning = Atomic(configuration.beginning)
    }

    // MARK: The path of a call

    /// Runs the rest of a call, and runs it again for as long as it fails and the configuration allows.
    ///
    /// - Throws: What `next` threw last, or ``ExhaustedError`` if asked for; `CancellationError` if the task is
    ///   cancelled before the first attempt or during a delay; the error of a delay function that throws.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if Task.isCancelled { throw refused(context) }
        let start = begin()
        do {
            if start.settings == nil {
                try await next(context)
            } else {
                try await next(deposited(start, context))
            }
        } catch {
            return try await retry(after: error, start, context, next)
        }
        if start.settings != nil { recordSuccess(start, context, attempts: 1) }
        succeeded(attempts: 1)
    }

    /// A configuration behind one reference.
    @usableFromInline
    final class Settings: Sendable {
        let configuration: Configuration
        /// That of the budget, if there is one.
        let mark: BudgetMark?

        init(_ configuration: Configuration) {
            self.configuration = configuration
            mark = configuration.budget.map { BudgetMark($0) }
        }
    }

    /// What is known of a call from its start on: nothing, if its configuration asks for nothing.
    @usableFromInline
    struct Start: Sendable {
        @usableFromInline let settings: Settings?
        let instant: TimeSource.Instant

        static var plain: Start { Start(settings: nil, instant: TimeSource.Instant(nanoseconds: 0)) }
    }

    /// The task was cancelled before the call.
    @usableFromInline
    func refused(_ context: Context) -> any Error {
        let error = CancellationError()
        tally.countFailure(CallEnd(error, in: context) == .expired ? .deadline : .cancelled, attempts: 1)
        return error
    }

    @usableFromInline
    func begin() -> Start {
        if beginning.load(ordering: .relaxed) == .plain {
            return Start(settings: nil, instant: TimeSource.Instant(nanoseconds: 0))
        }
        return begun()
    }

    /// Tells the budget of the call; the context for what is inside.
    @usableFromInline
    func deposited(_ start: Start, _ context: Context) -> Context {
        start.settings?.mark?.depositing(in: context) ?? context
    }

    var currentSettings: Settings { settings.withLock { $0 } }

    private func begun() -> Start {
        let settings = currentSettings
        let isTimed = settings.configuration.maxDuration != nil
        return Start(settings: settings, instant: isTimed ? time.now : TimeSource.Instant(nanoseconds: 0))
    }

    /// Tells the budget. Of an attempt that was not paid for here, the layer further out tells that has the same
    /// budget.
    @usableFromInline
    func recordSuccess(_ start: Start, _ context: Context, attempts: Int) {
        guard let mark = start.settings?.mark else { return }
        mark.budget.recordSuccess(ofRetry: attempts > 1, isInner: mark.isSet(in: context))
    }

    @usableFromInline
    func succeeded(attempts: Int) {
        tally.countSuccess(attempts: attempts)
        if events.isListening { events.notify(.succeeded(attempts: attempts)) }
    }

    /// What follows a first attempt that failed.
    @usableFromInline
    nonisolated(nonsending) func retry(
        after first: any Error, _ start: Start, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let start = start.settings == nil ? begun() : start
        var call = RetryCall(start, context, self)
        var error = first
        while true {
            let pause: AttemptDelay
            do {
                pause = try call.plan(after: error)
            } catch let end {
                if call.losesValue { await release(error) }
                throw end
            }
            await release(error)
            do {
                try await wait(pause)
            } catch {
                call.cancelled(error)
                throw error
            }
            try call.checkTime(after: error)
            do {
                try await next(call.beginAttempt())
            } catch let failure {
                error = failure
                continue
            }
            recordSuccess(start, context, attempts: call.state.attempt)
            return succeeded(attempts: call.state.attempt)
        }
    }

    /// Lets go of a value that will not be the outcome, so that what it holds is free during the delay.
    private nonisolated(nonsending) func release(_ error: any Error) async {
        await unacceptedResult(in: error)?.release()
    }

    /// Waits until a delay is over; not at all for a delay of zero.
    private nonisolated(nonsending) func wait(_ pause: AttemptDelay) async throws {
        try Task.checkCancellation()
        guard pause.delay > .zero else { return }
        // Without a tolerance the system may be late by a share of the delay.
        try await time.sleep(until: pause.end, tolerance: .zero)
        try Task.checkCancellation()
    }
}

/// The time before an attempt.
struct AttemptDelay {
    let delay: Duration
    let end: TimeSource.Instant
}
