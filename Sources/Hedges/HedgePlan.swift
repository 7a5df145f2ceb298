internal import ResilienceCore
internal import Synchronization

/// The course of one call: asks the state what follows from each event, and sees to the timer, the budget, the totals
/// and the events. Used by the calling task only.
struct HedgePlan {
    /// What the call does next.
    struct Action {
        var starts: [Int] = []
        var cancelsOthers = false
    }

    private let hedge: Hedge
    private let configuration: Hedge.Configuration
    private let context: Context
    /// That of the budget, if there is one.
    private let mark: BudgetMark?
    private let start: TimeSource.Instant
    private let fire: @Sendable (Int) -> Void
    private var state: HedgeState
    private var ends: [AttemptEnd] = []
    private var timer: (any ScheduledTimer)?
    /// Tells the timer that is set from those before it. No `TimerSlot`: only the call's own task sets and stops it.
    private var timerNumber = 0
    private var timerInstant: TimeSource.Instant
    /// What the timer starts a hedge for.
    private var timerTrigger = Hedge.Trigger.delay
    /// Whether the caller cancelled while no attempt ran.
    private var isCancelledBetween = false
    /// Until when the server asks to wait.
    private var notBefore: TimeSource.Instant?

    /// - Parameter fire: Called with the number of a timer that is due.
    init(_ hedge: Hedge, _ context: Context, _ fire: @escaping @Sendable (Int) -> Void) {
        self.hedge = hedge
        self.context = context
        self.fire = fire
        configuration = hedge.configuration
        mark = configuration.budget.map { BudgetMark($0) }
        state = HedgeState(maxHedges: configuration.maxHedges)
        start = hedge.time.now
        timerInstant = start
    }

    /// Whether attempts run, or will.
    var isWaiting: Bool { state.running > 0 || isIdle }

    /// Whether nothing runs, and the next attempt waits for the time that the server asked for.
    var isIdle: Bool { state.running == 0 && timer != nil && timerTrigger == .failure && state.mayHedge }

    /// The context in which the budget is known to have been told of the call.
    var contextInside: Context { mark?.setting(in: context) ?? context }

    /// The caller cancelled before the call.
    func refuse() -> Verdict {
        let error = CancellationError()
        if CallEnd(error, in: context) == .cancelled {
            hedge.counters.cancelled.wrappingAdd(1, ordering: .relaxed)
        } else {
            hedge.counters.failed.wrappingAdd(1, ordering: .relaxed)
        }
        return Verdict(attempt: 1, error: error, unaccepted: nil)
    }

    mutating func begin() -> Action {
        _ = mark?.depositing(in: context)
        return Action(starts: [1] + startByDelay(from: start))
    }

    mutating func handleTimer(_ number: Int) -> Action {
        guard number == timerNumber, state.mayHedge else { return Action() }
        stopTimer()
        // From when the timer was due, not from when it was heard of.
        let starts = startHedge(timerTrigger, at: timerInstant, isFailureTold: timerTrigger == .failure)
        return Action(starts: starts + (starts.isEmpty && state.running == 0 ? [] : startByDelay(from: timerInstant)))
    }

    /// The caller cancelled between two attempts.
    mutating func handleCancellation() -> Action {
        // Also heard of when it is over already.
        guard state.running == 0 else { return Action() }
        state.stopHedging()
        isCancelledBetween = true
        return Action()
    }

    mutating func handle(_ end: AttemptEnd) -> Action {
        let isLoser = state.decisive != nil
        ends.append(end)
        let ending = end.outcome.ending(in: context, configuration.handles)
        switch state.end(end.attempt, ending) {
        case .finish:
            finish(with: end)
            return Action(cancelsOthers: state.running > 0)
        case .startHedge where end.outcome.isPushback(in: context):
            apply(end)
            return Action()
        case .startHedge:
            stopTimer()
            if let notBefore, notBefore > end.instant {
                setTimer(at: notBefore, for: .failure)
                recordFailure(end.outcome)
                return Action()
            }
            var starts = startHedge(.failure, at: end.instant, isFailureTold: end.outcome.isRejection(in: context))
            if state.running > 0 { starts += startByDelay(from: end.instant) }
            return Action(starts: starts)
        case .wait:
            if isLoser {
                hedge.events.notify(
                    .lost(attempt: end.attempt, after: start.duration(to: end.instant)))
            } else if ending == .failure || ending == .lastFailure {
                if ending == .lastFailure { stopTimer() }
                recordFailure(end.outcome)
            }
            return Action()
        }
    }

    /// How the call ended. All attempts have.
    mutating func verdict() -> Verdict {
        stopTimer()
        let (attempt, outcome) = chosen
        if outcome.isAccepted {
            context.report(WinningAttempt.self, attempt)
        } else {
            countFailure(outcome.failure)
        }
        return Verdict(attempt: attempt, error: outcome.error, unaccepted: outcome.unaccepted)
    }

    // MARK: Hedges

    /// An attempt failed, and the server says when to try again: no sooner, and not all at the same time.
    private mutating func apply(_ end: AttemptEnd) {
        defer { recordFailure(end.outcome) }
        stopTimer()
        guard let delay = end.outcome.hint?.delay, delay <= configuration.maxHint else { return state.stopHedging() }
        let earliest = max(notBefore ?? start, end.instant.advanced(by: delay))
        var latest = end.instant.advanced(by: delay.prolonged(by: configuration.hintJitter))
        let last = context.lastMoment(on: hedge.time, now: hedge.time.now)
        // No call waits for an attempt that could not be made.
        guard earliest <= last else { return state.stopHedging() }
        // Calls that have the same deadline stay spread below it.
        latest = min(latest, last)
        let span = max(.zero, earliest.duration(to: latest))
        let instant = earliest.advanced(by: span.multipliedSaturated(by: hedge.random.next()))
        notBefore = instant
        setTimer(at: instant, for: .failure)
    }

    /// Whether a layer further out has the same budget: it tells the budget how this whole call ends.
    private var isWithinBudget: Bool { mark?.isSet(in: context) ?? false }

    /// The failure that ends the call is left for the layer further out.
    private var isToReport: Bool { isWaiting || !isWithinBudget }

    private func recordFailure(_ outcome: AttemptOutcome) {
        // What a layer refused, inside the operation too, says nothing about the service.
        if !outcome.isRejection(in: context), isToReport { configuration.budget?.recordFailure() }
    }

    /// Starts the hedges that need not wait, and sets the timer for the one after them.
    private mutating func startByDelay(from instant: TimeSource.Instant) -> [Int] {
        var starts: [Int] = []
        while state.mayHedge {
            var context = context
            context.attempt = state.nextAttempt
            guard let delay = configuration.delay.duration(context, hedge.latencies, isExceeded: true) else { break }
            let due = max(instant.advanced(by: max(.zero, delay)), notBefore ?? instant)
            guard due <= instant else {
                setTimer(at: due, for: .delay)
                break
            }
            starts += startHedge(.delay, at: instant)
        }
        return starts
    }

    /// Starts a hedge if it is allowed to; returns the number of the attempt.
    ///
    /// - Parameter isFailureTold: Whether the budget knows of the failure already, or is not to.
    private mutating func startHedge(
        _ trigger: Hedge.Trigger, at instant: TimeSource.Instant, isFailureTold: Bool = false
    ) -> [Int] {
        let isNews = trigger == .failure && !isFailureTold
        // Not how an attempt ended, which `CallEnd` decides, but whether anybody waits for another.
        guard !Task.isCancelled, !context.isPastDeadline else {
            state.stopHedging()
            if isNews, isToReport { configuration.budget?.recordFailure() }
            return []
        }
        let attempt = state.nextAttempt
        let time = start.duration(to: instant)
        if let budget = configuration.budget {
            guard isNews ? budget.tryWithdrawAfterFailure(isInner: isWithinBudget) : budget.tryWithdraw() else {
                state.skipHedge()
                if isNews, isWithinBudget, isWaiting { budget.recordFailure() }
                hedge.counters.refusedByBudget.wrappingAdd(1, ordering: .relaxed)
                hedge.events.notify(.refused(attempt: attempt, trigger, after: time))
                return []
            }
        }
        hedge.counters.countStart(trigger)
        hedge.events.notify(.started(attempt: attempt, trigger, after: time))
        return [state.startHedge()]
    }

    /// Sets the timer; the one before has fired or was stopped.
    private mutating func setTimer(at instant: TimeSource.Instant, for trigger: Hedge.Trigger) {
        timerInstant = instant
        timerTrigger = trigger
        timer = hedge.time.schedule(at: instant) { [fire, timerNumber] in fire(timerNumber) }
    }

    private mutating func stopTimer() {
        timerNumber += 1
        timer?.cancel()
        timer = nil
    }

    // MARK: Endings

    /// An attempt decided the call: with success, or with an error that the others would meet too.
    private mutating func finish(with end: AttemptEnd) {
        stopTimer()
        hedge.counters.lost.wrappingAdd(state.running, ordering: .relaxed)
        guard end.outcome.isAccepted else { return }
        hedge.counters.countWin(end.attempt)
        configuration.budget?.recordSuccess(ofRetry: end.attempt > 1, isInner: isWithinBudget)
        let time = start.duration(to: end.instant)
        if end.attempt == 1 || state.isPrimaryRunning, configuration.delay.percentile != nil {
            hedge.latencies.withLock { $0.record(time) }
        }
        hedge.events.notify(.won(attempt: end.attempt, after: time))
    }

    /// The attempt whose outcome is the call's.
    private var chosen: (attempt: Int, AttemptOutcome) {
        let chosen: AttemptEnd?
        if let decisive = state.decisive {
            chosen = ends.first { $0.attempt == decisive }
        } else {
            // A caller that cancelled gets that error, not the one of an attempt that failed before.
            let cancelled = Task.isCancelled ? ends.first { $0.outcome.error is CancellationError } : nil
            chosen = isCancelledBetween ? cancelled : cancelled ?? ends.first { $0.attempt == 1 }
        }
        let none = AttemptOutcome(error: CancellationError(), unaccepted: nil, isBegun: false, hint: nil)
        return (chosen?.attempt ?? 1, chosen?.outcome ?? none)
    }

    private func countFailure(_ error: any Error) {
        guard !context.isCancelledByCaller else {
            hedge.counters.cancelled.wrappingAdd(1, ordering: .relaxed)
            return
        }
        hedge.counters.failed.wrappingAdd(1, ordering: .relaxed)
        hedge.events.notify(.failed(attempts: state.started, error: error))
    }
}
