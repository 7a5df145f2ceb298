internal import ResilienceCore
internal import Synchronization

/// A quota as one node uses it: the word that calls take permits from, the state behind the lock, and the timer.
final class LeasedQuota: Sendable {
    struct Machine {
        var state: LeaseState
        var timer = TimerSlot()
        /// Whether the first batch is in the word.
        var isInWord = false
    }

    let shared: SharedQuotaLink
    let key: String?
    /// Whether each call asks the store.
    private let exact: Atomic<Bool>
    /// Calls that wait before they ask the store again.
    let exactWaiting = Atomic(0)
    let exactWaiters = Lock(ExactWaiters())
    private let origin: Int64
    private let word = LeaseWord()
    private let machine: Lock<Machine>

    init(_ shared: SharedQuotaLink, _ plan: LeasePlan) {
        self.shared = shared
        key = plan.key
        exact = Atomic(plan.isExact)
        // The present is 1 at least, so that a word of zeros is one that has ended.
        origin = shared.time.now.nanoseconds.subtractingSaturated(1)
        machine = Lock(Machine(state: LeaseState(plan, now: 1)))
    }

    deinit {
        machine.withLock { $0.timer.clear() }?.cancel()
    }

    /// What this goes by.
    var plan: LeasePlan { machine.withLock { $0.state.plan } }

    /// The same, of which a call that does not ask the store itself needs no more.
    var isExact: Bool { exact.load(ordering: .relaxed) }

    /// Goes by another rule from now on, unless a later one is in force already.
    func update(_ plan: LeasePlan) {
        let leftovers = withState { state, now in
            let leftovers = state.update(plan, now: now)
            exact.store(state.plan.isExact, ordering: .relaxed)
            return leftovers
        }
        for request in leftovers { shared.giveBack(request) }
        wakeExactWaiters()
    }

    // MARK: The path of a call

    /// Takes permits, 1 or more, if the word has them.
    func takeFast(_ permits: Int, at now: TimeSource.Instant) -> Bool {
        switch word.take(permits, at: now.nanoseconds.subtractingSaturated(origin)) {
        case .undecided: return false
        case .granted(let isLow):
            shared.tally.countPermitted()
            if isLow { withState { _, _ in } }
            return true
        }
    }

    /// Takes permits, 1 or more, if there are any for a call that does not wait.
    func tryAcquire(_ permits: Int) -> Bool {
        if takeFast(permits, at: shared.time.now) { return true }
        // The store would have to be asked.
        if isExact, !shared.link.isAway { return false }
        do {
            // With no time to wait there is no place in the line.
            if case .some = try enter(permits, maxWait: 0, deadline: .max) { return false }
            return true
        } catch {
            return false
        }
    }

    /// Asks for permits under the lock.
    ///
    /// - Parameters:
    ///   - maxWait: The longest wait; `nil` for that of the configuration.
    ///   - deadline: The last moment at which permits are of use, on the limiter's time.
    /// - Returns: A place in the line; `nil` if the permits were granted.
    func enter(_ permits: Int, maxWait: Int64?, deadline: Int64) throws -> LeaseTicket? {
        let (decision, isAlone) = withState { state, now -> (LeaseState.Decision, Bool) in
            let latest = min(now.addingSaturated(maxWait ?? state.plan.maxWait), deadline.subtractingSaturated(origin))
            let decision = state.ask(permits, now: now, latest: latest)
            switch decision {
            case .granted: shared.postPermitted(permits, waited: 0, key: key)
            case .queued: break
            case .refused(let refusal): shared.postRejected(error(of: refusal, permits), key: key)
            }
            if case .granted(.some) = decision { return (decision, false) }
            return (decision, state.isAway)
        }
        if isAlone { shared.countDecisionAlone() }
        switch decision {
        case .granted: return nil
        case .queued(let ticket): return ticket
        case .refused(let refusal): throw error(of: refusal, permits)
        }
    }

    /// Waits until a ticket has been granted.
    nonisolated(nonsending) func wait(for ticket: LeaseTicket) async throws {
        try await ticket.waiter.value { [self] in cancel(ticket, grantToo: false) }
        // Granted at the very moment of being cancelled.
        if Task.isCancelled {
            _ = cancel(ticket, grantToo: true)
            throw CancellationError()
        }
    }

    private func cancel(_ ticket: LeaseTicket, grantToo: Bool) -> Bool {
        withState { state, now in
            let wasQueued = state.cancel(ticket, now: now, grantToo: grantToo)
            if wasQueued || grantToo { shared.postCancelled(ticket.permits, key: key) }
            return wasQueued
        }
    }

    func error(of refusal: LeaseState.Refusal, _ permits: Int) -> any PolicyRejection {
        switch refusal {
        case .limit(let retryAfter):
            RateLimiter.RejectedError(
                policyName: shared.name, permits: permits, retryAfter: .nanoseconds(max(0, retryAfter)))
        case .never(let burst):
            RateLimiter.ExceedsLimitError(policyName: shared.name, permits: permits, burst: burst)
        case .unavailable: SharedRateLimiter.UnavailableError(policyName: shared.name)
        }
    }

    // MARK: Reading

    var figures: (held: Int, waiting: Int) {
        let (held, waiting) = withState { state, now in (state.held(now), state.waiting) }
        return (held, waiting.addingSaturated(exactWaiting.load(ordering: .relaxed)))
    }

    /// Whether nothing would be lost with this, once its permits are given back. Does nothing but look.
    var isForgettable: Bool {
        machine.withLock { $0.state.waiting == 0 && $0.state.flight == nil }
    }

    /// Takes all permits that are held, to be given back.
    func giveUpAll() -> [PermitRequest] { withState { state, _ in state.giveUpAll() } }

    // MARK: Around the lock

    private struct Step<Result: Sendable>: Sendable {
        let result: Result
        let ended: [LeaseTicket]
        let timer: TimerSlot.Action
        let request: (request: PermitRequest, number: Int)?
    }

    /// Runs `body` under the lock, on the whole state; then does what is to be done.
    @discardableResult
    func withState<Result: Sendable>(_ body: (inout LeaseState, Int64) -> Result) -> Result {
        let isAway = shared.link.isAway
        let now = shared.time.now.nanoseconds.subtractingSaturated(origin)
        let step = machine.withLock { machine -> Step<Result> in
            if machine.isInWord {
                machine.state.setFirst(word.takeOutLocked())
                machine.isInWord = false
            }
            machine.state.advance(to: now, isAway: isAway)
            let result = body(&machine.state, now)
            let action = machine.state.takeAction(now)
            shared.count(action.counts)
            for ticket in action.ended { postLocked(ticket, isAway: isAway) }
            let wake = action.wake.map { TimeSource.Instant(nanoseconds: $0.addingSaturated(origin)) }
            let timer = machine.timer.action(for: wake)
            putWordBackLocked(&machine)
            return Step(result: result, ended: action.ended, timer: timer, request: action.request)
        }
        for ticket in step.ended { finish(ticket) }
        step.timer.cancelled?.cancel()
        if let next = step.timer.next { setTimer(next.number, at: next.deadline) }
        if let (request, number) = step.request { send(request, number) }
        shared.events.deliver()
        return step.result
    }

    /// While a call waits, or an observer listens to the order of events, all permits stay under the lock.
    private func putWordBackLocked(_ machine: inout Machine) {
        guard machine.state.waiting == 0, !shared.events.isListening, let batch = machine.state.batches.first else {
            return
        }
        machine.isInWord = true
        // What is left in later batches is not in the word: the last permit of this one is the time to ask for more.
        let later = machine.state.batches.dropFirst().reduce(0) { $0.addingSaturated($1.permits) }
        word.putBackLocked(batch.permits, until: batch.end, low: max(0, machine.state.low - later))
    }

    /// Counts how a wait has ended, and posts its event.
    private func postLocked(_ ticket: LeaseTicket, isAway: Bool) {
        switch ticket.phase {
        case .granted(let batch):
            if batch == nil { shared.countDecisionAlone() }
            shared.postPermitted(
                ticket.permits, waited: ticket.ended.subtractingSaturated(ticket.asked), key: key)
        case .refused(let refusal):
            if isAway { shared.countDecisionAlone() }
            shared.postRejected(error(of: refusal, ticket.permits), key: key)
        case .queued, .cancelled: break
        }
    }

    /// Tells the task that waits, outside the lock.
    private func finish(_ ticket: LeaseTicket) {
        if case .refused(let refusal) = ticket.phase {
            ticket.waiter.finish(with: .failure(error(of: refusal, ticket.permits)))
        } else {
            ticket.waiter.finish()
        }
    }

    private func send(_ request: PermitRequest, _ number: Int) {
        shared.link.perform { [store = shared.store] in
            try await store.take(request)
        } late: { [weak self] grant in
            self?.withState { state, now in state.late(grant, now: now) }
        } done: { [weak self] result in
            self?.withState { state, now in
                switch result {
                case .success(let grant): state.finish(number, grant, now: now)
                case .failure: state.fail(number, now: now)
                }
            }
        }
        shared.countExchange()
    }

    /// Sets the timer, outside the lock because the clock may fire it at once.
    private func setTimer(_ number: UInt64, at deadline: TimeSource.Instant) {
        let new = shared.time.schedule(at: deadline) { [weak self] in
            guard let self, machine.withLock({ $0.timer.fire(number) }) else { return }
            withState { _, _ in }
        }
        machine.withLock { $0.timer.keep(new, number) }?.cancel()
    }
}
