public import ResilienceCore
internal import Synchronization

/// What a keyed limiter has beside its keys; not generic, so that what rarely happens is compiled once.
@usableFromInline
final class KeyedShared: Sendable {
    /// A place in the queue of a key.
    @usableFromInline
    struct Entry: Sendable {
        let ticket: Ticket
        /// The generation of the rule by which it was judged.
        let generation: UInt64
    }

    @usableFromInline let time: TimeSource
    @usableFromInline let events: EventChannel<RateLimiter.KeyedEventKind>
    let name: String
    let rootContext: Context
    let meters: MeterPoint
    let tally = LimiterTally()
    /// How many tasks wait, about: counted outside the locks, so that reading it looks at no key.
    let waiting = Atomic<Int>(0)
    let refusedKeys = Atomic<Int>(0)
    let forgottenKeys = Atomic<Int>(0)
    /// The configuration in force, and how many there have been.
    let configuration: Lock<(present: RateLimiter.KeyedConfiguration, update: UInt64)>
    private let forgets: Atomic<Bool>

    init(_ environment: PolicyEnvironment, _ configuration: RateLimiter.KeyedConfiguration) {
        name = environment.name
        time = environment.time
        rootContext = Context(name: environment.name, time: environment.time)
        events = EventChannel(environment.name, environment.observers)
        meters = MeterPoint(environment.name, Families.meterLayout, environment.observers)
        self.configuration = Lock((configuration, 0))
        forgets = Atomic(configuration.whenFull == .forgetsLeastUsed)
    }

    @usableFromInline var replaces: Bool { forgets.load(ordering: .relaxed) }

    /// Puts a configuration in force.
    ///
    /// - Returns: The number of this update.
    func use(_ configuration: RateLimiter.KeyedConfiguration) -> UInt64 {
        self.configuration.withLock { state in
            state = (configuration, state.update + 1)
            forgets.store(configuration.whenFull == .forgetsLeastUsed, ordering: .relaxed)
            events.post(.updated(configuration))
            return state.update
        }
    }

    var tooManyKeys: RateLimiter.TooManyKeysError {
        RateLimiter.TooManyKeysError(policyName: name, maxKeys: configuration.withLock { $0.present.maxKeys })
    }

    /// The last moment before the call's deadline, on the limiter's time.
    @usableFromInline
    func deadline(of context: Context, _ now: TimeSource.Instant) -> Int64 {
        context.deadline(on: time, now: now)?.nanoseconds.subtractingSaturated(1) ?? .max
    }

    /// The same of the call that the task is within, if there is one.
    @usableFromInline
    func outerDeadline(_ now: TimeSource.Instant) -> Int64 {
        CallLimit.current == nil ? .max : deadline(of: rootContext, now)
    }

    /// The place of a call that has to wait; `nil` reply: there was no place for its key.
    @usableFromInline
    func entry(_ reply: KeyedReply?, _ permits: Int) throws -> Entry? {
        guard let reply else { throw tooManyKeys }
        switch reply.decision {
        case .granted: return nil
        case .queued(let ticket):
            waiting.wrappingAdd(1, ordering: .relaxed)
            return Entry(ticket: ticket, generation: reply.generation)
        case .refused, .never, .doubtful: throw refusal(reply, permits) ?? tooManyKeys
        }
    }

    private func refusal(_ reply: KeyedReply, _ permits: Int) -> (any PolicyRejection)? {
        switch reply.decision {
        case .granted, .queued, .doubtful: nil
        case .refused(let retryAfter):
            RateLimiter.RejectedError(policyName: name, permits: permits, retryAfter: .nanoseconds(retryAfter))
        case .never(let burst):
            RateLimiter.ExceedsLimitError(policyName: name, permits: permits, burst: burst)
        }
    }

    /// The error of a ticket that was refused after all.
    private func refusal(of ticket: Ticket, burst: Int) -> (any PolicyRejection)? {
        guard case .refused(let retryAfter) = ticket.phase else { return nil }
        guard let retryAfter else {
            return RateLimiter.ExceedsLimitError(policyName: name, permits: ticket.permits, burst: burst)
        }
        return RateLimiter.RejectedError(
            policyName: name, permits: ticket.permits, retryAfter: .nanoseconds(retryAfter))
    }

    // MARK: Notifying

    /// Notifies observers of what became of an ask.
    @usableFromInline
    func postLocked(_ reply: KeyedReply, _ key: any Hashable & Sendable, _ permits: Int) {
        if let actions = reply.actions { postLocked(actions, key) }
        if case .granted = reply.decision {
            events.post(.permitted(key: key, permits: permits, waited: .zero))
        } else if let error = refusal(reply, permits) {
            events.post(.rejected(key: key, error))
        }
    }

    /// Notifies observers of how waits have ended.
    func postLocked(_ actions: KeyedActions, _ key: any Hashable & Sendable) {
        guard events.isListening else { return }
        for ticket in actions.ended where ticket.waiter != nil {
            if let error = refusal(of: ticket, burst: actions.burst) {
                events.post(.rejected(key: key, error))
            } else {
                let waited = Duration.nanoseconds(ticket.due.subtractingSaturated(ticket.asked))
                events.post(.permitted(key: key, permits: ticket.permits, waited: waited))
            }
        }
    }

    /// Tells the task that waits, outside the lock.
    func finish(_ ticket: Ticket, burst: Int) {
        guard let waiter = ticket.waiter else { return }
        waiting.wrappingSubtract(1, ordering: .relaxed)
        if let error = refusal(of: ticket, burst: burst) {
            waiter.finish(with: .failure(error))
        } else {
            waiter.finish()
        }
    }

    func addObserver(_ observer: any PolicyObserver) {
        meters.attach(observer)
        events.add(observer)
    }

    // MARK: Counting waits

    func countEnd(_ error: any Error) {
        // The end of a wait, not of a call: only the limiter itself, for its caller, ends one so.
        if error is CancellationError {
            tally.cancelled.wrappingAdd(1, ordering: .relaxed)
        } else {
            tally.rejected.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Under no lock: a ticket that was granted does not change any more.
    func countWait(_ ticket: Ticket) {
        tally.permitted.wrappingAdd(1, ordering: .relaxed)
        tally.waited.wrappingAdd(1, ordering: .relaxed)
        let nanoseconds = ticket.due.subtractingSaturated(ticket.asked)
        tally.addWaitingTime(nanoseconds)
        if meters.isAttached { meters.record(0, nanoseconds: nanoseconds) }
    }
}
