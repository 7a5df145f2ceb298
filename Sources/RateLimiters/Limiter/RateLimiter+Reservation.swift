internal import ResilienceCore
internal import Synchronization

extension RateLimiter {
    /// Reserves permits, now or in the future, and tells how long until they are there.
    ///
    /// ```swift
    /// let reservation = try limiter.reserve(2)
    /// if reservation.delay < .seconds(1) {
    ///     try await reservation.wait()
    ///     try await upload(both)
    /// } else {
    ///     reservation.cancel()
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - permits: How many. None or fewer count as none and are always there.
    ///   - maxWait: How long the permits may be in coming at most, zero or more. Default: any.
    /// - Returns: A reservation, in line with all others who wait. Dropping it gives it up.
    /// - Throws: ``RejectedError`` if the permits would come later than that, or not before the deadline of the call
    ///   that the task is within; ``ExceedsLimitError`` if they never would.
    public func reserve(
        _ permits: Int = 1, maxWait: Duration = .nanoseconds(Int64.max)
    ) throws -> Reservation {
        let now = time.now
        let claim = try ask(
            max(0, permits), now: now, maxWait: max(0, maxWait.saturatedNanoseconds),
            deadline: rootContext.lastMoment(on: time, now: now).nanoseconds, isCall: false)
        return Reservation(limiter: self, claim: claim)
    }

    /// Permits that are held for the caller, who has not used them yet.
    ///
    /// Ended once: the compiler sees to it. Dropped without that, it is cancelled: its permits are returned, and those
    /// behind it move up.
    public struct Reservation: ~Copyable, Sendable {
        private let limiter: RateLimiter
        private let claim: Claim
        private var isEnded = false

        init(limiter: RateLimiter, claim: Claim) {
            self.limiter = limiter
            self.claim = claim
        }

        deinit {
            if !isEnded { limiter.cancel(claim) }
        }

        /// How many permits are reserved.
        public var permits: Int {
            switch claim {
            case .granted(let grant): grant.permits
            case .queued(let ticket): ticket.permits
            }
        }

        /// The time until the permits are there, from now; zero if they are. It may become shorter when others give up,
        /// and either way when the limiter is updated: 292 years if that has moved the permits too far away.
        public var delay: Duration {
            guard case .queued(let ticket) = claim else { return .zero }
            return .nanoseconds(limiter.withState { state, now in state.delay(of: ticket, now: now) })
        }

        /// Uses the permits. If they are not there yet, the caller sees to it that ``delay`` passes first.
        ///
        /// - Returns: `false`, and the reservation counts as rejected, if an update of the limiter has moved the
        ///   permits too far away: there is nothing to use then.
        @discardableResult
        public consuming func use() -> Bool {
            isEnded = true
            switch claim {
            case .granted(let grant):
                limiter.countUse(grant.permits, waited: 0)
                return true
            case .queued(let ticket): return limiter.useReserved(ticket)
            }
        }

        /// Waits until the permits are there, and uses them.
        ///
        /// - Throws: `CancellationError` if the task is cancelled during the wait, and ``RejectedError`` or
        ///   ``ExceedsLimitError`` if an update of the limiter has moved the permits too far away. They are returned
        ///   then.
        public consuming func wait() async throws {
            isEnded = true
            switch claim {
            case .granted(let grant): limiter.countUse(grant.permits, waited: 0)
            case .queued(let ticket): try await limiter.waitReserved(ticket)
            }
        }

        /// Returns the permits.
        public consuming func cancel() {
            isEnded = true
            limiter.cancel(claim)
        }
    }

    private func cancel(_ claim: Claim) {
        tally.countCancelled()
        switch claim {
        case .queued(let ticket): _ = cancel(ticket, grantToo: true)
        case .granted(let grant):
            withState { state, now in
                state.giveBack(grant, now: now)
                events.post(.cancelled(permits: grant.permits))
            }
        }
    }

    private func useReserved(_ ticket: Ticket) -> Bool {
        let waited = withState { state, _ -> Int64? in
            if let error = ticket.rejection(by: name, burst: state.meter.burst) {
                events.post(.rejected(error))
                return nil
            }
            return ticket.waited
        }
        if let waited {
            countUse(ticket.permits, waited: waited)
        } else {
            tally.countRejected()
        }
        return waited != nil
    }

    private func countUse(_ permits: Int, waited: Int64) {
        tally.countPermitted(waited: waited)
        guard events.isListening else { return }
        withState { _, _ in
            events.post(.permitted(permits: permits, waited: .nanoseconds(waited)))
        }
    }

    private nonisolated(nonsending) func waitReserved(_ ticket: Ticket) async throws {
        let refused = withState { state, now -> (any PolicyRejection)? in
            _ = state.wait(for: ticket, now: now)
            guard let error = ticket.rejection(by: name, burst: state.meter.burst) else { return nil }
            events.post(.rejected(error))
            return error
        }
        if let refused {
            tally.countEnd(refused)
            throw refused
        }
        guard ticket.waiter != nil else {
            return countUse(ticket.permits, waited: ticket.waited)
        }
        try await wait(for: ticket)
    }
}
