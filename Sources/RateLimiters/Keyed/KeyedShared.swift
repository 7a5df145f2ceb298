public import ResilienceCore
internal import Synchronization

/// What a keyed limiter has beside its keys; not generic, so that what rarely happens is compiled once.
@usableFromInline
final class KeyedShared: Sendable {
    /// The ticket of a call in the queue of a key.
    @usableFromInline
    struct QueuedTicket: Sendable {
        let ticket: Ticket
        /// The generation of the rule by which it was judged.
        let generation: UInt64
    }

    @usableFromInline let time: TimeSource
    @usableFromInline let events: EventChannel<RateLimiter.KeyedEventKind>
    let name: String
    let rootContext: Context
    let tally: LimiterTally
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
        tally = LimiterTally(environment, Families.meterLayout)
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
        context.lastMoment(on: time, now: now).nanoseconds
    }

    /// The same of the call that the task is within, if there is one.
    @usableFromInline
    func outerDeadline(_ now: TimeSource.Instant) -> Int64 {
        CallLimit.current == nil ? .max : deadline(of: rootContext, now)
    }

    /// The ticket of a call that has to wait; `nil` reply: there was no place for its key.
    @usableFromInline
    func queued(_ reply: KeyedReply?, _ permits: Int) throws -> QueuedTicket? {
        guard let reply else { throw tooManyKeys }
        switch reply.decision {
        case .granted: return nil
        case .queued(let ticket):
            waiting.wrappingAdd(1, ordering: .relaxed)
            return QueuedTicket(ticket: ticket, generation: reply.generation)
        case .refused, .never, .doubtful: throw refusal(reply, permits) ?? tooManyKeys
        }
    }

    private func refusal(_ reply: KeyedReply, _ permits: Int) -> (any PolicyRejection)? {
        switch reply.decision {
        case .granted, .queued, .doubtful: nil
        case .refused(let retryAfter): RateLimiter.rejection(by: name, permits, after: retryAfter, burst: 0)
        case .never(let burst): RateLimiter.rejection(by: name, permits, after: nil, burst: burst)
        }
    }

    // MARK: Notifying

    /// Notifies observers of what became of a request.
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
            if let error = ticket.rejection(by: name, burst: actions.burst) {
                events.post(.rejected(key: key, error))
            } else {
                events.post(.permitted(key: key, permits: ticket.permits, waited: .nanoseconds(ticket.waited)))
            }
        }
    }

    /// Tells the task that waits, outside the lock.
    func finish(_ ticket: Ticket, burst: Int) {
        guard ticket.waiter != nil else { return }
        waiting.wrappingSubtract(1, ordering: .relaxed)
        ticket.finish(by: name, burst: burst)
    }

    func addObserver(_ observer: any PolicyObserver) {
        tally.meters.attach(observer)
        events.add(observer)
    }
}
