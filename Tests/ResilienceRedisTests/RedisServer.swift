#if Redis
    import Foundation
    import NIOCore
    import NIOPosix
    import ResilienceCore
    import ResilienceRedis
    import Retries

    /// A redis-server of this machine: on a free port of the loopback interface, without persistence.
    final class RedisServer: Sendable {
        /// That of Debian's package, or where `RESILIENCE_REDIS_SERVER` says.
        static var path: String? {
            let own = ProcessInfo.processInfo.environment["RESILIENCE_REDIS_SERVER"]
            let paths = [own, "/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"]
            return paths.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
        }

        static let isInstalled = path != nil

        struct Failure: Error, CustomStringConvertible {
            var description: String
        }

        let folder: URL
        private let arguments: [String]
        private let configuration: RedisClient.Configuration?
        private let process = Lock<Process?>(nil)
        let port: Int

        var url: String { "\(configuration == nil ? "redis" : "rediss")://127.0.0.1:\(port)" }

        private init(port: Int, arguments: [String], tls: RedisClient.Configuration?) throws {
            configuration = tls
            folder = FileManager.default.temporaryDirectory.appending(path: "redis-\(UUID().uuidString.prefix(8))")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            (self.port, self.arguments) = (port, arguments)
        }

        /// Runs a server while the body runs.
        ///
        /// - Parameter tls: How a client reaches it, if it is reached over TLS alone.
        static func with<Result>(
            _ arguments: [String] = [], tls: RedisClient.Configuration? = nil,
            _ body: (RedisServer) async throws -> Result
        ) async throws -> Result {
            // Somebody else may take the port first.
            for attempt in 1... {
                let server = try RedisServer(port: try await freePort(), arguments: arguments, tls: tls)
                do {
                    try await server.start()
                } catch  where attempt < 5 {
                    server.end()
                    continue
                }
                defer { server.end() }
                return try await body(server)
            }
            throw Failure(description: "no port")
        }

        /// Starts it, or starts it again with what it had in memory lost, and waits until it takes connections.
        func start() async throws {
            let process = Process()
            process.executableURL = URL(filePath: Self.path ?? "")
            process.arguments =
                [
                    configuration == nil ? "--port" : "--tls-port", "\(port)", "--bind", "127.0.0.1", "--save", "",
                    "--appendonly", "no", "--dir",
                    folder.path,
                    "--daemonize", "no",
                ] + arguments
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            self.process.withLock { $0 = process }
            let isReady = await eventually {
                guard process.isRunning else { return true }
                return await isAnswering()
            }
            guard isReady, process.isRunning else { throw Failure(description: "redis-server does not run") }
        }

        /// Whether it answers, be it that it wants a password.
        private func isAnswering() async -> Bool {
            do {
                try await withClient(url, configuration ?? .patient) { try await $0.connect() }
                return true
            } catch {
                if case .refused = error as? SharedStateError { return true }
                return false
            }
        }

        private var identifier: pid_t? { process.withLock { $0?.processIdentifier } }

        /// Ends it at once, as a machine that fails does, and waits until it has gone.
        func kill() async {
            signal(SIGKILL)
            let old = process.withLock { $0 }
            _ = await eventually { old?.isRunning != true }
        }

        func stop() { signal(SIGSTOP) }
        func resume() { signal(SIGCONT) }

        private func signal(_ number: Int32) {
            if let identifier { _ = Foundation.kill(identifier, number) }
        }

        private func end() {
            signal(SIGKILL)
            try? FileManager.default.removeItem(at: folder)
        }

        static func freePort() async throws -> Int {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).get()
            let port = channel.localAddress?.port ?? 0
            try await channel.close()
            return port
        }
    }

    extension RedisClient.Configuration {
        /// With limits that a busy machine keeps.
        static var patient: RedisClient.Configuration {
            var configuration = RedisClient.Configuration()
            configuration.operationLimit = .seconds(10)
            configuration.connectTimeout = .seconds(10)
            configuration.maxSilence = .seconds(10)
            configuration.backoff = .constant(.milliseconds(5))
            return configuration
        }
    }

    /// Runs with a client that is closed afterwards.
    func withClient<Result>(
        _ url: String, _ configuration: RedisClient.Configuration = .patient,
        _ body: (RedisClient) async throws -> Result
    ) async throws -> Result {
        let client = try RedisClient(url, configuration)
        defer { client.close() }
        return try await body(client)
    }

    /// What was heard, in order.
    final class Heard: Sendable {
        private let texts = Lock<[String]>([])

        var all: [String] { texts.withLock { $0 } }
        func append(_ text: String) { texts.withLock { $0.append(text) } }
    }

    /// Waits until something holds that nothing tells of; whether it came to hold.
    func eventually(within limit: Duration = .seconds(20), _ condition: () async throws -> Bool) async rethrows -> Bool
    {
        let end = ContinuousClock.now + limit
        while true {
            if try await condition() { return true }
            guard .now < end else { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
#endif
