import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing

/// Nodes on several threads at once, as the thread sanitizer wants to see them.
@Suite struct FleetContentionTests {
    @Test("Nodes that run, call, fail, and are opened and closed by hand at once agree in the end")
    func contention() async throws {
        let clock = ManualClock()
        let store = InMemoryCircuitStore(clock: clock)
        let nodes = try (0..<4).map { number in
            try FleetCircuit(
                CircuitBreaker("payments", .alone, clock: clock, random: .seeded(UInt64(number))), .sixFailures,
                through: store, node: "node\(number)", random: .seeded(UInt64(number)))
        }
        let runs = nodes.map { node in Task { try await node.run() } }
        for round in 0..<10 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in nodes {
                    group.addTask {
                        for call in 0..<50 {
                            if let permit = try? node.breaker.tryAcquirePermit() {
                                permit.complete(as: call % 3 == 0 ? .failure : .success)
                            }
                            await Task.yield()
                        }
                    }
                }
                group.addTask { for _ in 0..<50 { clock.advance(by: .milliseconds(5)); await Task.yield() } }
                group.addTask { _ = nodes.map { ($0.shared, $0.totals, $0.isDegraded) } }
                try await group.waitForAll()
            }
            let closes = round % 2 == 0
            let state: CircuitBreaker.State = closes ? .closed : .open
            if closes { try await nodes[round % 4].close() } else { try await nodes[round % 4].open(for: .seconds(60)) }
            // Each hears of it as soon as it gets a thread, or is told at the next tick.
            for _ in 0..<10_000 where !nodes.allSatisfy({ $0.breaker.state == state }) {
                clock.advance(by: .milliseconds(1))
                await Task.yield()
            }
            #expect(nodes.map(\.breaker.state) == Array(repeating: state, count: 4), "round \(round)")
        }
        for run in runs { run.cancel() }
        for run in runs { try await run.value }
    }
}
