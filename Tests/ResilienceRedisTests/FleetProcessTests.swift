#if Redis
    import Foundation
    import ResilienceCore
    import Testing

    @Suite(
        "A fleet of processes", .serialized, .timeLimit(.minutes(30)),
        .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    struct FleetProcessTests {
        @Test(
            "all open together, a holder of the lease that is killed blocks no other, and one that was stopped hears of it"
        )
        func circuit() async throws {
            try await RedisServer.with { server in
                var nodes = try (0..<3).map { _ in try NodeProcess(server.url) }
                defer { for node in nodes { node.kill() } }
                for node in nodes { try await node.awaitState { $0.exchanges > 0 } }

                // No node has seen four failures, and the third none at all.
                for node in nodes { #expect(try await node.ask("succeed 10") == "10 0 0 0") }
                for node in nodes.prefix(2) { #expect(try await node.ask("fail 2") == "0 2 0 0") }
                for node in nodes { try await node.awaitState { $0.opened == 1 } }

                // The first alone calls, and so gets the lease. It dies with it, in the midst of its probe.
                nodes[0].tell("probe")
                #expect(try await nodes[0].line() == "probing")
                nodes[0].kill()
                for node in nodes.dropFirst() {
                    try await node.awaitCall { $0.hasPrefix("1 ") }
                    try await node.awaitState { $0.state == "closed" }
                }

                // While the third stands still, the others open; it hears of it when it goes on.
                nodes[0] = try NodeProcess(server.url)
                try await nodes[0].awaitState { $0.exchanges > 0 && $0.state == "closed" }
                let opened = try await nodes[1].state().opened
                nodes[2].signal(SIGSTOP)
                for node in nodes.prefix(2) { #expect(try await node.ask("fail 2") == "0 2 0 0") }
                try await nodes[0].awaitState { $0.opened == 1 }
                try await nodes[1].awaitState { $0.opened == opened + 1 }
                nodes[2].signal(SIGCONT)
                try await nodes[2].awaitState { $0.opened == opened + 1 }

                // And all go on once it works again: none is stuck.
                for node in nodes { try await node.awaitCall { $0.hasPrefix("1 ") } }
                for node in nodes { #expect(try await node.ask("succeed 10") == "10 0 0 0") }
            }
        }

        @Test("a quota holds across processes, of which one stands still for a time and one is killed with what it has")
        func quota() async throws {
            try await RedisServer.with { server in
                let nodes = try (0..<4).map { _ in try NodeProcess(server.url) }
                defer { for node in nodes { node.kill() } }
                for node in nodes { try await node.awaitState { $0.exchanges > 0 } }
                for node in nodes { node.tell("use 2000") }
                for node in nodes { #expect(try await node.line() == "using") }
                let begin = ContinuousClock.now
                nodes[3].kill()
                nodes[2].signal(SIGSTOP)
                try await Task.sleep(until: begin + .milliseconds(600))
                nodes[2].signal(SIGCONT)
                var uses: [Int64] = []
                for node in nodes.prefix(3) {
                    let own = try await node.line().split(separator: " ").compactMap { Int64($0) }
                    #expect(!own.isEmpty)
                    uses += own
                }
                uses.sort()
                // What a process that was interrupted tells late is one permit each.
                #expect(Self.breach(of: 500, burst: 200 + nodes.count, uses) == nil)
                #expect(uses.count > 400, "\(uses.count)")
            }
        }

        /// The first use that is too many for a bucket which is full at first.
        private static func breach(of rate: Int64, burst: Int, _ uses: [Int64]) -> Int? {
            var full = Int64.min
            for (index, use) in uses.enumerated() {
                full = max(full, use) + 1_000_000_000 / rate
                if full > use + Int64(burst) * 1_000_000_000 / rate { return index }
            }
            return nil
        }
    }

    /// A process of a fleet.
    private final class NodeProcess: Sendable {
        struct State {
            let state: String
            /// How often it has seen the circuit open.
            let opened: Int
            let exchanges: Int
        }

        struct Silence: Error {}

        private let process: Process
        private let input: FileHandle
        private let output: Output

        init(_ url: String) throws {
            let (process, output, input) = (Process(), Pipe(), Pipe())
            let lines = Output()
            process.executableURL = Self.program
            process.arguments = [url]
            (process.standardOutput, process.standardInput) = (output, input)
            output.fileHandleForReading.readabilityHandler = { handle in
                let data = handle.availableData
                if data.isEmpty { handle.readabilityHandler = nil }
                lines.append(data)
            }
            try process.run()
            (self.process, self.input, self.output) = (process, input.fileHandleForWriting, lines)
        }

        /// Where the tests are.
        private static var program: URL {
            let tests = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
            return (tests ?? URL(filePath: CommandLine.arguments[0])).deletingLastPathComponent()
                .appending(path: "FleetTestNode")
        }

        func signal(_ number: Int32) { if process.isRunning { Foundation.kill(process.processIdentifier, number) } }

        func kill() { signal(SIGKILL) }

        func tell(_ command: String) { try? input.write(contentsOf: Data((command + "\n").utf8)) }

        /// The next line that it says.
        func line() async throws -> String {
            for _ in 0..<4_000 {
                if let line = output.next() { return line }
                try await Task.sleep(for: .milliseconds(5))
            }
            throw Silence()
        }

        func ask(_ command: String) async throws -> String {
            tell(command)
            return try await line()
        }

        func state() async throws -> State {
            let words = try await ask("state").split(separator: " ").map(String.init)
            guard words.count == 3, let opened = Int(words[1]), let exchanges = Int(words[2]) else { throw Silence() }
            return State(state: words[0], opened: opened, exchanges: exchanges)
        }

        func awaitState(
            sourceLocation: SourceLocation = #_sourceLocation, _ condition: (State) -> Bool
        ) async throws {
            var last: State?
            let isSo = try await eventually {
                let state = try await state()
                last = state
                return condition(state)
            }
            try #require(isSo, "\(String(describing: last))", sourceLocation: sourceLocation)
        }

        /// Calls until the outcome is what it is to be.
        func awaitCall(
            sourceLocation: SourceLocation = #_sourceLocation, _ condition: (String) -> Bool
        ) async throws {
            let isSo = try await eventually { condition(try await ask("succeed 1")) }
            try #require(isSo, sourceLocation: sourceLocation)
        }
    }

    /// The lines of a process, from the thread that reads them.
    private final class Output: Sendable {
        private let state = Lock<(rest: [UInt8], lines: [String])>(([], []))

        func append(_ bytes: Data) {
            state.withLock { state in
                for byte in bytes {
                    if byte == UInt8(ascii: "\n") {
                        state.lines.append(String(decoding: state.rest, as: UTF8.self))
                        state.rest = []
                    } else {
                        state.rest.append(byte)
                    }
                }
            }
        }

        func next() -> String? {
            state.withLock { $0.lines.isEmpty ? nil : $0.lines.removeFirst() }
        }
    }
#endif
