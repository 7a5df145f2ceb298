public import ResilienceCore

/// What is known of one key: how much it has used and, while calls wait for its permits, which.
///
/// Nearly every key is `metered`: 32 bytes at most, or what a log has to hold. Only a key that a call waits for has a
/// queue like that of a limiter of its own.
@usableFromInline
struct KeyedRate: KeyedValue {
    /// The rule, and what is counted under the lock of a shard.
    @usableFromInline
    struct Common: Sendable {
        var configuration: RateLimiter.Configuration
        /// That of the configuration, converted once.
        var maxWait: Int64
        var meter: AnyRateMeter
        let anchor: Int64
        /// Receipts hold within one generation: a change of the rule begins another.
        var generation: UInt64 = 0
        /// That of the limiter by which the rule was last changed: of two at the same time, all shards follow the
        /// later.
        var update: UInt64 = 0
        /// The latest moment of a request, so that time does not go back when threads overtake each other.
        var advancedTo = Int64.min
        /// Without the requests that waited, which the tally of the limiter counts.
        var permitted = 0
        var rejected = 0

        init(_ configuration: RateLimiter.Configuration, anchor: Int64) {
            self.configuration = configuration
            maxWait = configuration.maxWait.saturatedNanoseconds
            self.anchor = anchor
            meter = configuration.rule.meter(anchor: anchor)
        }

        /// Puts another rule in force.
        mutating func use(_ configuration: RateLimiter.Configuration, at now: Int64) {
            advancedTo = max(advancedTo, now)
            self.configuration = configuration
            maxWait = configuration.maxWait.saturatedNanoseconds
            let new = configuration.rule.meter(anchor: anchor)
            if new != meter { generation &+= 1 }
            meter = new
        }

        @usableFromInline
        mutating func count(_ reply: KeyedReply, at now: Int64) {
            advancedTo = max(advancedTo, now)
            switch reply.decision {
            case .granted: permitted.increment()
            case .refused, .never: rejected.increment()
            case .queued, .doubtful: break
            }
        }
    }

    enum Phase: Sendable {
        case metered(AnyRateMeter.State)
        case awaited(KeyedQueue)
    }

    private(set) var phase: Phase

    @usableFromInline
    init(_ common: Common) {
        phase = .metered(common.meter.unused)
    }

    @usableFromInline
    func isForgettable(at now: TimeSource.Instant, _ common: Common) -> Bool {
        guard case .metered(let state) = phase else { return false }
        return common.meter.isUnused(state, at: now.nanoseconds)
    }

    @usableFromInline
    func loss(at now: TimeSource.Instant, _ common: Common) -> Int64? {
        guard case .metered(let state) = phase else { return nil }
        return Int64(common.meter.burst - common.meter.available(state, at: now.nanoseconds))
    }

    // MARK: Asking

    /// Asks for permits, as ``RateLimiterState/ask(_:now:maxWait:latest:)`` does.
    ///
    /// - Parameters:
    ///   - maxWait: The longest wait; `nil` for that of the configuration.
    ///   - deadline: The last moment at which permits are of use.
    ///   - isFinal: Whether the moment of others is taken for right that lies after `now`.
    @usableFromInline
    mutating func ask(
        _ permits: Int, now: Int64, maxWait: Int64?, deadline: Int64, isFinal: Bool = false, _ common: Common
    ) -> KeyedReply {
        let isDoubtful = now < common.advancedTo && !isFinal
        let now = max(now, common.advancedTo)
        let maxWait = maxWait ?? common.maxWait
        var state: AnyRateMeter.State
        switch phase {
        case .metered(let metered): state = metered
        case .awaited(let queue):
            if isDoubtful { return KeyedReply(.doubtful(latest: common.advancedTo)) }
            return ask(queue, permits, now: now, maxWait: maxWait, deadline: deadline, common)
        }
        guard permits > 0 else { return KeyedReply(.granted) }
        phase = .metered(.paced(0))  // So that a log has one owner and is not copied.
        let answer = common.meter.ask(permits, &state, at: now, maxWait: maxWait)
        phase = .metered(state)
        switch answer {
        case .taken: return KeyedReply(.granted)
        case .never: return KeyedReply(.never(common.meter.burst))
        case .beyondTime where isDoubtful, .later where isDoubtful:
            return KeyedReply(.doubtful(latest: common.advancedTo))
        case .beyondTime: return KeyedReply(.refused(retryAfter: Int64.max.subtractingSaturated(now)))
        case .later(let due, let least):
            guard due <= min(now.addingSaturated(maxWait), deadline) else {
                return KeyedReply(.refused(retryAfter: max(0, due.subtractingSaturated(now) - least)))
            }
            let queue = KeyedQueue(common, state)
            phase = .awaited(queue)
            return ask(queue, permits, now: now, maxWait: maxWait, deadline: deadline, common)
        }
    }

    @inline(never)
    private mutating func ask(
        _ queue: KeyedQueue, _ permits: Int, now: Int64, maxWait: Int64, deadline: Int64, _ common: Common
    ) -> KeyedReply {
        let latest = min(now.addingSaturated(maxWait), deadline)
        let decision = queue.state.ask(permits, now: now, maxWait: maxWait, latest: latest)
        if case .queued(let ticket) = decision { _ = queue.state.wait(for: ticket, now: now) }
        return reply(decision, queue, common)
    }

    private mutating func reply(
        _ decision: RateLimiterState.Decision, _ queue: KeyedQueue, _ common: Common
    ) -> KeyedReply {
        let actions = actions(after: queue, common)
        return switch decision {
        case .granted: KeyedReply(.granted, actions)
        case .queued(let ticket): KeyedReply(.queued(ticket), actions, generation: common.generation)
        case .refused(let retryAfter): KeyedReply(.refused(retryAfter: retryAfter), actions)
        case .never: KeyedReply(.never(common.meter.burst), actions)
        }
    }

    /// What a change of the queue has to be followed by, outside the lock. A queue in which no call waits any more
    /// goes.
    private mutating func actions(after queue: KeyedQueue, _ common: Common) -> KeyedActions {
        let ended = queue.state.takeEnded()
        let timer = queue.timerAction()
        if queue.state.queue.isEmpty { phase = .metered(queue.state.base) }
        return KeyedActions(ended: ended, queue: queue, timer: timer, burst: common.meter.burst)
    }

    // MARK: Waiting

    /// Grants what has become due; `nil` if the timer is not the one that is set.
    mutating func fire(_ queue: KeyedQueue, _ number: UInt64, now: Int64, _ common: Common) -> KeyedActions? {
        guard case .awaited(let present) = phase, present === queue, queue.timer.fire(number) else { return nil }
        queue.state.advance(to: max(now, common.advancedTo))
        return actions(after: queue, common)
    }

    /// Gives up a ticket; the others move up.
    ///
    /// - Parameter grantToo: Whether permits that were granted already are given back.
    /// - Returns: Whether it was still in the queue, and what follows.
    mutating func cancel(
        _ ticket: Ticket, of generation: UInt64, now: Int64, grantToo: Bool, _ common: Common
    ) -> (wasQueued: Bool, actions: KeyedActions?) {
        let now = max(now, common.advancedTo)
        switch (phase, ticket.phase) {
        case (.awaited(let queue), .queued):
            let wasQueued = queue.state.cancel(ticket, now: now, grantToo: false)
            let isLate = !wasQueued && grantToo
            return (wasQueued, isLate ? giveBack(ticket, generation, now, common) : actions(after: queue, common))
        case (_, .granted) where grantToo: return (false, giveBack(ticket, generation, now, common))
        default: return (false, nil)
        }
    }

    private mutating func giveBack(
        _ ticket: Ticket, _ generation: UInt64, _ now: Int64, _ common: Common
    ) -> KeyedActions? {
        guard generation == common.generation, case .granted(let grant) = ticket.phase else { return nil }
        switch phase {
        case .metered(var state):
            phase = .metered(common.meter.unused)
            common.meter.giveBack(grant.permits, &state, receipt: grant.receipt, at: now)
            phase = .metered(state)
            return nil
        case .awaited(let queue):
            queue.giveBack(grant, now: now)
            return actions(after: queue, common)
        }
    }

    // MARK: Control

    /// Goes back to the present, after the clock has shown a moment that has not come.
    mutating func rewind(to now: Int64, if doubted: Int64, _ common: Common) -> KeyedActions? {
        switch phase {
        case .metered(var state):
            phase = .metered(.paced(0))  // So that a log has one owner and is not copied.
            common.meter.rewind(&state, to: now)
            phase = .metered(state)
            return nil
        case .awaited(let queue):
            queue.state.rewind(to: now, if: doubted)
            queue.state.advance(to: now)
            return actions(after: queue, common)
        }
    }

    /// Changes to another rule and keeps what was used.
    mutating func update(to common: Common, from old: AnyRateMeter, now: Int64) -> KeyedActions? {
        switch phase {
        case .metered(let state):
            if common.meter != old { phase = .metered(common.meter.carry(state, from: old, at: now)) }
            return nil
        case .awaited(let queue):
            queue.state.update(common.configuration, now: now)
            return actions(after: queue, common)
        }
    }

    /// Takes all permits that are there.
    mutating func drain(now: Int64, _ common: Common) -> Int {
        let now = max(now, common.advancedTo)
        guard case .metered(var state) = phase else { return 0 }
        let permits = common.meter.available(state, at: now)
        phase = .metered(common.meter.unused)
        if permits > 0 { common.meter.take(permits, &state, at: now) }
        phase = .metered(state)
        return permits
    }

    // MARK: Reading

    func available(now: Int64, _ common: Common) -> Int {
        guard case .metered(let state) = phase else { return 0 }
        return common.meter.available(state, at: max(now, common.advancedTo))
    }

    func nextPermit(now: Int64, _ common: Common) -> Int64 {
        let now = max(now, common.advancedTo)
        switch phase {
        case .metered(let state): return (common.meter.earliest(1, state, from: now) ?? .max).subtractingSaturated(now)
        case .awaited(let queue): return queue.state.nextPermit(now: now)
        }
    }

    var waiting: Int {
        if case .awaited(let queue) = phase { queue.state.waiting } else { 0 }
    }
}
