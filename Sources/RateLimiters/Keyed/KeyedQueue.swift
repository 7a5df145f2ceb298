internal import ResilienceCore

/// Those who wait for the permits of one key, and the timer for the first of them. Lives while somebody waits.
///
/// Everything in it is read and changed under the lock of the key's shard.
final class KeyedQueue: @unchecked Sendable {
    /// What has to be done about the timer, outside the lock.
    struct Alarm: Sendable {
        var old: (any ScheduledTimer)?
        var next: (number: UInt64, deadline: Int64)?
    }

    var state: RateLimiterState
    private var timer: (any ScheduledTimer)?
    private var timerFiresAt = Int64.max
    /// Tells the timer that is set from one that was replaced before it was known here.
    private var timerNumber: UInt64 = 0

    init(_ common: KeyedRate.Common, _ base: AnyRateMeter.State) {
        // With the anchor of the limiter, so that its windows are those of the other keys.
        state = RateLimiterState(common.configuration, now: common.anchor)
        state.base = base
    }

    /// One that fires too early stays, and is set anew then.
    func setAlarm() -> Alarm {
        guard let deadline = state.nextWake else {
            defer { timer = nil }
            timerFiresAt = .max
            timerNumber &+= 1
            return Alarm(old: timer)
        }
        guard deadline < timerFiresAt else { return Alarm() }
        timerFiresAt = deadline
        timerNumber &+= 1
        return Alarm(next: (timerNumber, deadline))
    }

    /// Keeps the timer that was set; returns one that is not needed any more.
    func keep(_ new: any ScheduledTimer, _ number: UInt64) -> (any ScheduledTimer)? {
        guard timerNumber == number, timerFiresAt != .max else { return new }
        defer { timer = new }
        return timer
    }

    /// Whether it is the timer that is set which has fired.
    func hasFired(_ number: UInt64) -> Bool {
        guard timerNumber == number else { return false }
        timer = nil
        timerFiresAt = .max
        return true
    }

    /// Takes back permits that were granted before this queue began, or by it.
    func giveBack(_ grant: RateLimiterState.Grant, now: Int64) {
        // The state's own generation counts from when the queue began: an ask for nothing tells it.
        guard case .granted(let present) = state.ask(0, now: now, maxWait: 0, latest: now) else { return }
        state.giveBack(
            RateLimiterState.Grant(permits: grant.permits, receipt: grant.receipt, generation: present.generation),
            now: now)
    }
}

/// What follows from a change of a queue, outside the lock. An object, so that a reply without any is small.
@usableFromInline
final class KeyedEffects: Sendable {
    /// The tickets whose wait has ended.
    let ended: [Ticket]
    let queue: KeyedQueue
    let alarm: KeyedQueue.Alarm
    let burst: Int

    init(ended: [Ticket], queue: KeyedQueue, alarm: KeyedQueue.Alarm, burst: Int) {
        self.ended = ended
        self.queue = queue
        self.alarm = alarm
        self.burst = burst
    }
}

/// What became of an ask.
@usableFromInline
struct KeyedReply: Sendable {
    @usableFromInline
    enum Decision: Sendable {
        case granted
        case queued(Ticket)
        /// Not now: after this time.
        case refused(retryAfter: Int64)
        /// Never, or only after more than the longest wait; with the most permits there are at once.
        case never(Int)
    }

    @usableFromInline let decision: Decision
    @usableFromInline let effects: KeyedEffects?
    /// That of the rule by which it was decided.
    let generation: UInt64

    init(_ decision: Decision, _ effects: KeyedEffects? = nil, generation: UInt64 = 0) {
        self.decision = decision
        self.generation = generation
        self.effects = effects
    }
}
