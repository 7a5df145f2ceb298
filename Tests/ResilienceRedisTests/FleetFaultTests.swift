#if Redis
    import CircuitBreakers
    import ResilienceCore
    import ResilienceTesting
    import Testing

    @testable import ResilienceRedis

    @Suite("A fleet whose server fails", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    struct FleetFaultTests {
        /// What happens to the server, or to the way there.
        enum Fault: String, CaseIterable, Sendable {
            case killed, stopped, readOnly, outOfMemory, noReplicas, cutInReplies, slow, silent
        }

        @Test(
            "X-33, X-34: calls go on by themselves; one event says so, and one that it is over; nothing is lost or counted twice",
            arguments: Fault.allCases)
        func outage(_ fault: Fault) async throws {
            try await RedisServer.with { server in
                try await Proxy.with(server.port) { proxy, url in
                    let nodes = try (0..<2).map { try Node($0, url) }
                    let tasks = nodes.map { node in Task { try await node.fleet.run() } }
                    for node in nodes { #expect(await eventually { node.fleet.totals.succeededExchanges > 0 }) }
                    // The fleet works: both have told of a failure.
                    for node in nodes { await node.fail() }
                    #expect(await eventually { nodes.allSatisfy { $0.fleet.shared.counts.failures == 2 } })

                    try await begin(fault, server, proxy)
                    for node in nodes {
                        await node.fail()
                        #expect(await eventually { node.fleet.isDegraded }, "\(node.recorder.names)")
                        for _ in 0..<100 { await node.succeed() }
                    }
                    try await end(fault, server, proxy)
                    // Four failures in all, two of each: enough to open together, if each is there once.
                    for node in nodes {
                        #expect(await eventually { !node.fleet.isDegraded })
                        #expect(
                            await eventually { node.breaker.state.isOpen },
                            "\(node.fleet.shared) \(node.recorder.names)")
                        let shared = node.fleet.shared
                        #expect((shared.epoch, shared.counts.failures, shared.nodes, shared.witnesses) == (1, 4, 2, 2))
                        // That it opened may be heard before the first answer comes.
                        #expect(node.events.first == "degraded")
                        #expect(node.events.sorted() == ["degraded", "opened", "recovered"])
                        #expect(node.lost == 0)
                    }
                    for task in tasks {
                        task.cancel()
                        _ = await task.result
                    }
                }
            }
        }

        @Test("a node cut off alone goes on by itself while the others open, and opens too once it is back")
        func partitioned() async throws {
            try await RedisServer.with { server in
                try await Proxy.with(server.port) { proxy, url in
                    let others = try (0..<2).map { try Node($0, server.url) }
                    let cutOff = try Node(2, url)
                    let nodes = others + [cutOff]
                    let tasks = nodes.map { node in Task { try await node.fleet.run() } }
                    for node in nodes { #expect(await eventually { node.fleet.totals.succeededExchanges > 0 }) }
                    proxy.set(.silent)
                    #expect(await eventually { cutOff.fleet.isDegraded })
                    for node in others {
                        await node.fail()
                        await node.fail()
                    }
                    for node in others {
                        #expect(
                            await eventually { node.breaker.state.isOpen },
                            "\(node.fleet.shared) \(node.recorder.names)")
                        #expect(node.events == ["opened"] && !node.fleet.isDegraded)
                    }
                    for _ in 0..<100 { await cutOff.succeed() }
                    #expect(cutOff.breaker.state == .closed && cutOff.lost == 0)
                    proxy.set(.pass)
                    #expect(await eventually { cutOff.breaker.state.isOpen && !cutOff.fleet.isDegraded })
                    #expect(cutOff.events.first == "degraded")
                    #expect(cutOff.events.sorted() == ["degraded", "opened", "recovered"])
                    for task in tasks {
                        task.cancel()
                        _ = await task.result
                    }
                }
            }
        }

        @Test("a server that was emptied learns again what was counted, and that the circuit is open")
        func emptied() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    let nodes = try (0..<2).map { try Node($0, server.url) }
                    let tasks = nodes.map { node in Task { try await node.fleet.run() } }
                    for node in nodes {
                        #expect(await eventually { node.fleet.totals.succeededExchanges > 0 })
                        await node.fail()
                    }
                    #expect(await eventually { nodes.allSatisfy { $0.fleet.shared.counts.failures == 2 } })
                    _ = try await client.send(["FLUSHALL"])
                    for node in nodes { await node.fail() }
                    for node in nodes { #expect(await eventually { node.breaker.state.isOpen }) }
                    let before = nodes[0].fleet.shared
                    #expect(before.counts.failures == 4)
                    _ = try await client.send(["FLUSHALL"])
                    let store = RedisStore(client)
                    #expect(
                        await eventually {
                            let state = try? await store.exchange(
                                CircuitReport(circuit: "payments", node: "watcher", rule: Node.rule))
                            guard let state, case .open(let rest) = state.phase else { return false }
                            return state.epoch == before.epoch && rest > .zero
                        })
                    for node in nodes {
                        #expect(node.breaker.state.isOpen)
                        #expect(node.events == ["opened"])
                    }
                    for task in tasks {
                        task.cancel()
                        _ = await task.result
                    }
                }
            }
        }

        @Test("without a server a fleet that requires one says why, and one that does not goes on alone")
        func noServer() async throws {
            let port = try await RedisServer.freePort()
            for isRequired in [true, false] {
                let node = try Node(0, "redis://127.0.0.1:\(port)", isRequired: isRequired)
                let task = Task { try await node.fleet.run() }
                if isRequired {
                    let error = await #expect(throws: SharedStateError.self) { try await task.value }
                    #expect(String(describing: error).contains("127.0.0.1:\(port)"))
                } else {
                    #expect(await eventually { node.fleet.isDegraded })
                    await node.succeed()
                    #expect(node.lost == 0)
                    task.cancel()
                    _ = await task.result
                    #expect(node.events == ["degraded"])
                }
            }
        }

        private func begin(_ fault: Fault, _ server: RedisServer, _ proxy: Proxy) async throws {
            switch fault {
            case .killed: await server.kill()
            case .stopped: server.stop()
            case .readOnly: try await command(server, ["REPLICAOF", "127.0.0.1", "1"])
            case .outOfMemory: try await command(server, ["CONFIG", "SET", "maxmemory", "1"])
            case .noReplicas: try await command(server, ["CONFIG", "SET", "min-replicas-to-write", "1"])
            case .cutInReplies: proxy.set(.cut)
            case .slow: proxy.set(.slow(.seconds(6)))
            case .silent: proxy.set(.silent)
            }
        }

        private func end(_ fault: Fault, _ server: RedisServer, _ proxy: Proxy) async throws {
            switch fault {
            case .killed: try await server.start()
            case .stopped: server.resume()
            case .readOnly: try await command(server, ["REPLICAOF", "NO", "ONE"])
            case .outOfMemory: try await command(server, ["CONFIG", "SET", "maxmemory", "0"])
            case .noReplicas: try await command(server, ["CONFIG", "SET", "min-replicas-to-write", "0"])
            case .cutInReplies, .slow, .silent: proxy.set(.pass)
            }
        }

        private func command(_ server: RedisServer, _ words: [String]) async throws {
            try await withClient(server.url) { client in
                let reply = try await client.send(words)
                #expect(reply == .string("OK"))
            }
        }
    }

    /// A node of a fleet, whose breaker does not open by its own rule.
    private final class Node: Sendable {
        static let rule = SharedCircuitRule(
            trip: .failures(4), window: .seconds(60), breakLength: .fixed(.seconds(600)))

        let breaker: CircuitBreaker
        let fleet: FleetCircuit
        let recorder = EventRecorder()
        private let client: RedisClient
        private let failed = Lock(0)

        init(_ number: Int, _ url: String, isRequired: Bool = false) throws {
            var configuration = RedisClient.Configuration.patient
            configuration.maxSilence = .seconds(4)
            client = try RedisClient(url, configuration)
            breaker = try CircuitBreaker("payments", .init(trip: .consecutiveFailures(1_000)))
            fleet = try FleetCircuit(
                breaker,
                .init(
                    rule: Self.rule, tick: .milliseconds(50), operationLimit: .seconds(3),
                    maxRetryDelay: .milliseconds(200), isRequired: isRequired),
                through: RedisStore(client),
                node: "node \(number)", observers: [recorder])
        }

        /// Calls that did not end as the service did.
        var lost: Int { failed.withLock { $0 } }

        var events: [String] { recorder.names.map { String($0.split(separator: ".").last ?? "") } }

        func succeed() async {
            do { try await breaker.execute {} } catch { failed.withLock { $0 += 1 } }
        }

        func fail() async {
            do {
                try await breaker.execute { throw InjectedFailure() }
            } catch {
                if !(error is InjectedFailure) { failed.withLock { $0 += 1 } }
            }
        }
    }

    extension CircuitBreaker.State {
        fileprivate var isOpen: Bool { if case .open = self { true } else { false } }
    }
#endif
