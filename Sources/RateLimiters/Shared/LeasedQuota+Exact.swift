internal import ResilienceCore
internal import Synchronization

/// Permits of which each is asked for at the store.
extension LeasedQuota {
    /// Asks the store until it grants the permits, or cannot in time.
    ///
    /// - Returns: Whether the node has to decide alone, because the store is away.
    nonisolated(nonsending) func acquireExactly(
        _ permits: Int, latest: Int64, since start: TimeSource.Instant
    ) async throws -> Bool {
        while !shared.link.isAway {
            let answer: PermitGrant?
            do {
                answer = try await take(permits)
            } catch {
                shared.noteCancelled(permits, key: plan.key)
                throw error
            }
            guard let answer else { break }
            let now = shared.time.now.nanoseconds
            guard answer.granted < permits else {
                shared.notePermitted(permits, waited: now.subtractingSaturated(start.nanoseconds), key: plan.key)
                return false
            }
            guard let wait = answer.retryAfter else { throw shared.noteRejected(.never, permits, self) }
            let due = now.addingSaturated(max(1000, wait.saturatedNanoseconds))
            guard due <= latest else {
                throw shared.noteRejected(.limit(retryAfter: due.subtractingSaturated(now)), permits, self)
            }
            do {
                try await waitExactly(until: due, latest: latest, wait: wait)
            } catch {
                shared.noteCancelled(permits, key: plan.key)
                throw error
            }
        }
        return true
    }

    /// Waits before the store is asked again.
    ///
    /// The store tells all who wait the same time. They come back spread over as much as it takes for all of them, so
    /// that it is asked about once for each permit, and at the latest when it is too late to wait longer.
    private nonisolated(nonsending) func waitExactly(
        until due: Int64, latest: Int64, wait: Duration
    ) async throws {
        let others = exactWaiting.wrappingAdd(1, ordering: .relaxed).oldValue
        defer { exactWaiting.wrappingSubtract(1, ordering: .relaxed) }
        let spread = wait.multipliedSaturated(by: Double(others) * shared.random.next()).saturatedNanoseconds
        let instant = min(due.addingSaturated(max(0, spread)), latest)
        try await shared.time.sleep(until: TimeSource.Instant(nanoseconds: max(due, instant)))
    }

    /// Asks the store once; `nil` if it did not answer in time.
    ///
    /// A grant that comes too late, or for a caller who has given up, is given back.
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

    private enum Claim { case open, answered, abandoned }

    private func giveBack(_ grant: PermitGrant) {
        guard grant.granted > 0 else { return }
        let request = plan.request(wanted: 0, minimum: 0, returned: grant.granted, receipt: grant.receipt)
        shared.link.perform { [store = shared.store] in
            try await store.take(request)
        } done: { _ in
        }
        shared.countExchange()
    }
}

extension SharedQuotaLink {
    fileprivate func notePermitted(_ permits: Int, waited: Int64, key: String?) {
        permit(permits, waited: waited, key: key)
        events.deliver()
    }

    fileprivate func noteCancelled(_ permits: Int, key: String?) {
        cancel(permits, key: key)
        events.deliver()
    }

    fileprivate func noteRejected(
        _ refusal: LeaseState.Refusal, _ permits: Int, _ quota: LeasedQuota
    ) -> any PolicyRejection {
        let error = quota.error(of: refusal, permits)
        reject(error, key: quota.plan.key)
        events.deliver()
        return error
    }
}
