public import ResilienceCore

/// How the operation is called, for no caller or for several at once.
extension KeyedStaleWhileRevalidate {
    @usableFromInline var rootContext: Context { policy?.rootContext ?? unprotected.rootContext }

    /// The value that is kept, if it may serve, or a place to wait for one; begins what is to be begun. Not inlined,
    /// for the sake of the lock; see ``LastGoodKeeper``.
    @inlinable
    @inline(never)
    func ask(_ key: Key, begin: (RevalidationState<Key, Value>.Flight) -> Task<Void, Never>)
        -> RevalidationState<Key, Value>.Decision
    {
        let now = time.now
        // Begun under the lock, so that a call is known before it can have ended.
        let answer = state.withLock { state -> RevalidationState<Key, Value>.Decision in
            guard let (kept, refresh) = state.ask(key, at: now) else {
                let (place, flight) = state.join(key, at: now)
                if let flight { state.begun(flight, begin(flight)) }
                return .wait(place)
            }
            switch refresh {
            case .none: break
            case .refresh(let flight): state.begun(flight, begin(flight))
            case .refused: return .kept(kept, isRefused: true)
            }
            return .kept(kept)
        }
        if case .kept(_, isRefused: true) = answer { notifyRefused() }
        return answer
    }

    @usableFromInline
    func notifyRefused() { events.notify(.refreshRefused) }

    /// Calls the operation, in a task that belongs to no caller, and so is not bound by the deadline of one.
    ///
    /// - Parameter context: That of the caller, if it is to hear of attempts. A refresh belongs to no caller.
    @usableFromInline
    func fly(
        _ flight: RevalidationState<Key, Value>.Flight, _ key: Key, _ context: Context?,
        _ isAccepted: @escaping @Sendable (Value) -> Bool,
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) -> Task<Void, Never> {
        let root = rootContext
        let context = flight.isRefresh ? root : context ?? root
        func begin() -> Task<Void, Never> {
            // Where the caller runs, and nowhere else.
            Task(name: flight.isRefresh ? refreshName : loadName, executorPreference: preferredExecutor) {
                [weak self, policy, unprotected] in
                let result: Result<RevalidationState<Key, Value>.Loaded, any Error>
                var isCancelled = false
                do {
                    let outcome =
                        if let policy {
                            try await policy.outcome(from: context, accepting: isAccepted, operation)
                        } else {
                            try await unprotected.outcome(from: context, accepting: isAccepted, operation)
                        }
                    result = .success(.init(value: outcome.value, unaccepted: outcome.unaccepted))
                } catch {
                    isCancelled = CallEnd(error) == .cancelled
                    result = .failure(error)
                }
                self?.end(flight, key, result, isCancelled: isCancelled)
            }
        }
        // The caller waits for a load, which therefore may use the places that the caller holds.
        return flight.isRefresh ? Background.begin(begin) : withoutOuterDeadline(begin)
    }

    private func end(
        _ flight: RevalidationState<Key, Value>.Flight, _ key: Key,
        _ result: Result<RevalidationState<Key, Value>.Loaded, any Error>, isCancelled: Bool
    ) {
        let now = time.now
        // What is dropped is the user's, and released outside the lock.
        guard flight.isRefresh else {
            let (waiters, dropped) = state.withLock {
                $0.endLoad(flight, key, result, isCancelled: isCancelled, at: now)
            }
            _ = dropped
            for waiter in waiters { waiter.finish(with: result) }
            return
        }
        let result = RevalidationState<Key, Value>.RefreshResult(result)
        let (end, dropped) = state.withLock {
            $0.endRefresh(flight, key, result, isCancelled: isCancelled, at: now)
        }
        _ = dropped
        let time = flight.start.instant.duration(to: now)
        switch end {
        case .refreshed: events.notify(.refreshed(duration: time))
        case .discarded: events.notify(.refreshDiscarded(duration: time))
        case .failed(let error): events.notify(.refreshFailed(duration: time, error: error))
        case .cancelled: break
        }
    }

    /// Waits for a call that was made.
    @usableFromInline
    func loaded(
        _ answer: RevalidationState<Key, Value>.Decision
    ) async throws -> RevalidationState<Key, Value>.Loaded {
        switch answer {
        case .kept(let kept, _): .init(value: kept.value, unaccepted: nil)
        case .wait(let place): try await place.waiter.value { self.leave(place) }
        }
    }

    private func leave(_ place: RevalidationState<Key, Value>.Place) -> Bool {
        let (hasLeft, cancelled) = state.withLock { $0.leave(place) }
        cancelled?.cancel()
        return hasLeft
    }
}
