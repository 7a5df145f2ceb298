internal import ResilienceCore

/// The calls that wait for the permits of one key, and the timer for the first of them. Lives while any waits.
///
/// Everything in it is read and changed under the lock of the key's shard.
final class KeyedQueue: @unchecked Sendable {
    var state: RateLimiterState
    var timer = TimerSlot()

    init(_ common: KeyedRate.Common, _ base: AnyRateMeter.State) {
        // With the anchor of the limiter, so that its windows are those of the other keys.
        state = RateLimiterState(common.configuration, now: common.anchor)
        state.base = base
    }

    /// What has to be done about the timer, outside the lock.
    func timerAction() -> TimerSlot.Action { timer.action(for: state.nextWake.map(TimeSource.Instant.init)) }

    /// Takes back permits that were granted before this queue began, or by it.
    func giveBack(_ grant: RateLimiterState.Grant, now: Int64) {
        // The state's own generation counts from when the queue began.
        let own = RateLimiterState.Grant(permits: grant.permits, receipt: grant.receipt, generation: state.generation)
        state.giveBack(own, now: now)
    }
}

/// What follows from a change of a queue, outside the lock. An object, so that a reply without any is small.
@usableFromInline
final class KeyedActions: Sendable {
    /// The tickets whose wait has ended.
    let ended: [Ticket]
    let queue: KeyedQueue
    let timer: TimerSlot.Action
    let burst: Int

    init(ended: [Ticket], queue: KeyedQueue, timer: TimerSlot.Action, burst: Int) {
        self.ended = ended
        self.queue = queue
        self.timer = timer
        self.burst = burst
    }
}

/// The result of a request.
@usableFromInline
struct KeyedReply: Sendable {
    @usableFromInline
    enum Decision: Sendable {
        case granted
        case queued(Ticket)
        /// Not now: after this time.
        case refused(retryAfter: Int64)
        /// Not now; but another has seen a later moment, and perhaps that was a wrong one. Nothing has changed.
        case doubtful(latest: Int64)
        /// Never, or only after more than the longest wait; with the most permits there are at once.
        case never(Int)
    }

    @usableFromInline let decision: Decision
    @usableFromInline let actions: KeyedActions?
    /// That of the rule by which it was decided.
    let generation: UInt64

    init(_ decision: Decision, _ actions: KeyedActions? = nil, generation: UInt64 = 0) {
        self.decision = decision
        self.generation = generation
        self.actions = actions
    }
}
