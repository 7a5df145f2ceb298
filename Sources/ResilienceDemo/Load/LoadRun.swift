import Resilience

/// Sends the traffic to one upstream: directly, or through a policy.
struct LoadRun: Sendable {
    let client: UpstreamClient
    /// `nil` for the run without protection.
    let policy: KeyedFallbackPolicy<Int, UpstreamClient.Response>?
    let log = CallLog()
    let stopwatch: Stopwatch
    let scenario: Scenario

    /// Starts every call at its time, whatever became of those before, and returns when all have ended.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    func send(_ traffic: Traffic) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for (number, moment) in traffic.arrivals.enumerated() {
                try await stopwatch.sleep(until: moment)
                group.addTask { await call(number, in: scenario.phase(at: moment)) }
            }
        }
    }

    /// A call belongs to the phase of its time, not of the moment when a busy machine gets round to it: so both runs
    /// have the same calls in each phase.
    private func call(_ number: Int, in phase: Phase) async {
        let start = stopwatch.elapsed
        log.began(at: start)
        let (outcome, requests, age) = await outcome(of: number)
        // What a run that is stopped half-way breaks off tells nothing about the upstream.
        guard !Task.isCancelled else { return }
        let end = stopwatch.elapsed
        log.ended(
            number,
            CallRecord(
                phase: phase, outcome: outcome, wait: end - start, requests: requests, age: age),
            at: end)
    }

    /// What became of a call, how many requests it took, and how old the answer was if it was the last good one.
    private func outcome(of number: Int) async -> (CallRecord.Outcome, requests: Int, age: Duration?) {
        let order = number % Protection.orderCount
        guard let policy else {
            let response = try? await send(number, order, attempt: 1)
            return (response.map { $0.status < 500 } == true ? .succeeded : .failed, 1, nil)
        }
        let execution = await policy.run(for: order, accepting: { $0.status < 500 }) { context in
            try await send(number, order, attempt: context.attempt)
        }
        if let served = execution.servedBy { return (.stale, execution.attempts, served.age) }
        // A call that was sent, and whose retry was refused, has failed.
        let isRejected = execution.attempts == 0 && execution.rejection != nil
        return (execution.isAccepted ? .succeeded : isRejected ? .rejected : .failed, execution.attempts, nil)
    }

    private func send(_ number: Int, _ order: Int, attempt: Int) async throws -> UpstreamClient.Response {
        let start = stopwatch.elapsed
        log.sent(at: start)
        defer {
            let end = stopwatch.elapsed
            log.returned(at: end, after: end - start)
        }
        return try await client.state(ofOrder: order, call: number, attempt: attempt)
    }
}

/// Time since the start of the demo.
struct Stopwatch: Sendable {
    private let start = ContinuousClock.now

    var elapsed: Duration { start.duration(to: .now) }

    func sleep(until moment: Duration) async throws {
        try await Task.sleep(until: start.advanced(by: moment), tolerance: .zero, clock: .continuous)
    }
}
