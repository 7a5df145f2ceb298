import Resilience

/// The demo from its start to its end: two upstreams, the protection of one of them, the status server, and a round of
/// the scenario, or many.
struct Demo: Sendable {
    let options: Options
    let mode: ViewMode
    var scenario: Scenario
    /// Takes what is shown.
    var write: @Sendable (String) throws -> Void = Terminal.write

    init(options: Options, mode: ViewMode) {
        self.options = options
        self.mode = mode
        scenario = options.isQuick ? .quick : .standard
    }

    /// Plays one round, or rounds without end if the options say so.
    ///
    /// - Parameters:
    ///   - onReady: Is told of the status server once it answers.
    ///   - onRound: Gets the numbers of each round.
    /// - Returns: The last report of the module that holds the protection.
    /// - Throws: A ``SocketError`` if a server cannot start, ``Terminal/Closed``, or `CancellationError`.
    @discardableResult
    func run(
        onReady: @Sendable (StatusServer.Address) throws -> Void = { _ in },
        onRound: @Sendable (Comparison) throws -> Void
    ) async throws -> ResilienceModule.ShutdownReport {
        let story = Story(Stopwatch())
        let protection = try Protection(scenario, seed: options.seed, observers: [story])
        let screen = Screen()
        let routes = StatusRoutes(module: protection.module, metrics: protection.metrics) { screen.frame }
        let server = try StatusServer(host: options.host, port: options.port, routes: routes)
        let result: Result<Void, any Error>
        do {
            try onReady(server.address)
            result = .success(
                try await withStage { stage in
                    let round = Round(demo: self, stage: stage, protection: protection, story: story)
                    try await play(round, screen, onRound)
                })
        } catch {
            result = .failure(error)
        }
        // Ends the module also where nothing was played. The server goes last: it tells of the end.
        let report = await protection.module.shutdown()
        await server.stop()
        try result.get()
        return report
    }

    /// The rounds, and at the same time the module, which is run like that of a service.
    private func play(
        _ round: Round, _ screen: Screen, _ onRound: @Sendable (Comparison) throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await round.protection.module.run() }
            var number: UInt64 = 0
            repeat {
                try onRound(try await round.play(seed: options.seed &+ number, screen))
                number &+= 1
            } while options.isServing
            // The module drains and ends when its task is cancelled.
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func withStage(_ body: (Stage) async throws -> Void) async throws {
        let stage = try await Stage(seed: options.seed)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(stage))
        } catch {
            result = .failure(error)
        }
        await stage.close()
        try result.get()
    }
}

/// The two upstreams and their clients.
struct Stage: Sendable {
    let upstreams: [Upstream]
    let clients: [UpstreamClient]

    init(seed: UInt64) async throws {
        let bare = try Upstream(seed: seed)
        do {
            upstreams = [bare, try Upstream(seed: seed)]
        } catch {
            await bare.stop()
            throw error
        }
        clients = upstreams.map { UpstreamClient(port: $0.port) }
    }

    func close() async {
        for client in clients { client.close() }
        for upstream in upstreams { await upstream.stop() }
    }
}

/// The frame that is shown now, for all that ask.
final class Screen: Sendable {
    private let source = Lock<(@Sendable () -> Frame)?>(nil)

    /// `nil` before the first round.
    var frame: Frame? { source.withLock { $0 }?() }

    func show(_ source: @escaping @Sendable () -> Frame) {
        self.source.withLock { $0 = source }
    }
}
