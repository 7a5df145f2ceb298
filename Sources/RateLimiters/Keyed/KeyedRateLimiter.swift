public import ResilienceCore
internal import Synchronization

/// Limits the calls of each key by itself: of each tenant, user, address or route.
///
/// ```swift
/// let limiter = try KeyedRateLimiter<String>("api", .tokenBucket(100, per: .seconds(1), burst: 20))
/// let answer = try await limiter.execute(for: tenant) { try await backend.answer(request) }
/// ```
///
/// Every key has permits of its own by the same rule. A key is remembered only while permits of it are in use, so that
/// memory grows with the keys that are active at once, up to ``RateLimiter/KeyedConfiguration/maxKeys``, at 50 to 90
/// bytes beside the key (a sliding log takes about 50 more, and 16 to 32 for each permit). Keys are spread over many
/// locks.
///
/// A key's `==` runs under such a lock and must not use the limiter. All members may be used from any task at once.
public final class KeyedRateLimiter<Key: Hashable & Sendable>: Sendable {
    /// How many permits each key has, and how many keys there may be.
    public typealias Configuration = RateLimiter.KeyedConfiguration

    @usableFromInline let table: KeyedTable<Key, KeyedRate>
    @usableFromInline let shared: KeyedShared

    /// Creates a limiter.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - configuration: How many permits each key has, how long a call waits for one, and how many keys there may be.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        let environment = PolicyEnvironment(name: name, time: TimeSource(clock), observers: observers)
        self.init(environment, configuration)
    }

    /// Creates a limiter from its rule.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - rule: How many permits each key has, and when.
    ///   - maxWait: How long a call waits for its permits at most, zero or more. Default: zero, it is rejected at once.
    ///   - maxKeys: The most keys of which something is remembered at once. Default: 100 000.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ rule: RateLimiter.Rule, maxWait: Duration = .zero, maxKeys: Int = 100_000,
        clock: some Clock<Duration> = ContinuousClock(), observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init(
            name, Configuration(rule: rule, maxWait: maxWait, maxKeys: maxKeys), clock: clock, observers: observers)
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        shared = KeyedShared(environment, configuration)
        table = KeyedTable(
            limit: configuration.maxKeys,
            KeyedRate.Common(configuration.single, anchor: environment.time.now.nanoseconds))
    }

    /// The limiter's name in errors, events and metrics.
    public var name: String { shared.name }

    // MARK: The path of a call

    /// Takes permits of a key if they are there now, and no call waits for them.
    ///
    /// - Parameters:
    ///   - key: Whose permits.
    ///   - permits: How many. None or fewer count as none and are always there.
    /// - Returns: Whether they were taken.
    @inlinable
    public func tryAcquire(for key: Key, permits: Int = 1) -> Bool {
        guard let reply = ask(key, max(0, permits), now: shared.time.now, maxWait: 0, deadline: .max) else {
            return false
        }
        if case .granted = reply.decision { return true }
        return false
    }

    /// Runs the rest of a call when there is a permit of the key for it.
    @inlinable
    nonisolated(nonsending) func execute(
        for key: Key, _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if let queued = try admit(key, context) { try await wait(for: queued, key) }
        try await next(context)
    }

    /// Takes the permits of a call, or a place in the key's queue.
    @inlinable
    func admit(_ key: Key, _ context: Context) throws -> KeyedShared.QueuedTicket? {
        let permits = context.carriesValues ? max(0, context[RateLimiter.Permits.self] ?? 1) : 1
        let now = shared.time.now
        let deadline = context.deadline == nil ? Int64.max : shared.deadline(of: context, now)
        let reply = ask(key, permits, now: now, maxWait: nil, deadline: deadline)
        if let reply, case .granted = reply.decision { return nil }
        return try shared.queued(reply, permits)
    }

    /// Asks for permits; `nil` if the key is new and there is no place for it.
    @inlinable
    func ask(
        _ key: Key, _ permits: Int, now: TimeSource.Instant, maxWait: Int64?, deadline: Int64
    ) -> KeyedReply? {
        let answer = table.withValue(for: key, now: now, replacing: shared.replaces, initial: KeyedRate.init) {
            rate, common in
            rate.ask(permits, now: now.nanoseconds, maxWait: maxWait, deadline: deadline, common)
        } record: { reply, common in
            common.count(reply, at: now.nanoseconds)
            if shared.events.isListening { shared.postLocked(reply, key, permits) }
        }
        if case .answered(let reply, _) = answer, case .doubtful(let latest) = reply.decision {
            return askAgain(key, permits, after: latest, maxWait: maxWait, deadline: deadline)
        }
        if case .answered(let reply, forgotten: nil) = answer, reply.actions == nil, !shared.events.isListening {
            return reply
        }
        return conclude(answer, key)
    }

    /// Asks at a moment that is read after another was seen that lies ahead: if it is ahead still, it was a wrong one.
    @usableFromInline
    func askAgain(
        _ key: Key, _ permits: Int, after latest: Int64, maxWait: Int64?, deadline: Int64
    ) -> KeyedReply? {
        let now = shared.time.now
        if now.nanoseconds < latest { rewind(to: now.nanoseconds, if: latest) }
        let answer = table.withValue(for: key, now: now, replacing: shared.replaces, initial: KeyedRate.init) {
            rate, common in
            rate.ask(permits, now: now.nanoseconds, maxWait: maxWait, deadline: deadline, isFinal: true, common)
        } record: { reply, common in
            common.count(reply, at: now.nanoseconds)
            if shared.events.isListening { shared.postLocked(reply, key, permits) }
        }
        return conclude(answer, key)
    }

    /// The present for one key, after a look at whether others have seen a later one.
    func present(for key: Key) -> TimeSource.Instant {
        let now = shared.time.now
        let latest = table.read(key) { _, common in common.advancedTo }
        guard latest > now.nanoseconds else { return now }
        let again = shared.time.now
        if again.nanoseconds < latest { rewind(to: again.nanoseconds, if: latest) }
        return again
    }

    /// Goes back to the present in all shards that have seen a moment of which it is known that it has not come.
    private func rewind(to now: Int64, if latest: Int64) {
        let changes = table.forEachShard { common, visit -> [(Key, KeyedActions)] in
            guard common.advancedTo >= latest else { return [] }
            common.advancedTo = now
            let present = common
            var changes: [(Key, KeyedActions)] = []
            visit { key, rate in
                guard let actions = rate.rewind(to: now, if: latest, present) else { return }
                shared.postLocked(actions, key)
                changes.append((key, actions))
            }
            return changes
        }
        for (key, actions) in changes.joined() { perform(actions, key) }
        shared.events.deliver()
    }

    /// What is rarely left to do after a request.
    @usableFromInline
    func conclude(_ answer: KeyedTable<Key, KeyedRate>.Answer<KeyedReply>, _ key: Key) -> KeyedReply? {
        defer { shared.events.deliver() }
        switch answer {
        case .full:
            shared.refusedKeys.wrappingAdd(1, ordering: .relaxed)
            shared.events.post(.rejected(key: key, shared.tooManyKeys))
            return nil
        case .answered(let reply, let forgotten):
            if let forgotten {
                shared.forgottenKeys.wrappingAdd(1, ordering: .relaxed)
                shared.events.post(.forgotten(key: forgotten))
            }
            if let actions = reply.actions { perform(actions, key) }
            return reply
        }
    }

    // MARK: Around the queue of a key

    /// Waits until permits were granted, and counts how that ends.
    @usableFromInline
    nonisolated(nonsending) func wait(for queued: KeyedShared.QueuedTicket, _ key: Key) async throws {
        do {
            try await queued.ticket.waiter?.value { [self] in cancel(queued, key, grantToo: false) }
        } catch {
            shared.tally.countEnd(error)
            throw error
        }
        // Granted at the very moment of being cancelled.
        if Task.isCancelled {
            _ = cancel(queued, key, grantToo: true)
            shared.tally.countCancelled()
            throw CancellationError()
        }
        shared.tally.countGranted(queued.ticket)
    }

    /// Gives up a place in the queue.
    ///
    /// - Returns: Whether it was still there.
    private func cancel(_ queued: KeyedShared.QueuedTicket, _ key: Key, grantToo: Bool) -> Bool {
        let now = shared.time.now.nanoseconds
        let ticket = queued.ticket
        let (wasQueued, actions) =
            table.withExistingValue(for: key) { rate, common in
                common.advancedTo = max(common.advancedTo, now)
                let result = rate.cancel(ticket, of: queued.generation, now: now, grantToo: grantToo, common)
                if result.wasQueued || grantToo {
                    shared.events.post(.cancelled(key: key, permits: ticket.permits))
                }
                if let actions = result.actions { shared.postLocked(actions, key) }
                return result
            } ?? (false, nil)
        if wasQueued { shared.waiting.wrappingSubtract(1, ordering: .relaxed) }
        if let actions { perform(actions, key) }
        shared.events.deliver()
        return wasQueued
    }

    /// Resumes the calls whose wait has ended, and sets the timer for the next; outside the lock.
    func perform(_ actions: KeyedActions, _ key: Key) {
        for ticket in actions.ended { shared.finish(ticket, burst: actions.burst) }
        actions.timer.cancelled?.cancel()
        guard let (number, deadline) = actions.timer.next else { return }
        let queue = actions.queue
        let timer = shared.time.schedule(at: deadline) { [weak self, weak queue] in
            if let queue { self?.fire(queue, number, key) }
        }
        // A queue that has gone meanwhile needs no timer either.
        let unneeded = table.read(key) { rate, _ in
            guard case .awaited(let present) = rate?.phase, present === queue else {
                return timer as (any ScheduledTimer)?
            }
            return queue.timer.keep(timer, number)
        }
        unneeded?.cancel()
    }

    private func fire(_ queue: KeyedQueue, _ number: UInt64, _ key: Key) {
        let now = shared.time.now.nanoseconds
        let actions = table.withExistingValue(for: key) { rate, common -> KeyedActions? in
            common.advancedTo = max(common.advancedTo, now)
            guard let actions = rate.fire(queue, number, now: now, common) else { return nil }
            shared.postLocked(actions, key)
            return actions
        }
        if case .some(.some(let actions)) = actions { perform(actions, key) }
        shared.events.deliver()
    }
}
