internal import ResilienceCore
internal import Synchronization

/// What a limiter counts and measures, each number by itself: calls that overlap a reading may be in it or not.
final class LimiterTally: Sendable {
    let meters: MeterPoint
    private let permitted = Atomic<Int>(0)
    private let rejected = Atomic<Int>(0)
    private let cancelled = Atomic<Int>(0)
    private let waited = Atomic<Int>(0)
    private let waitingTime = Atomic<Int64>(0)

    /// - Parameter layout: A timer of waits comes first.
    init(_ environment: PolicyEnvironment, _ layout: MeterPoint.Layout) {
        meters = MeterPoint(environment.name, layout, environment.observers)
    }

    /// A call that got its permits at once.
    func countPermitted() { permitted.wrappingAdd(1, ordering: .relaxed) }

    /// A call that got its permits after a wait, or at once if that took no time.
    func countPermitted(waited nanoseconds: Int64) {
        countPermitted()
        if nanoseconds > 0 { countWait(nanoseconds) }
    }

    func countRejected() { rejected.wrappingAdd(1, ordering: .relaxed) }

    func countCancelled() { cancelled.wrappingAdd(1, ordering: .relaxed) }

    /// A call whose ticket was granted, be it at the moment of asking. Under no lock: such a ticket does not change.
    func countGranted(_ ticket: Ticket) {
        countPermitted()
        countWait(ticket.waited)
    }

    /// A wait that ended with an error. Only the limiter, for its caller, ends one so: it is not the error of a call.
    func countEnd(_ error: any Error) {
        if error is CancellationError { countCancelled() } else { countRejected() }
    }

    private func countWait(_ nanoseconds: Int64) {
        waited.wrappingAdd(1, ordering: .relaxed)
        var seen = waitingTime.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = waitingTime.compareExchange(
                expected: seen, desired: seen.addingSaturated(nanoseconds), ordering: .relaxed)
            if exchanged { break }
            seen = original
        }
        if meters.isAttached { meters.record(0, nanoseconds: nanoseconds) }
    }

    var totals: RateLimiter.Totals {
        var totals = RateLimiter.Totals()
        totals.permitted = permitted.load(ordering: .relaxed)
        totals.rejected = rejected.load(ordering: .relaxed)
        totals.cancelled = cancelled.load(ordering: .relaxed)
        totals.waited = waited.load(ordering: .relaxed)
        totals.waitingTime = .nanoseconds(waitingTime.load(ordering: .relaxed))
        return totals
    }
}
