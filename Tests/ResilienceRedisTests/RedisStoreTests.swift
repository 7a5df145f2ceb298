#if Redis
    import CircuitBreakers
    import RateLimiters
    import ResilienceCore
    import Testing

    @testable import ResilienceRedis

    @Suite("The store on a real server", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    struct RedisStoreTests {
        static let rule = SharedCircuitRule(trip: .failures(1), minimumNodes: 1, maxNodeShare: 1)
        static let quota = SharedQuotaRule(permits: 10, period: .seconds(3_600), burst: 10)

        @Test("every key has a time to live, its name in braces and nothing of the name outside of them")
        func keys() async throws {
            try await withStore { client, store in
                let names = ["payments", "a{b}c", "a:b", "a/b", "", "é%", "{}", " \r\n"]
                for name in names {
                    _ = try await store.exchange(report(name, .open(.seconds(60))))
                    _ = try await store.take(request(name, nil))
                    _ = try await store.take(request(name, ""))
                    _ = try await store.take(request(name, name))
                    _ = try await store.exchange(BudgetReport(budget: name, change: 1, capacity: 10, known: 5))
                    _ = try await store.pause(name, for: .seconds(10))
                }
                // Names and keys do not run into each other; that of "" without a name is there once.
                _ = try await store.take(request("a", "b"))
                let keys = try await strings(client.send(["KEYS", "*"]))
                #expect(keys.count == names.count * 6)
                for key in keys {
                    #expect(
                        key.wholeMatch(of: /resilience:\{[A-Za-z0-9_.%\/-]*\}:(circuit|quota|budget|pause)/) != nil,
                        "\(key)")
                    guard case .integer(let rest) = try await client.send(["PTTL", key]) else { continue }
                    #expect(rest > 0, "\(key)")
                }
                #expect(keys.contains("resilience:{payments}:circuit"))
                #expect(keys.contains("resilience:{a%7Bb%7Dc/a%7Bb%7Dc}:quota"))
                for name in names { #expect(RedisKeys.unescaped(RedisKeys.escaped(name)) == name) }
                // Another fleet on the same server knows nothing of it.
                let other = RedisStore(client, prefix: "other:fleet")
                #expect(try await other.exchange(report("payments")).epoch == 0)
                #expect(try await store.exchange(report("payments")).epoch == 1)
            }
        }

        @Test("the server's clock ends breaks, leases and pauses")
        func clock() async throws {
            try await withStore { _, store in
                let opened = try await store.exchange(report("c", .open(.milliseconds(1))))
                #expect(await eventually { (try? await store.exchange(report("c")).phase) == .open(remaining: .zero) })
                let leased = try await store.exchange(report("c", .lease(.milliseconds(1)), known: opened))
                #expect(leased.epoch == 2)
                #expect(await eventually { (try? await store.exchange(report("c")).epoch) == 3 })
                _ = try await store.pause("p", for: .milliseconds(1))
                #expect(await eventually { (try? await store.pause("p", for: .zero)) == .zero })
                #expect(try await store.pause("p", for: .seconds(100)) == .seconds(100))
                #expect(try await store.pause("p", for: .seconds(-1)) > .seconds(50))
                #expect(try await store.pause("p", for: .seconds(1_000_000)) == .seconds(86_400))
            }
        }

        @Test(
            "each change is heard, with the node that probes; what a newer version adds is ignored, and what it changes too"
        )
        func changes() async throws {
            try await withStore { client, store in
                let heard = Heard()
                let listener = Task {
                    try await store.changes(of: ["a{}", "b"]) { name, state in
                        heard.append("\(name) \(state.epoch) \(state.phase)")
                    }
                }
                let channel = store.keys.changes("a{}")
                #expect(await eventually { (try? await subscribers(of: channel, client)) == 1 })
                var state = try await store.exchange(report("a{}", .open(.milliseconds(1))))
                #expect(
                    await eventually {
                        (try? await store.exchange(report("a{}", known: state)).phase) == .open(remaining: .zero)
                    })
                state = try await store.exchange(report("a{}", .lease(.seconds(60)), node: "n 1\n%", known: state))
                state = try await store.exchange(report("a{}", known: state))
                _ = try await store.exchange(report("a{}", .succeeded(epoch: 2), node: "n 1\n%", known: state))
                _ = try await client.send(["PUBLISH", channel, "1 c 0 9 0 0 0 0 0 0 x more of it"])
                for text in [
                    "2 o 1 9 0 0 0 0 0 0 x", "", "1", "1 x 0 9 0 0 0 0 0 0 x", "1 o 1 1 1 1 1 1 1 1",
                    "1 c a 9 0 0 0 0 0 0 x",
                ] {
                    _ = try await client.send(["PUBLISH", channel, text])
                }
                _ = try await store.exchange(report("b", .close))
                #expect(await eventually { heard.all.last == "b 1 closed" })
                let expected = [
                    "a{} 1 \(SharedCircuit.Phase.open(remaining: .milliseconds(1)))",
                    "a{} 2 \(SharedCircuit.Phase.probing(node: "n 1\n%", remaining: .seconds(60)))", "a{} 3 closed",
                    "a{} 9 closed", "b 1 closed",
                ]
                #expect(heard.all == expected)
                listener.cancel()
                await #expect(throws: CancellationError.self) { try await listener.value }
            }
        }

        @Test("what has changed while the connection was lost is told when there is one again")
        func gap() async throws {
            try await RedisServer.with { server in
                try await Proxy.with(server.port) { proxy, url in
                    let (near, far) = (try RedisClient(url, .patient), try RedisClient(server.url, .patient))
                    let (listening, store) = (RedisStore(near), RedisStore(far))
                    let heard = Heard()
                    let listener = Task {
                        try await listening.changes(of: ["a", "b"]) { name, state in
                            heard.append("\(name) \(state.epoch)")
                        }
                    }
                    let channel = store.keys.changes("a")
                    #expect(await eventually { (try? await subscribers(of: channel, far)) == 1 })
                    _ = try await store.exchange(report("a", .open(.seconds(60))))
                    #expect(await eventually { heard.all == ["a 1"] })
                    proxy.set(.cut)
                    proxy.closeAll()
                    #expect(await eventually { (try? await subscribers(of: channel, far)) == 0 })
                    let known = try await store.exchange(report("a"))
                    _ = try await store.exchange(report("a", .close, known: known))
                    proxy.set(.pass)
                    #expect(await eventually { heard.all.contains("a 2") })
                    #expect(heard.all == ["a 1", "a 2"])
                    listener.cancel()
                    await #expect(throws: CancellationError.self) { try await listener.value }
                }
            }
        }

        @Test("a pause that is longer than those before is heard, with the service's name")
        func pauses() async throws {
            try await withStore { client, store in
                let heard = Heard()
                let listener = Task { try await store.pauses { name, rest in heard.append("\(name) \(rest)") } }
                #expect(await eventually { (try? await subscribers(of: store.keys.pauses, client)) == 1 })
                for seconds in [100, 50, 200] { _ = try await store.pause("a b", for: .seconds(seconds)) }
                _ = try await client.send(["PUBLISH", store.keys.pauses, "2 1 x"])
                _ = try await store.pause("z", for: .seconds(1))
                #expect(await eventually { heard.all.count == 3 })
                #expect(heard.all == ["a b 100.0 seconds", "a b 200.0 seconds", "z 1.0 seconds"])
                listener.cancel()
                _ = await listener.result
            }
        }

        @Test("X-39: a record of a newer version is told and not touched; fields that are added are ignored and kept")
        func versions() async throws {
            try await withStore { client, store in
                let operations: [(String, () async throws -> Void)] = [
                    (store.keys.circuit("x"), { _ = try await store.exchange(report("x", .open(.seconds(1)))) }),
                    (store.keys.quota("x", key: nil), { _ = try await store.take(request("x", nil)) }),
                    (
                        store.keys.budget("x"),
                        { _ = try await store.exchange(BudgetReport(budget: "x", change: 1, capacity: 9, known: 1)) }
                    ),
                    (store.keys.pause("x"), { _ = try await store.pause("x", for: .seconds(1)) }),
                ]
                for (key, operation) in operations {
                    _ = try await client.send(["HSET", key, "v", "2", "new", "1"])
                    let before = try await client.send(["HGETALL", key])
                    await #expect(throws: SharedStateError.incompatibleVersion(found: 2, known: 1)) {
                        try await operation()
                    }
                    #expect(try await client.send(["HGETALL", key]) == before)
                    #expect(try await client.send(["PTTL", key]) == .integer(-1))
                    _ = try await client.send(["HSET", key, "v", "1"])
                    try await operation()
                    #expect(try await client.send(["HGET", key, "new"]) == .string("1"))
                }
            }
        }

        @Test("a script that the server has forgotten is sent again, and is named as the server names it")
        func scripts() async throws {
            try await withStore { client, store in
                for script in [RedisScript.circuit, .state, .quota, .budget, .pause, .check] {
                    #expect(try await client.send(["SCRIPT", "LOAD", script.text]) == .string(script.sha1))
                }
                #expect(SHA1.hexadecimal(of: []) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
                for length in 50..<70 {
                    let text = String(repeating: "-- ", count: length / 3) + String(repeating: " ", count: length % 3)
                    let sha1 = SHA1.hexadecimal(of: Array(text.utf8))
                    #expect(try await client.send(["SCRIPT", "LOAD", text]) == .string(sha1))
                }
                for _ in 0..<3 {
                    _ = try await client.send(["SCRIPT", "FLUSH"])
                    _ = try await store.exchange(report("x"))
                    _ = try await store.exchange(report("x"))
                }
            }
        }

        @Test("a key with something else in it is malformed, and stays so")
        func foreign() async throws {
            try await withStore { client, store in
                _ = try await client.send(["SET", store.keys.circuit("x"), "1"])
                await #expect(throws: SharedStateError.self) { try await store.exchange(report("x")) }
                _ = try await client.send(["HSET", store.keys.quota("x", key: nil), "u", "99999999999999999", "m", "a"])
                _ = try? await store.take(request("x", nil))
                _ = try await client.send(["HSET", store.keys.circuit("y"), "n:a", "nonsense"])
                let error = await #expect(throws: SharedStateError.self) { try await store.exchange(report("y")) }
                guard case .malformed = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
            }
        }

        @Test("a server that refuses, or cannot now, is told apart")
        func states() async throws {
            try await withStore { client, store in
                try await store.check()
                _ = try await client.send(["CONFIG", "SET", "maxmemory", "1"])
                await expect("unavailable") { try await store.check() }
                await expect("unavailable") { _ = try await store.exchange(report("x")) }
                _ = try await client.send(["CONFIG", "SET", "maxmemory", "0"])
                _ = try await client.send(["CONFIG", "SET", "min-replicas-to-write", "1"])
                await expect("unavailable") { _ = try await store.take(request("x", nil)) }
                _ = try await client.send(["CONFIG", "SET", "min-replicas-to-write", "0"])
                _ = try await store.take(request("x", nil))
                _ = try await client.send(["REPLICAOF", "127.0.0.1", "1"])
                await expect("unavailable") { try await store.check() }
                await expect("unavailable") { _ = try await store.take(request("x", nil)) }
                _ = try await client.send(["REPLICAOF", "NO", "ONE"])
                try await store.check()
                _ = try await client.send(["ACL", "SETUSER", "default", "-@scripting"])
                await expect("refused") { try await store.check() }
                _ = try await client.send([
                    "ACL", "SETUSER", "default", "+@all", "resetchannels", "resetkeys", "~other:*",
                ])
                await expect("refused") { _ = try await store.exchange(report("x")) }
                _ = try await client.send(["ACL", "SETUSER", "default", "~*"])
                await expect("refused") { try await store.changes(of: ["x"]) { _, _ in } }
                // Without a right to the channel the others see a change when they ask.
                await expect("refused") { try await store.check() }
                #expect(try await store.exchange(report("x", .close)).epoch == 1)
            }
            try await RedisServer.with(["--rename-command", "EVALSHA", ""]) { server in
                try await withClient(server.url) { client in
                    await expect("refused") { try await RedisStore(client).check() }
                }
            }
        }

        private func expect(_ kind: String, _ operation: () async throws -> Void) async {
            do {
                try await operation()
                Issue.record("nothing was thrown, not \(kind)")
            } catch {
                let found =
                    switch error as? SharedStateError {
                    case .unavailable: "unavailable"
                    case .refused: "refused"
                    default: "\(error)"
                    }
                #expect(found == kind, "\(error)")
            }
        }

        @Test("over another client errors are values with its prefix, and take no longer than allowed")
        func otherClients() async throws {
            try await withStore { client, _ in
                let slow = Lock(false)
                let adapter = Adapter { words in
                    if slow.withLock({ $0 }) { try await Task.sleep(for: .seconds(3_600)) }
                    guard case .error(let text) = try await client.send(words) else {
                        return try await client.send(words)
                    }
                    return .error("(Redis) \(text)")
                }
                var store = RedisStore(commands: adapter, channels: nil, operationLimit: .seconds(10))
                _ = try await client.send(["SCRIPT", "FLUSH"])
                _ = try await store.exchange(report("x", .close))
                await #expect(throws: SharedStateError.unavailable("this client has no channels")) {
                    try await store.changes(of: ["x"]) { _, _ in }
                }
                slow.withLock { $0 = true }
                store = RedisStore(commands: adapter, channels: client, operationLimit: .milliseconds(1))
                await #expect(throws: SharedStateError.timedOut(.milliseconds(1))) { try await store.check() }
                struct Failure: Error { var password = "hunter2" }
                let failing = RedisStore(
                    commands: Adapter { _ in throw Failure() }, channels: nil, operationLimit: .seconds(10))
                await #expect(throws: SharedStateError.unavailable("the client failed with Failure")) {
                    try await failing.check()
                }
                for reply in [
                    RedisReply.null, .string(""), .integer(1), .array([]), .array([.string("o")]), .array([.null]),
                ] {
                    let odd = RedisStore(commands: Adapter { _ in reply }, channels: nil, operationLimit: .seconds(10))
                    await #expect(throws: SharedStateError.self) { try await odd.exchange(report("x")) }
                    await #expect(throws: SharedStateError.self) { try await odd.take(request("x", nil)) }
                }
            }
        }
    }

    /// A client of somebody else.
    private struct Adapter: RedisCommands {
        var body: @Sendable ([String]) async throws -> RedisReply

        init(_ body: @escaping @Sendable ([String]) async throws -> RedisReply) { self.body = body }

        func send(_ words: [String]) async throws -> RedisReply { try await body(words) }
    }

    private func withStore(_ body: (RedisClient, RedisStore) async throws -> Void) async throws {
        try await RedisServer.with { server in
            try await withClient(server.url) { try await body($0, RedisStore($0)) }
        }
    }

    private func strings(_ reply: RedisReply) -> [String] {
        guard case .array(let elements) = reply else { return [] }
        return elements.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }

    func report(
        _ circuit: String, _ request: CircuitReport.Request = .nothing, node: String = "a", known: SharedCircuit = .new
    ) -> CircuitReport {
        CircuitReport(circuit: circuit, node: node, rule: RedisStoreTests.rule, known: known, request: request)
    }

    func request(_ quota: String, _ key: String?) -> PermitRequest {
        PermitRequest(quota: quota, key: key, rule: RedisStoreTests.quota, wanted: 1)
    }
#endif
