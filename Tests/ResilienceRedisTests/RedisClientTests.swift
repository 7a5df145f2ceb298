#if Redis
    import NIOCore
    import ResilienceCore
    import ResilienceTesting
    import Testing

    @testable import ResilienceRedis

    /// Commands and channels against a real server. Skipped where redis-server is not installed: `apt-get install
    /// redis-server`.
    @Suite("The client against a real server", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    struct RedisClientTests {
        @Test("commands have their replies, whatever bytes are in them")
        func commands() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    try await client.connect()
                    let text = "a\r\n\u{0}é$1\r\n*"
                    #expect(try await client.send(["SET", text, text]) == .string("OK"))
                    #expect(try await client.send(["GET", text]) == .string(text))
                    #expect(try await client.send(["GET", "none"]) == .null)
                    #expect(try await client.send(["HSET", "h", "a", "1"]) == .integer(1))
                    #expect(try await client.send(["HGETALL", "h"]) == .array([.string("a"), .string("1")]))
                    guard case .error(let error) = try await client.send(["NONSENSE"]) else {
                        Issue.record("no error")
                        return
                    }
                    #expect(error.contains("unknown command"))
                    await #expect(throws: SharedStateError.self) { try await client.send([]) }
                }
            }
        }

        @Test("a thousand commands at once over one connection each get their own reply")
        func pipelining() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    let replies = try await withThrowingTaskGroup(of: (Int, RedisReply).self) { group in
                        for number in 0..<1_000 {
                            group.addTask { (number, try await client.send(["ECHO", "\(number)"])) }
                        }
                        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
                    }
                    for number in 0..<1_000 { #expect(replies[number] == .string("\(number)")) }
                    #expect(await eventually { (try? await connections(client)) == 1 })
                }
            }
        }

        @Test("one that is cancelled ends at once and does not disturb the others")
        func cancellation() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    try await client.connect()
                    // The server answers in order, so that what comes behind waits, too.
                    let blocked = Task { try await client.send(["BLPOP", "list", "0"]) }
                    _ = await eventually { (try? await blockedClients(server)) == 1 }
                    let behind = Task { try await client.send(["ECHO", "behind"]) }
                    blocked.cancel()
                    await #expect(throws: CancellationError.self) { try await blocked.value }
                    try await withClient(server.url) { other in _ = try await other.send(["RPUSH", "list", "x"]) }
                    #expect(try await behind.value == .string("behind"))
                    #expect(try await client.send(["ECHO", "after"]) == .string("after"))
                    let early = Task { try await client.send(["INCR", "count"]) }
                    early.cancel()
                    _ = await early.result
                }
            }
        }

        private func blockedClients(_ server: RedisServer) async throws -> Int {
            try await withClient(server.url) { client in
                guard case .string(let text) = try await client.send(["INFO", "clients"]) else { return -1 }
                let line = text.split(separator: "\r\n").first { $0.hasPrefix("blocked_clients:") }
                return line.flatMap { Int($0.drop { $0 != ":" }.dropFirst()) } ?? -1
            }
        }

        @Test("user, password and database are as the URL says; a wrong password is refused and shown nowhere")
        func authentication() async throws {
            try await RedisServer.with(["--requirepass", "hunter2"]) { server in
                try await withClient("redis://:hunter2@127.0.0.1:\(server.port)") { client in
                    _ = try await client.send(["ACL", "SETUSER", "app", "on", ">s3cret@pass/word", "~*", "&*", "+@all"])
                }
                let at = "127.0.0.1:\(server.port)"
                for url in ["redis://app:s3cret%40pass%2Fword@\(at)/3", "redis://:hunter2@\(at)/3"] {
                    try await withClient(url) { client in
                        guard case .string(let text) = try await client.send(["CLIENT", "LIST"]) else { return }
                        #expect(text.contains("db=3") && text.contains("resp=3"))
                    }
                }
                let wrong = [
                    "redis://\(at)", "redis://:hunter3@\(at)", "redis://app:hunter2@\(at)",
                    "redis://nobody:hunter2@\(at)",
                    "redis://:hunter2@\(at)/9999",
                ]
                for url in wrong {
                    try await withClient(url) { client in
                        let error = await #expect(throws: SharedStateError.self) { try await client.connect() }
                        guard case .refused(let why) = error else {
                            Issue.record("\(String(describing: error)) at \(url)"); return
                        }
                        #expect(!why.contains("hunter") && !why.contains("s3cret"), "\(why)")
                        // Until it is tried again, others hear the same.
                        await #expect(throws: SharedStateError.self) { try await client.send(["PING"]) }
                    }
                }
            }
        }

        @Test("a server without RESP3 is spoken to in RESP2, and what it repeats of a password is shown nowhere")
        func fallback() async throws {
            // What Redis 5 answers.
            let answers: RawServer.Answer = { received in
                if received.contains("HELLO") {
                    return
                        "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `hunter2`, \r\n"
                }
                if received.contains("AUTH") {
                    return received.contains("hunter2") ? "+OK\r\n" : "-ERR invalid password\r\n"
                }
                if received.contains("SELECT") { return "+OK\r\n" }
                return "$-1\r\n"
            }
            try await RawServer.with(answers) { server, address in
                try await withClient("redis://:hunter2@\(address)/2") { client in
                    let reply = try await client.send(["GET", "x"])
                    #expect(reply == .null)
                    #expect(server.received.contains("SELECT"))
                }
                try await withClient("redis://:other@\(address)/2") { client in
                    let error = await #expect(throws: SharedStateError.self) { try await client.connect() }
                    #expect(!"\(String(describing: error))".contains("other"))
                }
            }
            try await RawServer.with({
                "-ERR unknown command, with args beginning with: \($0.filter { $0 != "\r" && $0 != "\n" })\r\n"
            }) {
                _, address in
                try await withClient("redis://me:hunter2@\(address)") { client in
                    let error = await #expect(throws: SharedStateError.self) { try await client.connect() }
                    #expect(!"\(String(describing: error))".contains("hunter2"))
                    #expect(!"\(String(describing: error))".contains("me"))
                }
            }
        }

        @Test("every listener of a channel hears each message, over one connection")
        func channels() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    try await listens(client, server)
                }
            }
        }

        @Test("in RESP2 messages come all the same")
        func oldChannels() async throws {
            // HELLO is unknown to the server that is asked so.
            try await RedisServer.with(["--rename-command", "HELLO", ""]) { server in
                try await withClient(server.url) { client in
                    guard case .string(let text) = try await client.send(["CLIENT", "LIST"]) else { return }
                    #expect(text.contains("resp=2"))
                    try await listens(client, server)
                }
            }
        }

        private func listens(_ client: RedisClient, _ server: RedisServer) async throws {
            let heard = Heard()
            let first = Task {
                try await client.subscribe(to: ["a", "b"]) { channel, text in
                    heard.append("1 \(channel) \(text)")
                }
            }
            #expect(await eventually { (try? await subscribers(of: "b", client)) == 1 })
            let second = Task {
                try await client.subscribe(to: ["b", "c"]) { channel, text in
                    heard.append("2 \(channel) \(text)")
                }
            }
            #expect(await eventually { (try? await subscribers(of: "c", client)) == 1 })
            for channel in ["a", "b", "c"] {
                #expect(try await client.send(["PUBLISH", channel, "x\r\ny"]) == .integer(1))
            }
            #expect(await eventually { heard.all.count == 4 })
            #expect(Set(heard.all) == ["1 a x\r\ny", "1 b x\r\ny", "2 b x\r\ny", "2 c x\r\ny"])
            // Who listens no longer is asked for no longer, and the others go on.
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            #expect(await eventually { (try? await subscribers(of: "c", client)) == 0 })
            #expect(try await client.send(["PUBLISH", "b", "again"]) == .integer(1))
            #expect(await eventually { heard.all.last == "1 b again" })
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(await eventually { (try? await subscribers(of: "a", client)) == 0 })
            #expect(client.channelCount == 0)
        }

        @Test("after the server was killed and started again, commands and channels work again")
        func restart() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    let heard = Heard()
                    let listener = Task {
                        try await client.subscribe(to: ["a"]) { _, text in heard.append(text) }
                    }
                    #expect(await eventually { (try? await subscribers(of: "a", client)) == 1 })
                    for round in 1...3 {
                        await server.kill()
                        let error = await #expect(throws: SharedStateError.self) {
                            while true { _ = try await client.send(["PING"]) }
                        }
                        guard case .unavailable = error else { Issue.record("\(String(describing: error))"); return }
                        try await server.start()
                        #expect(await eventually { (try? await subscribers(of: "a", client)) == 1 })
                        #expect(try await client.send(["PUBLISH", "a", "\(round)"]) == .integer(1))
                        #expect(await eventually { heard.all == (1...round).map { "\($0)" } })
                    }
                    listener.cancel()
                    _ = await listener.result
                }
            }
        }

        @Test("a server that stands still costs the limit and no more, bounded in number, and is connected to again")
        func standstill() async throws {
            try await RedisServer.with { server in
                var configuration = RedisClient.Configuration.patient
                (configuration.operationLimit, configuration.maxInFlight) = (.milliseconds(20), 8)
                configuration.maxSilence = .seconds(2)
                try await withClient(server.url, configuration) { client in
                    try await client.connect()
                    server.stop()
                    var errors: [SharedStateError] = []
                    for _ in 0..<9 {
                        do { _ = try await client.send(["PING"]) } catch let error as SharedStateError {
                            errors.append(error)
                        }
                    }
                    #expect(errors.count == 9)
                    #expect(errors.first == .timedOut(.milliseconds(20)))
                    server.resume()
                    #expect(await eventually { (try? await client.send(["ECHO", "x"])) == .string("x") })
                }
            }
        }

        @Test("a connection that is idle is looked after, and one whose server is gone is given up")
        func keepAlive() async throws {
            let isSilent = Lock(false)
            let answers: RawServer.Answer = { received in
                if received.contains("HELLO") { return "%0\r\n" }
                return isSilent.withLock { $0 }
                    ? "" : String(repeating: "+PONG\r\n", count: received.split(separator: "*").count)
            }
            try await RawServer.with(answers) { server, address in
                var configuration = RedisClient.Configuration.patient
                (configuration.keepAlive, configuration.maxSilence) = (.milliseconds(10), .seconds(2))
                try await withClient("redis://\(address)", configuration) { client in
                    try await client.connect()
                    #expect(await eventually { server.received.ranges(of: "PING").count > 4 })
                    #expect(server.connections == 1)
                    isSilent.withLock { $0 = true }
                    #expect(await eventually { (try? await client.send(["PING"])) == nil })
                    isSilent.withLock { $0 = false }
                    #expect(await eventually { (try? await client.send(["PING"])) != nil })
                    #expect(server.connections > 1)
                }
            }
        }

        @Test(
            "what is no Redis is an error that says so",
            arguments: [
                "HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\u{15}\u{3}\u{1}\u{0}",
                String(repeating: "*1\r\n", count: 250_000), "$99999999999\r\n", "%0\r\n:1\r\n:2\r\n",
            ])
        func noRedis(_ answer: String) async throws {
            try await RawServer.with({ _ in answer }) { _, address in
                try await withClient("redis://\(address)") { client in
                    let error = await #expect(throws: SharedStateError.self) {
                        try await client.connect()
                        while true { _ = try await client.send(["PING"]) }
                    }
                    guard case .malformed = error else { Issue.record("\(String(describing: error))"); return }
                    let listening = await #expect(throws: SharedStateError.self) {
                        try await client.subscribe(to: ["a"]) { _, _ in }
                    }
                    guard case .malformed = listening else { Issue.record("\(String(describing: listening))"); return }
                }
            }
        }

        @Test("a connection that is cut in a reply, or never greeted, is unavailable")
        func cut() async throws {
            try await RawServer.with({ _ in nil }) { _, address in
                try await withClient("redis://\(address)") { client in
                    let error = await #expect(throws: SharedStateError.self) { try await client.connect() }
                    #expect(error == .unavailable("the server closed the connection"))
                }
            }
            let isAsked = Lock(false)
            let answers: RawServer.Answer = { received in
                if received.contains("HELLO") { return "%0\r\n" }
                // The first gets half of a reply, and the second nothing any more.
                if received.contains("second") { return nil }
                isAsked.withLock { $0 = true }
                return "$5\r\nab"
            }
            try await RawServer.with(answers) { _, address in
                try await withClient("redis://\(address)") { client in
                    let first = Task { try await client.send(["GET", "first"]) }
                    #expect(await eventually { isAsked.withLock { $0 } })
                    let second = Task { try await client.send(["GET", "second"]) }
                    for task in [first, second] {
                        await #expect(throws: SharedStateError.unavailable("the server closed the connection")) {
                            try await task.value
                        }
                    }
                }
            }
        }

        @Test("a client that is closed, or released, has no connection and no listener")
        func closing() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { watcher in
                    var client: RedisClient? = try RedisClient(server.url, .patient)
                    try await client?.connect()
                    let closed = try RedisClient(server.url, .patient)
                    try await closed.connect()
                    let listener = Task { try await closed.subscribe(to: ["a"]) { _, _ in } }
                    #expect(await eventually { (try? await subscribers(of: "a", watcher)) == 1 })
                    closed.close()
                    await #expect(throws: SharedStateError.unavailable("the client was closed")) {
                        try await listener.value
                    }
                    await #expect(throws: SharedStateError.unavailable("the client was closed")) {
                        try await closed.send(["PING"])
                    }
                    client = nil
                    let isAlone = await eventually { (try? await connections(watcher)) == 1 }
                    let list = try await watcher.send(["CLIENT", "LIST"])
                    #expect(isAlone, "\(list)")
                }
            }
        }
    }

    func connections(_ client: RedisClient) async throws -> Int {
        guard case .string(let text) = try await client.send(["CLIENT", "LIST"]) else { return -1 }
        return text.split(separator: "\n").count
    }

    func subscribers(of channel: String, _ client: RedisClient) async throws -> Int {
        guard case .array(let elements) = try await client.send(["PUBSUB", "NUMSUB", channel]), elements.count == 2,
            case .integer(let count) = elements[1]
        else { return -1 }
        return Int(count)
    }
#endif
