import Foundation
import Resilience
import ResilienceRedis

/// How fast a fleet agrees, and what that costs its Redis server; how much of a quota two processes use.
///
///     FleetTimes agree 16 300       from the failure that trips to open on all of 16 nodes, 300 times
///     FleetTimes load 16 20         commands a second at the server for each of 16 nodes, at rest and under load
///     FleetTimes quota 10000 30     two processes that want more than 10 000 permits a second, for 30 s
///
/// Needs `redis-server`, which it starts itself on a loopback port.
@main
struct FleetTimes {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().map { $0 }
        let numbers = arguments.dropFirst().compactMap { Int($0) }
        switch (arguments.first, numbers.count) {
        case ("agree", 2): try await Agreement(nodes: numbers[0]).measure(rounds: numbers[1])
        case ("load", 2): try await Agreement(nodes: numbers[0]).measureLoad(seconds: numbers[1])
        case ("quota", 2): try await QuotaRun(permits: numbers[0], seconds: numbers[1]).run()
        case ("take", 3): try await QuotaRun(permits: numbers[0], seconds: numbers[1]).take(port: numbers[2])
        default: print("usage: FleetTimes agree <nodes> <rounds> | load <nodes> <seconds> | quota <permits> <seconds>")
        }
    }
}

/// A server of the measurement's own.
final class Server {
    let port: Int
    private let process = Process()

    init() throws {
        port = 20_000 + Int.random(in: 0..<20_000)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "redis-server", "--bind", "127.0.0.1", "--port", "\(port)", "--save", "", "--appendonly", "no",
        ]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
    }

    var url: String { "redis://127.0.0.1:\(port)" }

    /// A client that is connected.
    func client() async throws -> RedisClient {
        let client = try RedisClient(url)
        for _ in 0..<100 {
            do {
                try await client.connect()
                return client
            } catch { try await Task.sleep(for: .milliseconds(50)) }
        }
        return client
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }
}

/// Nodes in one process, each with a breaker and connections of its own.
struct Agreement {
    let nodes: Int

    private struct Node: Sendable {
        let breaker: CircuitBreaker
        let circuit: FleetCircuit
    }

    private func withFleet(
        _ configuration: FleetCircuit.Configuration, _ body: ([Node], RedisClient) async throws -> Void
    ) async throws {
        let server = try Server()
        let client = try await server.client()
        var fleet: [Node] = []
        for _ in 0..<nodes {
            // By its own rule it never opens.
            let breaker = try CircuitBreaker("upstream", .init(trip: .consecutiveFailures(1_000_000)))
            let store = RedisStore(try await server.client())
            fleet.append(Node(breaker: breaker, circuit: try FleetCircuit(breaker, configuration, through: store)))
        }
        try await withThrowingTaskGroup(of: Void.self) { [fleet] group in
            for node in fleet { group.addTask { try await node.circuit.run() } }
            try await Task.sleep(for: .seconds(2))
            try await body(fleet, client)
            group.cancelAll()
        }
        _ = server
    }

    func measure(rounds: Int) async throws {
        let rule = SharedCircuitRule(
            trip: .failures(1), minimumNodes: 1, minimumShare: 0, maxNodeShare: 1, breakLength: .fixed(.seconds(60)))
        var all: [Double] = []
        var first: [Double] = []
        try await withFleet(.init(rule: rule)) { fleet, _ in
            let clock = ContinuousClock()
            for round in 0..<rounds {
                let start = clock.now
                try fleet[round % fleet.count].breaker.tryAcquirePermit().complete(as: .failure)
                var waiting = fleet
                while !waiting.isEmpty {
                    let before = waiting.count
                    waiting.removeAll { $0.breaker.state == .open }
                    if before == fleet.count, waiting.count < before {
                        first.append((clock.now - start) / .milliseconds(1))
                    }
                    // Leaves the machine to the nodes.
                    try await Task.sleep(for: .microseconds(200))
                }
                all.append((clock.now - start) / .milliseconds(1))
                try await fleet[0].circuit.close()
                while fleet.contains(where: { $0.breaker.state != .closed }) {
                    try await Task.sleep(for: .milliseconds(1))
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        print("\(nodes) nodes, \(rounds) rounds, milliseconds from the failure to open")
        print("on the first node: \(text(first)); on all: \(text(all))")
    }

    func measureLoad(seconds: Int) async throws {
        try await withFleet(.init()) { fleet, client in
            let resting = try await commands(client, during: seconds) { try await Task.sleep(for: .seconds(seconds)) }
            let loaded = try await commands(client, during: seconds) {
                let end = ContinuousClock.now + .seconds(seconds)
                while ContinuousClock.now < end {
                    // A hundred calls a second and node, of which one in a hundred fails.
                    for (index, node) in fleet.enumerated() {
                        try node.breaker.tryAcquirePermit().complete(
                            as: index == Int.random(in: 0..<100) ? .failure : .success)
                    }
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            print("commands a second at the server, for each node: at rest \(resting), under load \(loaded)")
        }
    }

    private func commands(
        _ client: RedisClient, during seconds: Int, _ body: () async throws -> Void
    ) async throws -> String {
        let before = try await processed(client)
        try await body()
        let count = try await processed(client) - before - 1
        return String(format: "%.2f", Double(count) / Double(seconds) / Double(nodes))
    }

    private func processed(_ client: RedisClient) async throws -> Int {
        guard case .string(let text) = try await client.send(["INFO", "stats"]) else { return 0 }
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_commands_processed:") }
        return line.flatMap { Int($0.drop { $0 != ":" }.dropFirst()) } ?? 0
    }

    private func text(_ samples: [Double]) -> String {
        let sorted = samples.sorted()
        guard let last = sorted.last else { return "none" }
        return String(
            format: "median %.1f, 99th %.1f, slowest %.1f", sorted[sorted.count / 2],
            sorted[min(sorted.count - 1, sorted.count * 99 / 100)], last)
    }
}

/// Two processes that take as many permits as they get.
struct QuotaRun {
    let permits: Int
    let seconds: Int

    private var rule: SharedQuotaRule { SharedQuotaRule(permits: permits, period: .seconds(1), burst: permits / 10) }

    func run() async throws {
        let server = try Server()
        let client = try await server.client()
        let before = try await processed(client)
        let outputs = try (0..<2).map { _ in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
            process.arguments = ["take", "\(permits)", "\(seconds)", "\(server.port)"]
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            return (process, pipe)
        }
        var moments: [Int64] = []
        for (process, pipe) in outputs {
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            moments += data.withUnsafeBytes { bytes in
                (0..<(data.count / 8)).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self) }
            }
        }
        moments.sort()
        let commands = try await processed(client) - before
        let length = Double((moments.last ?? 0) - (moments.first ?? 0)) / 1e9
        print("\(moments.count) permits in \(String(format: "%.2f", length)) s, \(commands) commands")
        print(String(format: "used: %.2f %% of what came", Double(moments.count) / (length * Double(permits)) * 100))
        for window in [0.001, 0.01, 0.1, 1, 10] {
            let most = most(moments, within: Int64(window * 1e9))
            let allowed = rule.burst + Int(window * Double(permits))
            print("in any \(window) s: \(most) of \(allowed) allowed\(most > allowed ? " EXCEEDED" : "")")
        }
    }

    private func most(_ moments: [Int64], within window: Int64) -> Int {
        var (first, most) = (0, 0)
        for (index, moment) in moments.enumerated() {
            while moments[first] <= moment - window { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }

    private func processed(_ client: RedisClient) async throws -> Int {
        guard case .string(let text) = try await client.send(["INFO", "stats"]) else { return 0 }
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_commands_processed:") }
        return line.flatMap { Int($0.drop { $0 != ":" }.dropFirst()) } ?? 0
    }

    /// One of the two: writes when each permit was taken, by the machine's monotonic clock.
    func take(port: Int) async throws {
        let client = try RedisClient("redis://127.0.0.1:\(port)")
        try await client.connect()
        let limiter = try SharedRateLimiter(
            "quota", .init(rule: rule, whenUnavailable: .closed), through: RedisStore(client))
        var moments: [Int64] = []
        try await withThrowingTaskGroup(of: [Int64].self) { group in
            group.addTask {
                try await limiter.run()
                return []
            }
            for _ in 0..<8 {
                group.addTask {
                    var own: [Int64] = []
                    let end = Self.now + Int64(seconds) * 1_000_000_000
                    while Self.now < end {
                        do {
                            try await limiter.acquire()
                            own.append(Self.now)
                        } catch { try await Task.sleep(for: .milliseconds(1)) }
                    }
                    return own
                }
            }
            for _ in 0..<8 { moments += try await group.next() ?? [] }
            group.cancelAll()
        }
        FileHandle.standardError.write(Data("one process: \(limiter.totals.exchanges) exchanges\n".utf8))
        moments.withUnsafeBytes { FileHandle.standardOutput.write(Data($0)) }
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
