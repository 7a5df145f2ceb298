public import ResilienceCore

extension ResilienceModule {
    struct Lifecycle {
        var state = State.idle
        /// Whether ``ResilienceModule/run()`` was called before the end began.
        var hasRun = false
        var ending: Task<ShutdownReport, Never>?
        /// Waits for the time between the first word of the end and the end of admission.
        var closing: Task<Void, Never>?
        /// Ends that time.
        let delay = Waiter<Void>()
        var store: (any ModuleStateStore)?
        /// Whether breakers go on from what the store held, so that what they know is all there is to keep.
        var isRestored = false
        /// Whether calls that run are cancelled without a grace period.
        var isHurried = false
        /// What the module could not run without.
        var failure: (any Error)?
        /// Calls that were cancelled before the grace period was over.
        var cancelledEarly = 0
        /// What runs for as long as the module does. No more come when the module lets no call in any more.
        let jobs: AsyncStream<Job>
        let addJob: AsyncStream<Job>.Continuation
        /// Runs them. Cancelled when no call runs any more, because those that do may need what it keeps in touch with.
        var background: Task<Void, Never>?
        /// Whether it has begun to, after restoring the state.
        var runsJobs = false
        /// Whether the end of the module has seen to it.
        var hasEndedBackground = false
        /// Ends the wait for it.
        let backgroundWait = Waiter<Void>()
        /// Ends when no more jobs come, or the module fails; for ``ResilienceModule/run()``.
        let life: AsyncStream<Never>
        let endLife: AsyncStream<Never>.Continuation

        init() {
            (jobs, addJob) = AsyncStream.makeStream()
            (life, endLife) = AsyncStream.makeStream()
        }
    }

    typealias Job = @Sendable (ResilienceModule) async -> Void

    /// Calls that are in: those of policies the module has handed out, and what ``admit(_:_:)`` runs.
    public var callsInFlight: Int { gate.count }

    /// Suspends until the task is cancelled or the module is shut down; then shuts down, and returns when that is done.
    /// Meanwhile it reloads the configuration, where that was asked for.
    ///
    /// Breaker states that a ``ModuleStateStore`` has kept are restored first. If the module was shut down before it
    /// could run, this waits for the end of that and returns.
    ///
    /// - Throws: ``LifecycleError`` if the module runs already or has run; the error of a store that was declared as
    ///   required and cannot be reached. Not for cancellation, which is the usual end.
    @_disfavoredOverload  // Integrations with service groups bring one of their own.
    public func run() async throws {
        let (present, isRefused) = lifecycle.withLock { lifecycle -> (Lifecycle, Bool) in
            let isRefused = lifecycle.hasRun
            if lifecycle.ending == nil { lifecycle.hasRun = true }
            if lifecycle.state == .idle { changeLocked(&lifecycle, to: .running) }
            return (lifecycle, isRefused)
        }
        guard !isRefused else { throw LifecycleError(module: name, state: present.state) }
        events.deliver()
        if present.ending == nil {
            // A task of its own, so that it is not cancelled with the caller's.
            let background = Task(name: "resilience \(name)", executorPreference: preferredExecutor) {
                if let store = present.store { await self.restore(from: store) }
                self.lifecycle.withLock { $0.runsJobs = true }
                await self.runJobs(present.jobs)
            }
            lifecycle.withLock { $0.background = background }
            // Ends when the task is cancelled, or the stream is finished.
            for await _ in present.life {}
        }
        _ = await shutdown()
        // Where the end began before there was one.
        if !lifecycle.withLock({ $0.hasEndedBackground }) { await endBackground() }
        if let failure = lifecycle.withLock({ $0.failure }) { throw failure }
    }

    /// Ends ``run()``, which throws the first such error.
    func fail(_ error: any Error) {
        lifecycle.withLock { lifecycle in
            if lifecycle.failure == nil { lifecycle.failure = error }
            lifecycle.endLife.finish()
        }
    }

    private func runJobs(_ jobs: AsyncStream<Job>) async {
        await withTaskGroup(of: Void.self) { group in
            for await job in jobs {
                group.addTask(name: "resilience \(name)") {
                    await Self.$moduleOfJob.withValue(ObjectIdentifier(self)) { await job(self) }
                }
            }
        }
    }

    /// Reports in ``health`` that the module is about to end, and waits for as long as the sender of the calls takes to
    /// learn of that. Calls are still let in, until ``shutdown(drainDelay:gracePeriod:)``, which does not wait for this
    /// once more.
    ///
    /// For what has to happen before something else ends, such as a server. May be called any number of times; all
    /// callers wait for the same. Cancelling a caller's task ends the wait.
    ///
    /// - Parameter drainDelay: How long, 0 or more. Default: that of the options. Only that of the first caller counts.
    public func close(drainDelay: Duration? = nil) async {
        let delay = max(.zero, drainDelay ?? options.drainDelay)
        let (closing, waiter) = lifecycle.withLock { lifecycle in
            startClosingLocked(&lifecycle, for: delay)
            return (lifecycle.closing, lifecycle.delay)
        }
        events.deliver()
        await withTaskCancellationHandler {
            await closing?.value
        } onCancel: {
            waiter.finish()
        }
    }

    private func startClosingLocked(_ lifecycle: inout Lifecycle, for delay: Duration) {
        guard lifecycle.state < .closing else { return }
        changeLocked(&lifecycle, to: .closing)
        let waiter = lifecycle.delay
        lifecycle.closing = Task(name: "resilience \(name) closing", executorPreference: preferredExecutor) { [time] in
            let timer = time.schedule(at: time.now.advanced(by: delay)) { waiter.finish() }
            _ = try? await waiter.value()
            timer.cancel()
        }
    }

    /// Ends the module: waits until it is known that the end is near, lets no call in, waits for those that run,
    /// cancels what is left after the grace period, ends what runs in the background (reloading, and what keeps in
    /// touch with a fleet), saves the state of breakers, and has observers deliver what they hold back.
    ///
    /// May be called in every state and any number of times; all callers get the report of the one shutdown. Goes on to
    /// its end also when the caller's task is cancelled. A call within a call that is waited for is let in.
    ///
    /// - Parameters:
    ///   - drainDelay: How long calls are still let in while ``health`` is ``Health/Status/down`` already, 0 or more.
    ///     Default: that of the options. Only that of the first caller counts, here or of ``close(drainDelay:)``.
    ///   - gracePeriod: How long to wait before cancelling, 0 or more. Default: that of the options. Only that of the
    ///     first caller counts.
    @discardableResult
    public func shutdown(drainDelay: Duration? = nil, gracePeriod: Duration? = nil) async -> ShutdownReport {
        let delay = max(.zero, drainDelay ?? options.drainDelay)
        let grace = max(.zero, gracePeriod ?? options.gracePeriod)
        let ending = lifecycle.withLock { lifecycle -> Task<ShutdownReport, Never> in
            if let ending = lifecycle.ending { return ending }
            if delay > .zero { startClosingLocked(&lifecycle, for: delay) }
            let closing = lifecycle.closing
            if closing == nil { drainLocked(&lifecycle) }
            // A task of its own, so that what it runs does not find itself cancelled.
            let ending = Task(name: "resilience \(name) shutdown", executorPreference: preferredExecutor) {
                await self.end(after: closing, grace)
            }
            lifecycle.ending = ending
            return ending
        }
        events.deliver()
        if Self.moduleOfJob == ObjectIdentifier(self) { lifecycle.withLock { $0.backgroundWait }.finish() }
        return await ending.value
    }

    private func drainLocked(_ lifecycle: inout Lifecycle) {
        changeLocked(&lifecycle, to: .draining)
        gate.close()
        lifecycle.addJob.finish()
        lifecycle.endLife.finish()
    }

    private func end(after closing: Task<Void, Never>?, _ gracePeriod: Duration) async -> ShutdownReport {
        let start = time.now
        var gracePeriod = gracePeriod
        if let closing {
            await closing.value
            lifecycle.withLock { lifecycle in
                if lifecycle.isHurried { gracePeriod = .zero }
                drainLocked(&lifecycle)
            }
            events.deliver()
        }
        let running = gate.count
        var cancelled = 0
        if await !gate.waitUntilEmpty(until: time.now.advanced(by: gracePeriod), on: time) {
            cancelled = gate.cancelAll()
            let deadline = time.now.advanced(by: max(.zero, options.cancellationPeriod))
            _ = await gate.waitUntilEmpty(until: deadline, on: time)
        }
        // What did not listen then was cancelled again.
        cancelled = max(cancelled, lifecycle.withLock { $0.cancelledEarly })
        await endBackground()
        await saveState()
        let report = ShutdownReport(
            module: name, duration: start.duration(to: time.now), callsInFlight: running, cancelledCalls: cancelled,
            abandonedCalls: gate.count, snapshot: snapshot(as: .stopped))
        lifecycle.withLock { lifecycle in
            changeLocked(&lifecycle, to: .stopped)
            events.post(.ended(report: report))
        }
        events.deliver()
        // Also those that hear of the module alone.
        for observer in events.observers {
            if let observer = ObserverBox.unboxed(observer) as? any FlushingObserver { await observer.flush() }
        }
        return report
    }

    /// The module whose background the current task is part of.
    @TaskLocal private static var moduleOfJob: ObjectIdentifier?

    /// Waits for what it runs as long as for calls that were cancelled; not for a job that waits for this end.
    private func endBackground() async {
        let (background, runsJobs, waiter) = lifecycle.withLock { lifecycle in
            lifecycle.hasEndedBackground = lifecycle.background != nil
            return (lifecycle.background, lifecycle.runsJobs, lifecycle.backgroundWait)
        }
        background?.cancel()
        guard let background, runsJobs else { return }
        let timer = time.schedule(at: time.now.advanced(by: max(.zero, options.cancellationPeriod))) { waiter.finish() }
        Task(executorPreference: preferredExecutor) {
            await background.value
            waiter.finish()
        }
        try? await waiter.value()
        timer.cancel()
    }

    private func changeLocked(_ lifecycle: inout Lifecycle, to state: State) {
        events.post(.stateChanged(from: lifecycle.state, to: state))
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
        /// How long the shutdown took, with the time in which calls were still let in.
        public let duration: Duration
        /// Calls that ran when the module had stopped letting calls in.
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
