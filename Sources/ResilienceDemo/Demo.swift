import CircuitBreakers
import ResilienceCore

/// One run of the demo: two upstreams, the same traffic to both, phases, and the live view.
struct Demo: Sendable {
    let options: Options
    let mode: ViewMode

    private var scenario: Scenario { options.isQuick ? .quick : .standard }

    /// - Throws: A ``SocketError`` if an upstream cannot start, ``Terminal/Closed``, or `CancellationError`.
    func run() async throws -> Comparison {
        let bare = try Upstream(seed: options.seed)
        let guarded: Upstream
        do {
            guarded = try Upstream(seed: options.seed)
        } catch {
            await bare.stop()
            throw error
        }
        let clients = [UpstreamClient(port: bare.port), UpstreamClient(port: guarded.port)]
        let result: Result<Comparison, any Error>
        do {
            result = .success(try await run([bare, guarded], clients))
        } catch {
            result = .failure(error)
        }
        for client in clients { client.close() }
        for upstream in [bare, guarded] { await upstream.stop() }
        return try result.get()
    }

    private func run(_ upstreams: [Upstream], _ clients: [UpstreamClient]) async throws -> Comparison {
        for upstream in upstreams { try await upstream.enter(scenario.phase(at: .zero)) }
        // The first request of a session takes longer than others; it is not part of the story.
        for client in clients { try await client.warmUp() }

        let stopwatch = Stopwatch()
        let story = Story(stopwatch)
        let protection = try Protection(scenario, seed: options.seed, observers: [story])
        let runs = [nil, protection.policy].enumerated().map { index, policy in
            LoadRun(client: clients[index], policy: policy, stopwatch: stopwatch, scenario: scenario)
        }
        let traffic = Traffic(scenario, seed: options.seed)
        let frame = { @Sendable in
            let elapsed = stopwatch.elapsed
            return Frame(
                scenario: scenario, elapsed: elapsed, unprotected: runs[0].log.snapshot(at: elapsed),
                protected: runs[1].log.snapshot(at: elapsed), breaker: protection.breaker.state,
                layers: protection.totals, events: story.events)
        }
        try await withThrowingTaskGroup(of: Part.self) { group in
            for run in runs {
                group.addTask {
                    try await run.send(traffic)
                    return .traffic
                }
            }
            group.addTask {
                try await conduct(upstreams, story, stopwatch)
                return .traffic
            }
            group.addTask {
                try await show(frame, stopwatch)
                return .view
            }
            var left = runs.count + 1
            while left > 0, let part = try await group.next() {
                if part == .traffic { left -= 1 }
            }
            // Ends the view.
            group.cancelAll()
            try await group.waitForAll()
        }
        return Comparison(
            unprotected: runs[0].log.results, protected: runs[1].log.results, layers: protection.totals)
    }

    private enum Part {
        case traffic
        case view
    }

    /// Leads the upstreams through their phases.
    private func conduct(_ upstreams: [Upstream], _ story: Story, _ stopwatch: Stopwatch) async throws {
        for (index, span) in scenario.spans.enumerated() {
            try await stopwatch.sleep(until: span.start)
            // The first one was entered before the clock started.
            if index > 0 { for upstream in upstreams { try await upstream.enter(span.phase) } }
            story.add(.phase(span.phase))
        }
        try await stopwatch.sleep(until: scenario.length)
    }

    /// Shows frames until the task is cancelled.
    private func show(_ frame: @Sendable () -> Frame, _ stopwatch: Stopwatch) async throws {
        var view = LiveView(mode)
        try view.begin(scenario, seed: options.seed)
        var next = Duration.zero
        while !Task.isCancelled {
            try view.show(frame())
            while next <= stopwatch.elapsed { next += view.interval }
            try? await stopwatch.sleep(until: next)
        }
        try view.show(frame())
        try view.end()
    }
}
