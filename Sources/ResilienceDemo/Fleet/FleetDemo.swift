import Foundation
import Resilience

/// A run with several processes that share a circuit: an upstream that fails and recovers, a Redis server, the
/// processes, and what they tell.
struct FleetDemo: Sendable {
    let options: Options
    let fleet: FleetOptions

    /// - Returns: The table of what happened.
    /// - Throws: ``WrongRedisURL``, ``RedisProcess/Missing``, a ``SocketError``, or `CancellationError`.
    func run() async throws -> [String] {
        if let redis = fleet.redis { try FleetNode.check(redis) }
        let upstream = try Upstream(seed: options.seed, workers: 64)
        let result: Result<[String], any Error>
        do {
            result = .success(try await run(upstream))
        } catch {
            result = .failure(error)
        }
        await upstream.stop()
        return try result.get()
    }

    private func run(_ upstream: Upstream) async throws -> [String] {
        try await upstream.behave(UpstreamBehaviour())
        let server = fleet.redis == nil ? try RedisProcess() : nil
        defer { server?.end() }
        let proxies = try server.map { server in
            try (0..<fleet.nodes).map { _ in try FaultyProxy(to: server.port) }
        }
        defer { for proxy in proxies ?? [] { proxy.stop() } }
        let board = FleetBoard(nodes: fleet.nodes, start: Date().timeIntervalSince1970 * 1_000)
        let page = try StatusServer(host: options.host, port: options.port, routes: FleetRoutes(board: board))
        try Terminal.write("status page: \(page.address)\n")
        let result: Result<[String], any Error>
        do {
            let nodes = try (0..<fleet.nodes).map { number in
                let redis = fleet.redis ?? "redis://127.0.0.1:\(proxies?[number].port ?? 0)"
                return try FleetProcess(
                    FleetNodeOptions(
                        number: number, redis: redis, upstream: upstream.port, seed: options.seed &+ UInt64(number)),
                    board)
            }
            defer { for node in nodes { node.end() } }
            let stage = FleetStage(
                fleet: fleet, board: board, upstream: upstream, server: server, proxies: proxies ?? [])
            result = .success(
                try await stage.play(FleetTimeline(isQuick: options.isQuick, hasFault: fleet.fault != nil)))
        } catch {
            result = .failure(error)
        }
        await page.stop()
        return try result.get()
    }
}

/// What the steps of a run act on.
struct FleetStage {
    let fleet: FleetOptions
    let board: FleetBoard
    let upstream: Upstream
    let server: RedisProcess?
    let proxies: [FaultyProxy]

    /// Waits until all nodes call the upstream, then takes the steps.
    func play(_ timeline: FleetTimeline) async throws -> [String] {
        let clock = ContinuousClock()
        let patience = clock.now + .seconds(20)
        while board.ready < fleet.nodes {
            try await clock.sleep(for: .milliseconds(20))
            guard clock.now < patience else { throw NodesMissing(ready: board.ready, of: fleet.nodes) }
        }
        let start = clock.now
        board.begin()
        for (at, step) in timeline.steps {
            try await clock.sleep(until: start + at)
            try await take(step)
        }
        return board.lines(seconds: (clock.now - start) / .seconds(1))
    }

    private func take(_ step: FleetTimeline.Step) async throws {
        switch step {
        case .upstreamFails:
            board.upstreamFailed()
            try await upstream.behave(UpstreamBehaviour(shareUnavailable: 1))
        case .upstreamRecovers:
            board.upstreamRecovered()
            try await upstream.behave(UpstreamBehaviour())
        case .faultBegins: begin()
        case .faultEnds: try end()
        case .end: break
        }
    }

    private func begin() {
        guard let fault = fleet.fault else { return }
        board.note(fault.story)
        switch fault {
        case .kill: server?.end()
        case .stop: server?.signal(SIGSTOP)
        case .flush: flush()
        case .slow: for proxy in proxies { proxy.behave(.init(delay: .milliseconds(300))) }
        case .partition: proxies.first?.behave(.init(isCut: true))
        }
    }

    private func end() throws {
        guard let fault = fleet.fault else { return }
        board.note(fault.endStory)
        switch fault {
        case .kill: try server?.start()
        case .stop: server?.signal(SIGCONT)
        // Once more, when the circuit is open.
        case .flush: flush()
        case .slow, .partition: for proxy in proxies { proxy.behave(.init()) }
        }
    }

    private func flush() {
        guard let server, let socket = try? Socket.connected(to: server.port) else { return }
        _ = Socket.write(Array("FLUSHALL\r\n".utf8)[...], to: socket)
        _ = Socket.waitForInput(socket)
        closeDescriptor(socket)
    }
}

/// Some processes did not come up.
struct NodesMissing: Error, CustomStringConvertible {
    let ready: Int
    let of: Int

    var description: String { "only \(ready) of \(of) nodes have begun; what they have written above may say why" }
}

/// The URL of the server to meet at is none.
struct WrongRedisURL: Error, CustomStringConvertible {
    let error: ConfigurationError

    var description: String {
        "the URL of --redis " + error.faults.map(\.violation).joined(separator: ", and ")
    }
}
