internal import ResilienceCore

extension EventDetails {
    mutating func add(_ event: Policy.Event) {
        switch event {
        case .succeeded(_, let duration): add(seconds: "duration", duration)
        case .failed(_, let duration, let error):
            add(seconds: "duration", duration)
            add(error)
        }
    }

    mutating func add(_ event: CircuitBreaker.Event) {
        switch event {
        case .transition(_, let transition):
            add("from", transition.from.rawValue)
            add("to", transition.to.rawValue)
            add("reason", transition.reason.description)
            add(transition.counts)
            add(seconds: "break", transition.breakLength)
            if let error = transition.lastFailure { add(error) }
        case .wouldOpen(_, let reason, let counts):
            add("reason", reason.description)
            add(counts)
        case .reset(_, let state, let counts):
            add("state", state.rawValue)
            add(counts)
        case .called(_, let outcome, let duration, let isSlow):
            add("outcome", "\(outcome)")
            add(seconds: "duration", duration)
            add("slow", isSlow)
        case .rejected(_, let error):
            add("state", error.state.rawValue)
            add(error)
        }
    }

    private mutating func add(_ counts: CircuitBreaker.Counts) {
        add("calls", counts.calls)
        add("failures", counts.failures)
        add("failure_rate", counts.failureRate)
        add("slow_calls", counts.slow)
    }

    mutating func add(_ event: Retry.Event) {
        switch event {
        case .attemptFailed(_, let failed):
            add("attempt", failed.attempt)
            add(seconds: "delay", failed.delay)
            add(failed.error)
        case .succeeded(_, let attempts): add("attempts", attempts)
        case .gaveUp(_, let attempts, let reason, let error):
            add("attempts", attempts)
            add("reason", reason.description)
            add(error)
        }
    }

    mutating func add(_ event: Timeout.Event) {
        switch event {
        case .exceeded(_, let limit, let duration, let isLateSuccess):
            add(seconds: "limit", limit)
            add(seconds: "duration", duration)
            add("late_success", isLateSuccess)
        case .refused(_, let limit): add(seconds: "limit", limit)
        case .abandoned(_, let limit, let isCancelledByCaller):
            add(seconds: "limit", limit)
            add("cancelled_by_caller", isCancelledByCaller)
        case .abandonedEnded(_, let duration): add(seconds: "duration", duration)
        }
    }

    mutating func add(_ event: Hedge.Event) {
        switch event {
        case .started(_, let attempt, let trigger, let time), .refused(_, let attempt, let trigger, let time):
            add("attempt", attempt)
            add("trigger", trigger.description)
            add(seconds: "elapsed", time)
        case .won(_, let attempt, let time), .lost(_, let attempt, let time):
            add("attempt", attempt)
            add(seconds: "elapsed", time)
        case .failed(_, let attempts, let error):
            add("attempts", attempts)
            add(error)
        }
    }

    mutating func add(_ event: Bulkhead.Event) {
        switch event {
        case .permitted(_, let waited, let inUse):
            add(seconds: "waited", waited)
            add("in_use", inUse)
        case .queued(_, let queued): add("queued", queued)
        case .rejected(_, let error): add(error)
        case .cancelled(_, let waited): add(seconds: "waited", waited)
        case .finished(_, let duration, let inUse):
            add(seconds: "duration", duration)
            add("in_use", inUse)
        case .limitChanged(_, let old, let new, let isAdaptive):
            add("from", old)
            add("to", new)
            add("adaptive", isAdaptive)
        }
    }

    mutating func add(_ event: RateLimiter.Event) {
        switch event {
        case .permitted(_, let permits, let waited):
            add("permits", permits)
            add(seconds: "waited", waited)
        case .rejected(_, let error): add(error)
        case .cancelled(_, let permits), .drained(_, let permits): add("permits", permits)
        case .updated(_, let configuration): add("rule", "\(configuration.rule)")
        }
    }

    mutating func add(_ event: RateLimiter.KeyedEvent) {
        switch event {
        case .permitted(_, _, let permits, let waited):
            add("permits", permits)
            add(seconds: "waited", waited)
        case .rejected(_, _, let error): add(error)
        case .cancelled(_, _, let permits): add("permits", permits)
        case .forgot: break
        case .updated(_, let configuration): add("rule", "\(configuration.rule)")
        }
    }

    mutating func add(_ event: AdaptiveThrottle.Event) {
        switch event {
        case .throttling(_, let probability): add("probability", probability)
        case .recovered: break
        case .called(_, let outcome, let duration):
            add("outcome", "\(outcome)")
            add(seconds: "duration", duration)
        case .rejected(_, let error): add(error)
        }
    }

    mutating func add(_ event: FallbackEvent) {
        switch event {
        case .served(let served, let time, let cause):
            add("step", served.step)
            add(seconds: "age", served.age)
            add(seconds: "elapsed", time)
            add(cause)
        case .stepFailed(_, let end, let time):
            add("step", end.step)
            add("reason", end.reason.description)
            add(seconds: "elapsed", time)
        case .stepSkipped(_, let end):
            add("step", end.step)
            add("reason", end.reason.description)
        case .exhausted(_, let time, let cause):
            add(seconds: "elapsed", time)
            add(cause)
        }
    }

    mutating func add(_ event: StaleWhileRevalidateEvent) {
        switch event {
        case .refreshed(_, let time), .refreshDiscarded(_, let time): add(seconds: "duration", time)
        case .refreshFailed(_, let time, let error):
            add(seconds: "duration", time)
            add(error)
        case .refreshRefused: break
        }
    }

    mutating func add(_ event: PolicyFamilyEvent) {
        switch event {
        case .overflowed(_, let limit): add("limit", limit)
        }
    }

    mutating func add(_ event: ResilienceModule.Event) {
        switch event {
        case .stateChanged(_, let old, let new):
            add("from", old.rawValue)
            add("to", new.rawValue)
        case .registered(_, let kind, let name), .removed(_, let kind, let name):
            add("kind", kind)
            add("name", name)
        case .reloaded: break
        case .reloadFailed(_, let error), .stateStoreFailed(_, let error): add(error)
        case .ended(_, let report):
            add(seconds: "duration", report.duration)
            add("calls_in_flight", report.callsInFlight)
            add("cancelled_calls", report.cancelledCalls)
            add("abandoned_calls", report.abandonedCalls)
        }
    }
}
