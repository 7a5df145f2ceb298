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
        let outcome = await outcome(of: number)
        // What a run that is stopped half-way breaks off tells nothing about the upstream.
        guard !Task.isCancelled else { return }
        log.ended(
            number,
            CallRecord(phase: scenario.phase(at: start), outcome: outcome, wait: stopwatch.elapsed - start))
    }

    private func outcome(of number: Int) async -> CallRecord.Outcome {
        do {
            let response =
                if let policy {
                    try await policy.execute(accepting: { $0.status < 500 }) { try await order(number) }
                } else {
                    try await order(number)
                }
            return response.status < 500 ? .succeeded : .failed
        } catch is any PolicyRejection {
            return .rejected
        } catch {
            return .failed
        }
    }

    private func order(_ number: Int) async throws -> UpstreamClient.Response {
        let start = stopwatch.elapsed
        log.sent(at: start)
        defer {
            let end = stopwatch.elapsed
            log.returned(at: end, after: end - start)
        }
        return try await client.order(number)
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
