import Resilience

/// One round of the scenario: the same traffic to both upstreams, phases, and the live view.
struct Round: Sendable {
    let demo: Demo
    let stage: Stage
    let protection: Protection
    let story: Story

    private var scenario: Scenario { demo.scenario }

    private enum Part {
        case traffic
        case view
    }

    /// Plays the scenario from its beginning to its end.
    func play(seed: UInt64, _ screen: Screen) async throws -> Comparison {
        for upstream in stage.upstreams {
            // What has piled up in the round before is gone, as after a restart.
            try await upstream.enter(.down)
            try await upstream.enter(scenario.phase(at: .zero))
        }
        // The first request of a session takes longer than others; it is not part of the story.
        for client in stage.clients { try await client.warmUp() }

        let stopwatch = Stopwatch()
        story.restart(stopwatch)
        let runs = [nil, protection.policy].enumerated().map { index, policy in
            LoadRun(client: stage.clients[index], policy: policy, stopwatch: stopwatch, scenario: scenario)
        }
        let traffic = Traffic(scenario, seed: seed)
        let before = protection.totals
        let frame = { @Sendable [scenario, protection, story] in
            let elapsed = stopwatch.elapsed
            return Frame(
                scenario: scenario, elapsed: elapsed, unprotected: runs[0].log.snapshot(at: elapsed),
                protected: runs[1].log.snapshot(at: elapsed), gauges: protection.gauges,
                layers: protection.totals.since(before), events: story.events)
        }
        screen.show(frame)
        try await withThrowingTaskGroup(of: Part.self) { group in
            for run in runs {
                group.addTask {
                    try await run.send(traffic)
                    return .traffic
                }
            }
            group.addTask {
                try await conduct(stopwatch)
                return .traffic
            }
            group.addTask {
                try await show(frame, stopwatch, seed: seed)
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
            unprotected: runs[0].log.results, protected: runs[1].log.results,
            layers: protection.totals.since(before))
    }

    /// Leads the upstreams through their phases.
    private func conduct(_ stopwatch: Stopwatch) async throws {
        for (index, span) in scenario.spans.enumerated() {
            try await stopwatch.sleep(until: span.start)
            // The first one was entered before the clock started.
            if index > 0 { for upstream in stage.upstreams { try await upstream.enter(span.phase) } }
            story.add(.phase(span.phase))
        }
        try await stopwatch.sleep(until: scenario.length)
    }

    /// Shows frames until the task is cancelled.
    private func show(_ frame: @Sendable () -> Frame, _ stopwatch: Stopwatch, seed: UInt64) async throws {
        var view = LiveView(demo.mode, write: demo.write)
        try view.begin(scenario, seed: seed)
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
