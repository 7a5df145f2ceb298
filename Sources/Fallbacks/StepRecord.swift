public import ResilienceCore
internal import Synchronization

/// The numbers of one step, the calls that run in it, and what is told of them.
///
/// All that a step does without knowing the value: it is not generic, so that the fallback, which is, need not be
/// inlined into the client's module for more than the way of the value. What takes a lock is not inlined; see
/// ``LastGoodKeeper``.
@usableFromInline
final class StepRecord: Sendable {
    /// What became of a call that came to the step.
    @usableFromInline
    enum End {
        case succeeded, failed, timedOut, rejected, skipped, cancelled
    }

    let step: String
    let lane: DeadlineLane
    let durations: MeterPoint
    private let fallback: String
    private let time: TimeSource
    private let events: EventChannel<FallbackEventKind>
    private let current = Atomic(0)
    private let numbers = Lock(FallbackTotals.Step())

    /// - Parameter subject: What all steps of a fallback are measured as.
    init(
        _ environment: PolicyEnvironment, step: String, _ events: EventChannel<FallbackEventKind>,
        of subject: MeterSubject
    ) {
        self.step = step
        self.events = events
        fallback = environment.name
        time = environment.time
        lane = DeadlineLane(environment.time)
        durations = MeterPoint(
            environment.name, FallbackFamilies.meterLayout(step: step), environment.observers, of: subject)
    }

    var totals: FallbackTotals.Step { numbers.withLock { $0 } }
    var running: Int { current.load(ordering: .relaxed) }

    /// Takes a place, if fewer calls than the limit run in the step. One atomic step.
    @usableFromInline
    func enter(_ limit: Int?) -> Bool {
        guard let limit else {
            current.wrappingAdd(1, ordering: .relaxed)
            return true
        }
        var running = current.load(ordering: .relaxed)
        while running < limit {
            let (isExchanged, original) = current.compareExchange(
                expected: running, desired: running + 1, ordering: .relaxed)
            if isExchanged { return true }
            running = original
        }
        return false
    }

    /// Gives the place back.
    @usableFromInline
    func leave() { current.wrappingSubtract(1, ordering: .relaxed) }

    @usableFromInline
    @inline(never)
    func count(_ end: End) {
        numbers.withLock { $0.count(end) }
    }

    @usableFromInline
    @inline(never)
    func count(_ end: End, _ latency: Duration) {
        numbers.withLock {
            $0.count(end)
            $0.latency.add(latency)
        }
        if durations.isAttached { durations.record(0, nanoseconds: latency.saturatedNanoseconds) }
    }

    /// Tells of a call that the step has answered.
    @usableFromInline
    @inline(never)
    func notifyServed(_ age: Duration?, _ context: Context, since start: TimeSource.Instant, _ cause: any Error) {
        context.report(FallbackServed.Report.self, FallbackServed(fallback: fallback, step: step, age: age))
        events.notify(
            .served(
                FallbackServed(fallback: fallback, step: step, age: age), after: start.duration(to: time.now),
                error: cause))
    }

    /// Counts and tells of a call for which the step is not tried.
    @usableFromInline
    @inline(never)
    func skip(_ reason: FallbackReason) -> FallbackStepEnd {
        count(.skipped)
        let end = FallbackStepEnd(step: step, reason: reason)
        events.notify(.stepSkipped(end))
        return end
    }

    /// Tells of a call that the step, which has counted it, did not answer.
    @usableFromInline
    @inline(never)
    func fail(_ reason: FallbackReason, after duration: Duration) -> FallbackStepEnd {
        let end = FallbackStepEnd(step: step, reason: reason)
        events.notify(.stepFailed(end, duration: duration))
        return end
    }
}

extension FallbackTotals.Step {
    mutating func count(_ end: StepRecord.End) {
        switch end {
        case .succeeded: succeeded.increment()
        case .failed: failed.increment()
        case .timedOut: timedOut.increment()
        case .rejected: rejected.increment()
        case .skipped: skipped.increment()
        case .cancelled: cancelled.increment()
        }
    }
}
