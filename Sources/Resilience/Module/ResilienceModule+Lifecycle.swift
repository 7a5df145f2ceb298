public import ResilienceCore

extension ResilienceModule {
    /// The state of a module. It only ever goes forward.
    public enum State: String, Sendable, Hashable, Codable, CaseIterable {
        /// Calls are let in; ``ResilienceModule/run()`` has not been called.
        case idle
        /// Calls are let in.
        case running
        /// No call is let in; those that run are waited for.
        case draining
        /// The end.
        case stopped
    }

    struct Lifecycle {
        var state = State.idle
        var ending: Task<ShutdownReport, Never>?
        var store: (any ModuleStateStore)?
        /// Calls that were cancelled before the grace period was over.
        var cancelledEarly = 0
        /// What runs for as long as the module does. Ends when the module begins to shut down.
        let jobs: AsyncStream<Job>
        let addJob: AsyncStream<Job>.Continuation

        init() {
            (jobs, addJob) = AsyncStream.makeStream()
        }
    }

    typealias Job = @Sendable (ResilienceModule) async -> Void

    /// The state now.
    public var state: State { lifecycle.withLock { $0.state } }

    /// Calls that are in: those of policies the module has handed out, and what ``admit(_:_:)`` runs.
    public var callsInFlight: Int { gate.count }

    /// Parks until the task is cancelled or ``shutdown(gracePeriod:)`` is called; then shuts down, and returns when that is
    /// done. Meanwhile it reloads the configuration, where that was asked for.
    ///
    /// Breaker states that a ``ModuleStateStore`` has kept are restored first.
    ///
    /// - Throws: ``LifecycleError`` if the module runs already or has ended. Not for cancellation, which is the usual end.
    @_disfavoredOverload  // Integrations with service groups bring one of their own.
    public func run() async throws(LifecycleError) {
        let (state, store, jobs) = lifecycle.withLock {
            lifecycle -> (State, (any ModuleStateStore)?, AsyncStream<Job>) in
            let state = lifecycle.state
            if state == .idle { change(&lifecycle, to: .running) }
            return (state, lifecycle.store, lifecycle.jobs)
        }
        guard state == .idle else { throw LifecycleError(module: name, state: state) }
        events.deliver()
        if let store { await restore(from: store) }
        await withTaskGroup(of: Void.self) { group in
            // Ends when the task is cancelled or the stream is finished.
            for await job in jobs { group.addTask(name: "resilience \(name)") { await job(self) } }
            group.cancelAll()
        }
        _ = await shutdown()
    }

    /// Ends the module: lets no call in, waits for those that run, cancels what is left after the grace period, stops
    /// reloading, saves the state of breakers, and has observers deliver what they hold back.
    ///
    /// May be called in every state and any number of times; all callers get the report of the one shutdown. Goes on to its
    /// end also when the caller's task is cancelled. A call within a call that is waited for is let in.
    ///
    /// - Parameter gracePeriod: How long to wait before cancelling, 0 or more. Default: that of the options. Only that of
    ///   the first caller counts.
    @discardableResult
    public func shutdown(gracePeriod: Duration? = nil) async -> ShutdownReport {
        let ending = lifecycle.withLock { lifecycle -> Task<ShutdownReport, Never> in
            if let ending = lifecycle.ending { return ending }
            change(&lifecycle, to: .draining)
            gate.close()
            lifecycle.addJob.finish()
            // A task of its own, so that what it runs does not find itself cancelled.
            let ending = Task(name: "resilience \(name) shutdown") {
                await self.end(max(.zero, gracePeriod ?? self.options.gracePeriod))
            }
            lifecycle.ending = ending
            return ending
        }
        events.deliver()
        return await ending.value
    }

    private func end(_ gracePeriod: Duration) async -> ShutdownReport {
        let start = time.now
        let running = gate.count
        var cancelled = 0
        if await !gate.waitUntilEmpty(until: start.advanced(by: gracePeriod), on: time) {
            cancelled = gate.cancelAll()
            let deadline = time.now.advanced(by: max(.zero, options.cancellationPeriod))
            _ = await gate.waitUntilEmpty(until: deadline, on: time)
        }
        // What did not listen then was cancelled again.
        cancelled = max(cancelled, lifecycle.withLock { $0.cancelledEarly })
        if let store = lifecycle.withLock({ $0.store }) {
            do {
                try await store.save(savedState)
            } catch {
                events.post(.stateStoreFailed(module: name, error: error))
            }
        }
        let report = ShutdownReport(
            module: name, duration: start.duration(to: time.now), callsInFlight: running, cancelledCalls: cancelled,
            abandonedCalls: gate.count, snapshot: snapshot(as: .stopped))
        lifecycle.withLock { lifecycle in
            change(&lifecycle, to: .stopped)
            events.post(.ended(module: name, report: report))
        }
        events.deliver()
        // Also those that hear of the module alone.
        for observer in events.observers {
            if let observer = ObserverBox.unboxed(observer) as? any FlushingObserver { await observer.flush() }
        }
        return report
    }

    private func change(_ lifecycle: inout Lifecycle, to state: State) {
        events.post(.stateChanged(module: name, from: lifecycle.state, to: state))
        lifecycle.state = state
    }

    func addJob(_ job: @escaping Job) {
        _ = lifecycle.withLock { $0.addJob.yield(job) }
    }
}

/// An observer that holds something back, such as a batch to be sent. A module has it deliver that when it ends.
public protocol FlushingObserver: PolicyObserver {
    /// Delivers what was held back. The module's end waits for it.
    func flush() async
}

extension ResilienceModule {
    /// How a module ended, and what it and all that it held had seen by then.
    public struct ShutdownReport: Sendable, Hashable, Codable, CustomStringConvertible {
        /// The module.
        public let module: String
        /// How long the shutdown took.
        public let duration: Duration
        /// Calls that ran when the shutdown began.
        public let callsInFlight: Int
        /// Calls that had not ended within the grace period and were cancelled.
        public let cancelledCalls: Int
        /// Calls that still ran at the end, because they did not listen to cancellation.
        public let abandonedCalls: Int
        /// What everything that the module held had seen, not only what was ever used.
        public let snapshot: Snapshot

        /// A sentence, and a line for each policy and each thing registered by itself.
        public var description: String {
            var lines = [
                "shut down in \(duration.sentenceForm): \(callsInFlight) calls were running, "
                    + "\(cancelledCalls) were cancelled, \(abandonedCalls) were left"
            ]
            for policy in snapshot.policies {
                lines.append("policy \"\(policy.name)\"")
                lines += policy.layers.map { "  \($0)" }
            }
            lines += snapshot.components.map(\.description)
            return lines.joined(separator: "\n")
        }
    }
}
