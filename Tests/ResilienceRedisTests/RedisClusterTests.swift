#if Redis
    import CircuitBreakers
    import RateLimiters
    import ResilienceCore
    import Testing

    @testable import ResilienceRedis

    @Suite("A cluster of three", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    struct RedisClusterTests {
        @Test("every circuit and quota is found on its server, from whichever one is asked first")
        func spread() async throws {
            try await withCluster { servers in
                let stores = try servers.map { RedisStore(try RedisClient($0.url, .patient)) }
                let rule = SharedCircuitRule(trip: .failures(1), minimumNodes: 1, maxNodeShare: 1)
                let quota = SharedQuotaRule(permits: 1, period: .seconds(3_600), burst: 3)
                for number in 0..<40 {
                    let name = "circuit \(number)"
                    let report = CircuitReport(circuit: name, node: "a", rule: rule, request: .open(.seconds(60)))
                    let opened = try await stores[number % 3].exchange(report)
                    #expect(opened.epoch == 1)
                    for store in stores {
                        let seen = try await store.exchange(CircuitReport(circuit: name, node: "b", rule: rule))
                        #expect(seen.epoch == 1)
                        let grant = try await store.take(
                            PermitRequest(quota: "q", key: "\(number)", rule: quota, wanted: 1))
                        #expect(grant.granted == 1)
                    }
                }
                var sizes: [RedisReply] = []
                for server in servers {
                    try await withClient(server.url) { sizes.append(try await $0.send(["DBSIZE"])) }
                }
                #expect(!sizes.contains(.integer(0)), "\(sizes)")
            }
        }

        @Test("what one server publishes is heard from another")
        func channels() async throws {
            try await withCluster { servers in
                let stores = try servers.map { RedisStore(try RedisClient($0.url, .patient)) }
                let heard = Heard()
                let listener = Task {
                    try await stores[0].changes(of: ["a", "b", "c", "d"]) { name, state in
                        heard.append("\(name) \(state.epoch)")
                    }
                }
                try await withClient(servers[0].url) { client in
                    let channel = stores[0].keys.changes("d")
                    #expect(await eventually { (try? await subscribers(of: channel, client)) == 1 })
                }
                for name in ["a", "b", "c", "d"] {
                    let report = CircuitReport(
                        circuit: name, node: "a", rule: SharedCircuitRule(), request: .open(.seconds(60)))
                    _ = try await stores[2].exchange(report)
                }
                #expect(await eventually { Set(heard.all) == ["a 1", "b 1", "c 1", "d 1"] }, "\(heard.all)")
                listener.cancel()
                _ = await listener.result
            }
        }

        @Test("a key that is on its way to another server is asked for there, and no other goes with it")
        func asking() async throws {
            try await withCluster { servers in
                let store = RedisStore(try RedisClient(servers[0].url, .patient))
                let (key, slot) = (store.keys.circuit("moving"), ClusterMap.slot(of: store.keys.circuit("moving")))
                let owner = slot / 5_462
                let target = (owner + 1) % 3
                var ids: [String] = []
                for server in servers {
                    try await withClient(server.url) { client in
                        if case .string(let id) = try await client.send(["CLUSTER", "MYID"]) { ids.append(id) }
                    }
                }
                try await withClient(servers[target].url) { client in
                    let reply = try await client.send(["CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", ids[owner]])
                    #expect(reply == .string("OK"))
                }
                try await withClient(servers[owner].url) { client in
                    let reply = try await client.send(["CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", ids[target]])
                    #expect(reply == .string("OK"))
                }
                for _ in 0..<2 {
                    let report = CircuitReport(circuit: "moving", node: "a", rule: SharedCircuitRule(), request: .close)
                    _ = try await store.exchange(report)
                }
                try await withClient(servers[target].url) { client in
                    // On its owner it is not, and on the other one only for who asks.
                    let count = try await client.send(["CLUSTER", "COUNTKEYSINSLOT", "\(slot)"])
                    #expect(count == .integer(1), "\(key)")
                }
            }
        }

        @Test("a server that is gone takes its own keys with it, and no others, also if it was the one in the URL")
        func loss() async throws {
            try await withCluster { servers in
                let client = try RedisClient(servers[0].url, .patient)
                let store = RedisStore(client)
                let names = (0..<20).map { "circuit \($0)" }
                func known(_ name: String) async throws -> SharedCircuit {
                    try await store.exchange(CircuitReport(circuit: name, node: "a", rule: SharedCircuitRule()))
                }
                for name in names { _ = try await known(name) }
                await servers[0].kill()
                // Also those that were never asked for, of which the client does not know where they are.
                for name in names + (20..<60).map({ "circuit \($0)" }) {
                    let isThere = ClusterMap.slot(of: store.keys.circuit(name)) / 5_462 != 0
                    if isThere {
                        _ = try await known(name)
                    } else {
                        await #expect(throws: SharedStateError.self) { try await known(name) }
                    }
                }
            }
        }

        /// Three servers that have a third of the slots each.
        private func withCluster(_ body: ([RedisServer]) async throws -> Void) async throws {
            let ports = [
                try await RedisServer.freePort(), try await RedisServer.freePort(), try await RedisServer.freePort(),
            ]
            func arguments(_ index: Int) -> [String] {
                [
                    "--cluster-enabled", "yes", "--cluster-port", "\(ports[index])", "--cluster-node-timeout", "60000",
                    "--cluster-require-full-coverage", "no",
                ]
            }
            try await RedisServer.with(arguments(0)) { first in
                try await RedisServer.with(arguments(1)) { second in
                    try await RedisServer.with(arguments(2)) { third in
                        let servers = [first, second, third]
                        for (index, server) in servers.enumerated() {
                            try await withClient(server.url) { client in
                                let slots = ["\(index * 5_462)", "\(min(index * 5_462 + 5_461, 16_383))"]
                                let added = try await client.send(["CLUSTER", "ADDSLOTSRANGE"] + slots)
                                #expect(added == .string("OK"))
                                let met = try await client.send(
                                    ["CLUSTER", "MEET", "127.0.0.1", "\(first.port)", "\(ports[0])"])
                                #expect(met == .string("OK"))
                            }
                        }
                        for server in servers {
                            let isReady = await eventually {
                                (try? await withClient(server.url) { client in
                                    guard case .string(let text) = try await client.send(["CLUSTER", "INFO"]) else {
                                        return false
                                    }
                                    return text.contains("cluster_state:ok") && text.contains("cluster_slots_ok:16384")
                                }) ?? false
                            }
                            try #require(isReady)
                        }
                        try await body(servers)
                    }
                }
            }
        }
    }
#endif
