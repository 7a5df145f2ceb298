internal import ResilienceCore
internal import Synchronization

/// Permits of which each is asked for at the store.
extension LeasedQuota {
    /// Asks the store until it grants the permits, or cannot in time.
    ///
    /// - Returns: Whether it is decided otherwise now: by the node alone because the store is away, or by permits
    ///   that it leases.
    nonisolated(nonsending) func acquireExactly(
        _ permits: Int, latest: Int64, since start: TimeSource.Instant
    ) async throws -> Bool {
        while !shared.link.isAway, isExact {
            let version = plan.version
            let answer: PermitGrant?
            do {
                answer = try await take(permits)
            } catch {
                shared.notifyCancelled(permits, key: key)
                throw error
            }
            guard let answer else { break }
            let now = shared.time.now.nanoseconds
            guard answer.granted < permits else {
                shared.notifyPermitted(permits, waited: now.subtractingSaturated(start.nanoseconds), key: key)
                return false
            }
            guard let wait = answer.retryAfter else {
                throw shared.notifyRejected(.never(burst: plan.storeRule.burst), permits, self)
            }
            let due = now.addingSaturated(max(1000, wait.saturatedNanoseconds))
            guard due <= latest else {
                throw shared.notifyRejected(.limit(retryAfter: due.subtractingSaturated(now)), permits, self)
            }
            do {
                try await waitExactly(until: due, latest: latest, wait: wait, by: version)
            } catch {
                shared.notifyCancelled(permits, key: key)
                throw error
            }
        }
        return true
    }

    /// Waits before the store is asked again.
    ///
    /// The store tells all waiting calls the same time. They come back spread over as much as it takes for all of them,
    /// so that it is asked about once for each permit, and at the latest when it is too late to wait longer. All at
    /// once when there is another rule, which may have permits for them now.
    private nonisolated(nonsending) func waitExactly(
        until due: Int64, latest: Int64, wait: Duration, by version: Int
    ) async throws {
        let others = exactWaiting.wrappingAdd(1, ordering: .relaxed).oldValue
        defer { exactWaiting.wrappingSubtract(1, ordering: .relaxed) }
        let spread = wait.multipliedSaturated(by: Double(others) * shared.random.next()).saturatedNanoseconds
        let instant = min(due.addingSaturated(max(0, spread)), latest)
        let waiter = Waiter<Void>()
        let number = exactWaiters.withLock { $0.add(waiter) }
        let timer = shared.time.schedule(at: TimeSource.Instant(nanoseconds: max(due, instant))) { waiter.finish() }
        defer {
            timer.cancel()
            exactWaiters.withLock { $0.remove(number) }
        }
        if plan.version != version { return }
        try await waiter.value { true }
    }

    /// Asks the store once; `nil` if it did not answer in time.
    ///
    /// A grant that comes too late, or for a call that has given up, is given back.
    private nonisolated(nonsending) func take(_ permits: Int) async throws -> PermitGrant? {
        let request = plan.request(wanted: permits, minimum: permits)
        let waiter = Waiter<PermitGrant?>()
        let claim = Lock(Claim.open)
        shared.link.perform { [store = shared.store] in
            try await store.take(request)
        } late: { [weak self] grant in
            self?.giveBack(grant)
        } done: { [weak self] result in
            let grant = try? result.get()
            let isWanted = claim.withLock { claim in
                guard claim == .open else { return false }
                claim = .answered
                return true
            }
            if isWanted { waiter.finish(with: .success(grant)) } else if let grant { self?.giveBack(grant) }
        }
        shared.countExchange()
        return try await waiter.value {
            claim.withLock { claim in
                guard claim == .open else { return false }
                claim = .abandoned
                return true
            }
        }
    }

    /// Ends the waits of all calls, which then ask again.
    func wakeExactWaiters() {
        for waiter in exactWaiters.withLock({ $0.waiters.values.map(\.self) }) { waiter.finish() }
    }

    /// The calls that wait before they ask the store again.
    struct ExactWaiters: Sendable {
        fileprivate(set) var waiters: [Int: Waiter<Void>] = [:]
        private var number = 0

        fileprivate mutating func add(_ waiter: Waiter<Void>) -> Int {
            number += 1
            waiters[number] = waiter
            return number
        }

        fileprivate mutating func remove(_ number: Int) { waiters[number] = nil }
    }

    private enum Claim { case open, answered, abandoned }

    private func giveBack(_ grant: PermitGrant) {
        guard grant.granted > 0 else { return }
        shared.giveBack(
            plan.request(wanted: 0, minimum: 0, returned: grant.granted, receipt: grant.receipt))
    }
}

extension SharedQuotaLink {
    fileprivate func notifyPermitted(_ permits: Int, waited: Int64, key: String?) {
        postPermitted(permits, waited: waited, key: key)
        events.deliver()
    }

    fileprivate func notifyCancelled(_ permits: Int, key: String?) {
        postCancelled(permits, key: key)
        events.deliver()
    }

    fileprivate func notifyRejected(
        _ refusal: LeaseState.Refusal, _ permits: Int, _ quota: LeasedQuota
    ) -> any PolicyRejection {
        let error = quota.error(of: refusal, permits)
        postRejected(error, key: quota.key)
        events.deliver()
        return error
    }
}
