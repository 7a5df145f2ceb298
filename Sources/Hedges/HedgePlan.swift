internal import ResilienceCore
internal import Synchronization

/// The course of one call: asks the state what follows from each event, and sees to the timer, the budget, the totals and
/// the events. Used by the calling task only.
struct HedgePlan {
    /// What the call does next.
    struct Next {
        var starts: [Int] = []
        var cancelsOthers = false
    }

    private let hedge: Hedge
    private let configuration: Hedge.Configuration
    private let context: Context
    private let start: TimeSource.Instant
    private let fire: @Sendable (Int) -> Void
    private var state: HedgeState
    private var ends: [AttemptEnd] = []
    private var timer: (any ScheduledTimer)?
    /// Tells the timer that is set from those before it.
    private var timerNumber = 0
    private var timerInstant: TimeSource.Instant

    /// - Parameter fire: Called with the number of a timer that is due.
    init(_ hedge: Hedge, _ context: Context, _ fire: @escaping @Sendable (Int) -> Void) {
        self.hedge = hedge
        self.context = context
        self.fire = fire
        configuration = hedge.configuration
        state = HedgeState(maxHedges: configuration.maxHedges)
        start = hedge.time.now
        timerInstant = start
    }

    /// Whether attempts run.
    var isWaiting: Bool { state.running > 0 }

    /// The caller cancelled before the call.
    func refuse() -> Verdict {
        hedge.counters.cancelled.wrappingAdd(1, ordering: .relaxed)
        return Verdict(attempt: 1, error: CancellationError(), isAccepted: false)
    }

    mutating func begin() -> Next {
        configuration.budget?.deposit()
        return Next(starts: [1] + startByDelay(from: start))
    }

    mutating func handleTimer(_ number: Int) -> Next {
        guard number == timerNumber, state.mayHedge else { return Next() }
        timer = nil
        // From when the timer was due, not from when it was heard of.
        return Next(starts: startHedge(.delay, at: timerInstant) + startByDelay(from: timerInstant))
    }

    mutating func handle(_ end: AttemptEnd) -> Next {
        let isLoser = state.decisive != nil
        ends.append(end)
        let ending = ending(of: end.outcome)
        switch state.end(end.attempt, ending) {
        case .settle:
            settle(end)
            return Next(cancelsOthers: state.running > 0)
        case .startHedge:
            stopTimer()
            var starts = startHedge(.failure, at: end.instant)
            if state.running > 0 { starts += startByDelay(from: end.instant) }
            return Next(starts: starts)
        case .wait:
            if isLoser {
                hedge.tell(.lost(hedge: hedge.name, attempt: end.attempt, after: start.duration(to: end.instant)))
            } else if ending == .failure {
                configuration.budget?.recordFailure()
            }
            return Next()
        }
    }

    /// How the call ended. All attempts have.
    mutating func verdict() -> Verdict {
        stopTimer()
        let (attempt, outcome) = chosen
        if outcome.isAccepted {
            context.report(WinningAttempt.self, attempt)
        } else {
            countFailure(outcome.error ?? UnacceptedResult())
        }
        return Verdict(attempt: attempt, error: outcome.error, isAccepted: outcome.isAccepted)
    }

    // MARK: Hedges

    /// Starts the hedges that need not wait, and sets the timer for the one after them.
    private mutating func startByDelay(from instant: TimeSource.Instant) -> [Int] {
        var starts: [Int] = []
        while state.mayHedge {
            var context = context
            context.attempt = state.nextAttempt
            guard let delay = configuration.delay.duration(context, hedge.latencies) else { break }
            guard delay <= .zero else {
                setTimer(at: instant.advanced(by: delay))
                break
            }
            starts += startHedge(.delay, at: instant)
        }
        return starts
    }

    /// Starts a hedge if it is allowed to; returns the number of the attempt.
    private mutating func startHedge(_ trigger: Hedge.Trigger, at instant: TimeSource.Instant) -> [Int] {
        guard !Task.isCancelled, !context.isPastDeadline else {
            state.stopHedging()
            if trigger == .failure { configuration.budget?.recordFailure() }
            return []
        }
        let attempt = state.nextAttempt
        let time = start.duration(to: instant)
        if let budget = configuration.budget {
            guard trigger == .failure ? budget.tryWithdrawAfterFailure() : budget.tryWithdraw() else {
                state.skipHedge()
                hedge.counters.refusedByBudget.wrappingAdd(1, ordering: .relaxed)
                hedge.tell(.refused(hedge: hedge.name, attempt: attempt, trigger, after: time))
                return []
            }
        }
        hedge.counters.countStart(trigger)
        hedge.tell(.started(hedge: hedge.name, attempt: attempt, trigger, after: time))
        return [state.startHedge()]
    }

    private mutating func setTimer(at instant: TimeSource.Instant) {
        stopTimer()
        timerInstant = instant
        timer = hedge.time.schedule(at: instant) { [fire, timerNumber] in fire(timerNumber) }
    }

    private mutating func stopTimer() {
        timerNumber += 1
        timer?.cancel()
        timer = nil
    }

    // MARK: Endings

    private func ending(of outcome: AttemptOutcome) -> HedgeState.Ending {
        guard let error = outcome.error else { return outcome.isAccepted ? .success : .failure }
        if Task.isCancelled || error is CancellationError { return .neutral }
        if !outcome.isBegun, error is any PolicyRejection { return .neutral }
        return configuration.isFatal(error) ? .fatal : .failure
    }

    /// An attempt decided the call: with success, or with an error that the others would meet too.
    private mutating func settle(_ end: AttemptEnd) {
        stopTimer()
        hedge.counters.losers.wrappingAdd(state.running, ordering: .relaxed)
        guard end.outcome.isAccepted else { return }
        hedge.counters.countWin(end.attempt)
        configuration.budget?.recordSuccess(ofRetry: end.attempt > 1)
        let time = start.duration(to: end.instant)
        if end.attempt == 1 || state.isPrimaryRunning, configuration.delay.percentile != nil {
            hedge.latencies.withLock { $0.record(time) }
        }
        hedge.tell(.won(hedge: hedge.name, attempt: end.attempt, after: time))
    }

    /// The attempt whose outcome is the call's.
    private var chosen: (attempt: Int, AttemptOutcome) {
        let chosen: AttemptEnd?
        if let decisive = state.decisive {
            chosen = ends.first { $0.attempt == decisive }
        } else {
            // The caller who cancelled hears of that, not of how an attempt failed before.
            let cancelled = Task.isCancelled ? ends.first { $0.outcome.error is CancellationError } : nil
            chosen = cancelled ?? ends.first { $0.attempt == 1 }
        }
        let none = AttemptOutcome(error: CancellationError(), isAccepted: false, isBegun: false)
        return (chosen?.attempt ?? 1, chosen?.outcome ?? none)
    }

    private func countFailure(_ error: any Error) {
        guard !Task.isCancelled, !(error is CancellationError) else {
            hedge.counters.cancelled.wrappingAdd(1, ordering: .relaxed)
            return
        }
        hedge.counters.failed.wrappingAdd(1, ordering: .relaxed)
        hedge.tell(.failed(hedge: hedge.name, attempts: state.started, error: error))
    }
}
