import ResilienceCore

/// An operation that does what a script says, one step a call.
///
/// ```swift
/// let clock = ManualClock()
/// let operation = ScriptedOperation(clock: clock, [.failure(InjectedFailure()), .success(1, after: .seconds(2))])
/// let policy = try Policy("test", clock: clock) { … }
/// async let value = policy.execute { try await operation() }
/// try await operation.waitForCalls(2)
/// clock.advance(by: .seconds(2))
/// #expect(try await value == 1)
/// ```
///
/// It may be called by any number of tasks at once; the steps are taken in the order of the calls.
public final class ScriptedOperation<Value: Sendable>: Sendable {
    private struct State {
        var nextStep = 0
        var calls = AwaitedCount()
        var running = 0
        var cancelled = 0
        var hanging: [Waiter<Value>] = []

        mutating func cancel(_ waiter: Waiter<Value>) -> Bool {
            guard let index = hanging.firstIndex(where: { $0 === waiter }) else { return false }
            hanging.remove(at: index)
            cancelled += 1
            return true
        }
    }

    /// One call on its way: what it does, when its delay is over, and where it waits if it hangs.
    private struct Call {
        let step: Step
        let deadline: TimeSource.Instant
        let waiter: Waiter<Value>
    }

    private let steps: [Step]
    private let atEnd: ScriptEnd
    private let time: TimeSource
    private let state = Lock(State())

    /// Creates an operation from a script.
    ///
    /// - Parameters:
    ///   - clock: What the delays of steps are measured on.
    ///   - steps: What the calls do, one after another. Without any, every call throws ``ScriptExhaustedError``.
    ///   - atEnd: What calls do after the last step. Default: the last step again.
    public init(clock: some Clock<Duration>, _ steps: [Step], atEnd: ScriptEnd = .repeatLast) {
        self.steps = steps
        self.atEnd = atEnd
        self.time = TimeSource(clock)
    }

    /// Takes the next step of the script.
    ///
    /// - Returns: The value of a step that succeeds.
    /// - Throws: The error of a step that fails; `CancellationError` if the task is cancelled while it waits; or
    ///   ``ScriptExhaustedError``.
    public func callAsFunction() async throws -> Value {
        let call = try begin()
        defer { state.withLock { $0.running -= 1 } }
        switch call.step {
        case .success(let value, let delay):
            try await wait(delay, call)
            return value
        case .failure(let error, let delay):
            try await wait(delay, call)
            throw error
        case .hang:
            return try await call.waiter.value { [self] in state.withLock { $0.cancel(call.waiter) } }
        case .hangIgnoringCancellation:
            return try await call.waiter.value()
        }
    }

    /// Ends all calls that hang at this moment, of either kind, with one result.
    ///
    /// - Returns: How many there were.
    @discardableResult
    public func release(with result: Result<Value, any Error>) -> Int {
        let hanging = state.withLock { state in
            defer { state.hanging = [] }
            return state.hanging
        }
        for waiter in hanging { waiter.finish(with: result) }
        return hanging.count
    }

    /// How many calls have begun.
    public var calls: Int { state.withLock { $0.calls.count } }

    /// How many calls have begun and not ended.
    public var running: Int { state.withLock { $0.running } }

    /// How many calls have ended early because their task was cancelled.
    public var cancelled: Int { state.withLock { $0.cancelled } }

    /// Suspends until at least so many calls have begun.
    ///
    /// The delay of the last of them counts from before this returns, so that advancing the clock by it ends the call.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first.
    public func waitForCalls(_ count: Int) async throws {
        guard let waiter = state.withLock({ $0.calls.waiter(for: count) }) else { return }
        try await waiter.value { [self] in state.withLock { $0.calls.forget(waiter) } }
    }

    /// Counts a call, places it among those that hang if it will, and only then wakes the tasks that wait for it.
    private func begin() throws(ScriptExhaustedError) -> Call {
        let now = time.now
        let waiter = Waiter<Value>()
        let (step, number, arrived) = state.withLock { state in
            let step = nextStepLocked(&state)
            let arrived = state.calls.increment()
            if let step {
                state.running += 1
                if step.isEndless { state.hanging.append(waiter) }
            }
            return (step, state.calls.count, arrived)
        }
        arrived.finish()
        guard let step else { throw ScriptExhaustedError(steps: steps.count, call: number) }
        return Call(step: step, deadline: now.advanced(by: step.delay), waiter: waiter)
    }

    private func nextStepLocked(_ state: inout State) -> Step? {
        if state.nextStep == steps.count {
            switch atEnd {
            case .repeatLast: return steps.last
            case .repeatAll: state.nextStep = 0
            case .fail: return nil
            }
        }
        guard state.nextStep < steps.count else { return nil }
        defer { state.nextStep += 1 }
        return steps[state.nextStep]
    }

    private func wait(_ delay: Duration, _ call: Call) async throws {
        guard delay > .zero else { return }
        do {
            try await time.sleep(until: call.deadline)
        } catch {
            state.withLock { $0.cancelled += 1 }
            throw error
        }
    }
}
