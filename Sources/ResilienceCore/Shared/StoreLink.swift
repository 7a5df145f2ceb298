internal import Synchronization

/// The way to a store of shared state: operations are done in the background and each is bounded; whether the store
/// answers is known, and looked for again where it does not.
///
/// Operations are children of the task that runs ``run(isRequired:finally:)``, and so end with it. Nobody who hands one
/// in waits in it, or cancels it with himself.
package final class StoreLink: Sendable {
    /// What has become of the store.
    package enum Change: Sendable {
        /// It does not answer, with the first error.
        case degraded(SharedStateError)
        /// It answers again, after so long.
        case recovered(after: Duration)
    }

    private struct Job: Sendable {
        let run: @Sendable () async -> Void
        let giveUp: @Sendable () -> Void
    }

    private struct State {
        enum Phase { case new, running, stopping, ended }

        var phase = Phase.new
        var jobs: [Job] = []
        var next = 0
        var running = 0
        /// Where the running task waits for something to do.
        var waiter: Waiter<Void>?
        var outage = StoreOutage()
        var timer = TimerSlot()

        mutating func takeJobs() -> [Job] {
            defer { (jobs, next) = ([], 0) }
            return Array(jobs[next...])
        }
    }

    private enum Step: Sendable {
        case job(Job)
        case wait(Waiter<Void>)
        case end
    }

    package let time: TimeSource
    private let random: RandomSource
    private let limitNanoseconds: Atomic<Int64>
    private let probe: @Sendable () async throws -> Void
    private let post: @Sendable (Change) -> Void
    private let deliver: @Sendable () -> Void
    private let state = Lock(State())
    private let away = Atomic(false)

    /// How many operations are done at once. As many more wait for their turn; what is beyond that is given up at once,
    /// which says nothing about the store.
    private static let mostAtOnce = 1000

    /// - Parameters:
    ///   - limit: The longest an operation may take.
    ///   - probe: Asks a store that did not answer.
    ///   - post: Called under a lock with each change; must only take note.
    ///   - deliver: Called after that, under no lock.
    package init(
        time: TimeSource, random: RandomSource, limit: Duration, probe: @escaping @Sendable () async throws -> Void,
        post: @escaping @Sendable (Change) -> Void, deliver: @escaping @Sendable () -> Void
    ) {
        (self.time, self.random) = (time, random)
        limitNanoseconds = Atomic(limit.saturatedNanoseconds)
        (self.probe, self.post, self.deliver) = (probe, post, deliver)
    }

    deinit {
        state.withLock { $0.timer.clear() }?.cancel()
    }

    /// Whether the store does not answer, or nobody runs this any more, or has begun to within the limit. Relaxed: a
    /// decision may go by what was so just before.
    package var isAway: Bool { away.load(ordering: .relaxed) }

    /// Whether that has been told, and not that it is over. An end of the run tells nothing.
    package var isDegraded: Bool { state.withLock { $0.outage.isPresent } }

    /// The longest an operation may take; another holds for those that begin after it was set.
    package var limit: Duration {
        get { .nanoseconds(limitNanoseconds.load(ordering: .relaxed)) }
        set { limitNanoseconds.store(newValue.saturatedNanoseconds, ordering: .relaxed) }
    }

    /// Does an operation soon.
    ///
    /// - Parameters:
    ///   - operation: What to do.
    ///   - late: Called with a result that came when the operation had been given up, in time for nobody.
    ///   - done: Called once, on any thread and under no lock: with the result, or at the latest when the limit has
    ///     passed since the operation began.
    package func perform<Value: Sendable>(
        _ operation: @escaping @Sendable () async throws -> Value, late: @escaping @Sendable (Value) -> Void = { _ in },
        done: @escaping @Sendable (Result<Value, SharedStateError>) -> Void
    ) {
        let isDone = SingleFlag()
        let finish: @Sendable (Result<Value, SharedStateError>, Bool) -> Bool = { [weak self] result, counts in
            guard isDone.set() else { return false }
            if counts { self?.note(result.failure) }
            done(result)
            return true
        }
        let job = Job { [time, limit = self.limit] in
            let timer = time.schedule(at: time.now.advanced(by: limit)) {
                _ = finish(.failure(.timedOut(limit)), true)
            }
            let result: Result<Value, SharedStateError>
            do {
                result = .success(try await operation())
            } catch {
                result = .failure(SharedStateError(error))
            }
            timer.cancel()
            if !finish(result, !Task.isCancelled), case .success(let value) = result { late(value) }
        } giveUp: {
            _ = finish(.failure(.unavailable(Self.absence)), false)
        }
        let now = time.now  // A clock may be the user's: not read under the lock.
        let (isTaken, waiter, timer) = state.withLock { state -> (Bool, Waiter<Void>?, TimerSlot.Action?) in
            guard state.phase == .running || state.phase == .new && !state.outage.isPresent,
                state.jobs.count - state.next < Self.mostAtOnce
            else { return (false, nil, nil) }
            state.jobs.append(job)
            defer { state.waiter = nil }
            // The task that runs this has perhaps been started, and not begun yet.
            let isFirst = state.phase == .new && state.timer.deadline == nil
            return (true, state.waiter, isFirst ? state.timer.action(for: now.advanced(by: limit)) : nil)
        }
        waiter?.finish()
        if !isTaken { job.giveUp() }
        if let timer { setTimer(timer) { [weak self] in self?.noteAbsence() } }
    }

    /// Nobody has begun to run this.
    private func noteAbsence() {
        let now = time.now
        let jobs = state.withLock { state -> [Job]? in
            guard state.phase == .new, state.outage.beginUnasked(now: now) else { return nil }
            away.store(true, ordering: .relaxed)
            post(.degraded(.unavailable(Self.absence)))
            return state.takeJobs()
        }
        guard let jobs else { return }
        deliver()
        for job in jobs { job.giveUp() }
    }

    private static let absence = "nothing runs the exchange with it"

    // MARK: Running

    /// Does the operations, until the task is cancelled.
    ///
    /// - Parameters:
    ///   - isRequired: Whether this ends at once if the store does not answer at first.
    ///   - last: Done at the end, when no operation runs any more; not cancelled, and waited for as long as an
    ///     operation may take.
    /// - Throws: What the store threw at first, if it is required.
    package nonisolated(nonsending) func run(
        isRequired: Bool = false, finally last: @escaping @Sendable () async -> Void = {}
    ) async throws(SharedStateError) {
        guard begin() else {
            // Another task runs this already.
            return (try? await Waiter<Void>().value { true }) ?? ()
        }
        let refusal = Lock<SharedStateError?>(nil)
        if isRequired {
            perform(probe) { [self] result in
                guard let error = result.failure else { return }
                refusal.withLock { $0 = error }
                stop()
            }
        }
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                while true {
                    switch nextStep() {
                    case .job(let job):
                        group.addTask { [self] in
                            await job.run()
                            finishJob()
                        }
                    case .wait(let waiter): try? await waiter.value()
                    case .end:
                        group.cancelAll()
                        return
                    }
                }
            }
        } onCancel: {
            stop()
        }
        end()
        let waiter = Waiter<Void>()
        let timer = time.schedule(at: time.now.advanced(by: limit)) { waiter.finish() }
        Task(executorPreference: preferredExecutor) {
            await last()
            waiter.finish()
        }
        try? await waiter.value()
        timer.cancel()
        if let error = refusal.withLock({ $0 }) { throw error }
    }

    private func begin() -> Bool {
        let begun = state.withLock { state -> (probes: Bool, timer: (any ScheduledTimer)?)? in
            guard state.phase == .new || state.phase == .ended else { return nil }
            state.phase = .running
            away.store(state.outage.isPresent, ordering: .relaxed)
            return (state.outage.isPresent, state.timer.clear())
        }
        begun?.timer?.cancel()
        if begun?.probes == true { ask() }
        return begun != nil
    }

    private func nextStep() -> Step {
        state.withLock { state in
            guard state.phase == .running else { return .end }
            guard state.next < state.jobs.count, state.running < Self.mostAtOnce else {
                let waiter = Waiter<Void>()
                state.waiter = waiter
                return .wait(waiter)
            }
            let job = state.jobs[state.next]
            state.next += 1
            if state.next == state.jobs.count { (state.jobs, state.next) = ([], 0) }
            state.running += 1
            return .job(job)
        }
    }

    private func finishJob() {
        state.withLock { state in
            state.running -= 1
            defer { state.waiter = nil }
            return state.waiter
        }?.finish()
    }

    private func stop() {
        let waiter = state.withLock { state -> Waiter<Void>? in
            state.phase = .stopping
            away.store(true, ordering: .relaxed)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.finish()
    }

    private func end() {
        let (jobs, timer) = state.withLock { state in
            state.phase = .ended
            away.store(true, ordering: .relaxed)
            return (state.takeJobs(), state.timer.clear())
        }
        timer?.cancel()
        for job in jobs { job.giveUp() }
    }

    // MARK: Whether the store answers

    private func note(_ error: SharedStateError?) {
        let now = time.now
        let timer = state.withLock { state -> TimerSlot.Action? in
            guard state.phase == .running else { return nil }
            guard let error else {
                if let length = state.outage.answered(now: now) {
                    away.store(false, ordering: .relaxed)
                    post(.recovered(after: length))
                }
                return TimerSlot.Action(cancelled: state.timer.clear())
            }
            // Operations that were on their way together fail together.
            guard state.timer.deadline == nil else { return nil }
            let (isNews, retryAt) = state.outage.failed(now: now, random: random.next())
            if isNews {
                away.store(true, ordering: .relaxed)
                post(.degraded(error))
            }
            return state.timer.action(for: retryAt)
        }
        guard let timer else { return }
        deliver()
        setTimer(timer) { [weak self] in self?.ask() }
    }

    /// Sets the timer, outside the lock because the clock may fire it at once.
    private func setTimer(_ action: TimerSlot.Action, _ body: @escaping @Sendable () -> Void) {
        action.cancelled?.cancel()
        guard let next = action.next else { return }
        let new = time.schedule(at: next.deadline) { [weak self] in
            guard let self, state.withLock({ $0.timer.fire(next.number) }) else { return }
            body()
        }
        state.withLock { $0.timer.keep(new, next.number) }?.cancel()
    }

    private func ask() {
        perform(probe) { _ in }
    }
}

/// A flag that is set once.
private final class SingleFlag: Sendable {
    private let flag = Atomic(false)

    /// Whether this has set it.
    func set() -> Bool { !flag.exchange(true, ordering: .acquiringAndReleasing) }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}

extension SharedStateError {
    /// What a store has thrown.
    package init(_ error: any Error) {
        self = error as? SharedStateError ?? .unavailable("\(type(of: error))")
    }
}
