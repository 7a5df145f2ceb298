import ResilienceCore

/// Sends the traffic to one upstream: directly, or through a policy.
struct LoadRun: Sendable {
    let client: UpstreamClient
    /// `nil` for the run without protection.
    let policy: Policy?
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
                group.addTask { await call(number) }
            }
        }
    }

    private func call(_ number: Int) async {
        let start = stopwatch.elapsed
        log.began(at: start)
        let (outcome, requests) = await outcome(of: number)
        // What a run that is stopped half-way breaks off tells nothing about the upstream.
        guard !Task.isCancelled else { return }
        log.ended(
            number,
            CallRecord(
                phase: scenario.phase(at: start), outcome: outcome, wait: stopwatch.elapsed - start,
                requests: requests))
    }

    /// What became of a call, and how many requests it took.
    private func outcome(of number: Int) async -> (CallRecord.Outcome, requests: Int) {
        guard let policy else {
            let response = try? await order(number, attempt: 1)
            return (response.map { $0.status < 500 } == true ? .succeeded : .failed, 1)
        }
        let execution = await policy.run(accepting: { $0.status < 500 }) { context in
            try await order(number, attempt: context.attempt)
        }
        // A call that was sent, and whose retry was refused, has failed.
        let isRejected = execution.attempts == 0 && execution.rejection != nil
        return (execution.isAccepted ? .succeeded : isRejected ? .rejected : .failed, execution.attempts)
    }

    private func order(_ number: Int, attempt: Int) async throws -> UpstreamClient.Response {
        let start = stopwatch.elapsed
        log.sent(at: start)
        defer {
            let end = stopwatch.elapsed
            log.returned(at: end, after: end - start)
        }
        return try await client.order(number, attempt: attempt)
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
