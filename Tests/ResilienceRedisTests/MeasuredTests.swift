#if Redis
    import CircuitBreakers
    import Foundation
    import RateLimiters
    import ResilienceCore
    import ResilienceTesting
    import Testing

    @testable import ResilienceRedis

    /// What it costs, on this machine as it is now: by `RESILIENCE_MEASURE=1`, in release, for the tests have nothing
    /// to hold it against.
    @Suite(
        "Measured", .serialized,
        .enabled(
            if: RedisServer.isInstalled && ProcessInfo.processInfo.environment["RESILIENCE_MEASURE"] != nil,
            "RESILIENCE_MEASURE is not set"))
    struct MeasuredTests {
        @Test("round trips of each operation")
        func roundTrips() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    let store = RedisStore(client)
                    let slots = (0..<2).map {
                        CircuitReport.Slot(number: $0, age: .zero, counts: SharedCounts(calls: 100, failures: 1))
                    }
                    try await measure("PING") { _ = try await client.send(["PING"]) }
                    try await measure("exchange of a circuit") {
                        _ = try await store.exchange(
                            CircuitReport(circuit: "c", node: "a", rule: SharedCircuitRule(), slots: slots))
                    }
                    try await measure("permits") { _ = try await store.take(request("q", nil)) }
                    for nodes in [16, 100, 1_000] {
                        for node in 0..<nodes {
                            _ = try await store.exchange(
                                CircuitReport(
                                    circuit: "c \(nodes)", node: "node \(node)",
                                    rule: SharedCircuitRule(minimumShare: 1),
                                    slots: slots))
                        }
                        try await measure("exchange of a circuit of \(nodes) nodes") {
                            _ = try await store.exchange(
                                CircuitReport(
                                    circuit: "c \(nodes)", node: "node 1", rule: SharedCircuitRule(minimumShare: 1),
                                    slots: slots))
                        }
                    }
                }
            }
        }

        private func measure(_ name: String, count: Int = 3_000, _ body: () async throws -> Void) async throws {
            var times: [Duration] = []
            for _ in 0..<count { times.append(try await ContinuousClock().measure { try await body() }) }
            tell(name, times)
        }

        private func tell(_ name: String, _ times: [Duration]) {
            let times = times.sorted()
            let shown = [50, 99].map { "p\($0) \(times[times.count * $0 / 100])" }.joined(separator: ", ")
            print("MEASURED \(name): \(shown), longest \(times.last ?? .zero)")
        }

        @Test("from the failure that trips to open on all of 16 nodes, and commands a second at rest and under load")
        func opening() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { watcher in
                    var times: [Duration] = []
                    for round in 0..<30 {
                        let nodes = try (0..<16).map { try Node("r\(round)", $0, server.url) }
                        let tasks = nodes.map { node in Task { try await node.fleet.run() } }
                        for node in nodes {
                            #expect(await eventually { node.fleet.totals.succeededExchanges > 0 })
                            for _ in 0..<20 { try? await node.breaker.execute {} }
                        }
                        let channel = RedisStore(watcher).keys.changes("r\(round)")
                        #expect(await eventually { (try? await subscribers(of: channel, watcher)) == 16 })
                        #expect(await eventually { nodes[0].fleet.shared.counts.calls >= 0 })
                        if round == 0 {
                            try await rate("at rest, 16 nodes", watcher)
                            let load = Task {
                                while !Task.isCancelled {
                                    for node in nodes { try? await node.breaker.execute {} }
                                    try? await Task.sleep(for: .milliseconds(1))
                                }
                            }
                            try await rate("under load of 16 000 calls a second", watcher)
                            load.cancel()
                            let failing = Task {
                                while !Task.isCancelled {
                                    for node in nodes.dropFirst(15) {
                                        try? await node.breaker.execute { throw InjectedFailure() }
                                    }
                                    try? await Task.sleep(for: .milliseconds(1))
                                }
                            }
                            try await rate("one node with 1 000 failures a second", watcher)
                            failing.cancel()
                            _ = await failing.result
                            for task in tasks {
                                task.cancel()
                                _ = await task.result
                            }
                            continue
                        }
                        // All but the last failure.
                        for node in nodes.prefix(7) { try? await node.breaker.execute { throw InjectedFailure() } }
                        #expect(await eventually { nodes[0].fleet.totals.succeededExchanges > 2 })
                        let heard = Heard()
                        for node in nodes { node.breaker.addObserver(OpenObserver(heard)) }
                        try? await Task.sleep(for: .milliseconds(30))
                        let begin = ContinuousClock.now
                        try? await nodes[7].breaker.execute { throw InjectedFailure() }
                        #expect(await eventually { heard.all.count == 16 })
                        for text in heard.all {
                            if let nanoseconds = Int64(text) {
                                times.append(.nanoseconds(nanoseconds) - begin.duration(from: ContinuousClock.start))
                            }
                        }
                        for task in tasks {
                            task.cancel()
                            _ = await task.result
                        }
                    }
                    tell("from the failure that trips to open, each of 16 nodes", times)
                }
            }
        }

        private func rate(_ name: String, _ client: RedisClient) async throws {
            func count() async throws -> Int {
                guard case .string(let text) = try await client.send(["INFO", "commandstats"]) else { return 0 }
                let line = text.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_evalsha:") }
                return line.flatMap { Int($0.drop { $0 != "=" }.dropFirst().prefix { $0.isNumber }) } ?? 0
            }
            try? await Task.sleep(for: .seconds(2))
            let begin = try await count()
            try? await Task.sleep(for: .seconds(10))
            print("MEASURED commands a second \(name): \(Double(try await count() - begin) / 10)")
        }
    }

    private final class OpenObserver: PolicyObserver {
        private let heard: Heard

        init(_ heard: Heard) { self.heard = heard }

        func observe(_ event: some PolicyEvent) {
            let now = ContinuousClock.now.duration(from: ContinuousClock.start)
            if event.name == "circuit_breaker.transition" { heard.append("\(now.saturatedNanoseconds)") }
        }
    }

    extension ContinuousClock {
        fileprivate static let start = ContinuousClock.now
    }

    extension ContinuousClock.Instant {
        fileprivate func duration(from other: Self) -> Duration { other.duration(to: self) }
    }

    private final class Node: Sendable {
        let breaker: CircuitBreaker
        let fleet: FleetCircuit
        private let client: RedisClient

        init(_ name: String, _ number: Int, _ url: String) throws {
            client = try RedisClient(url, .patient)
            breaker = try CircuitBreaker(name, .init(trip: .consecutiveFailures(1_000_000)))
            fleet = try FleetCircuit(
                breaker,
                .init(
                    rule: SharedCircuitRule(
                        trip: name == "r0" ? .failures(1_000_000) : .failures(8), window: .seconds(60),
                        minimumShare: 0.5,
                        breakLength: .fixed(.seconds(600))), operationLimit: .seconds(5)),
                through: RedisStore(client),
                node: "node \(number)")
        }
    }
#endif
