import Foundation

/// A Redis server of the run's own, on a free loopback port, that keeps nothing on disk.
final class RedisProcess {
    struct Missing: Error, CustomStringConvertible {
        var description: String {
            "there is no redis-server here: install it (Debian, Ubuntu: apt-get install redis-server), or name one with "
                + "--redis"
        }
    }

    let port: UInt16
    private var process: Process?
    private let directory: URL

    init() throws {
        // The port stays reserved until the server takes it, which is good enough for one machine's demo.
        let reservation = try Socket.bound(to: 0)
        port = try Socket.port(of: reservation)
        closeDescriptor(reservation)
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("resilience-demo-redis-\(port)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try start()
    }

    func start() throws {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let program = folders.map { "\($0)/redis-server" }.first(where: FileManager.default.isExecutableFile)
        guard let program else { throw Missing() }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [
            "--bind", "127.0.0.1", "--port", "\(port)", "--save", "", "--appendonly", "no", "--dir", directory.path,
        ]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        self.process = process
    }

    func signal(_ number: Int32) {
        guard let process, process.isRunning else { return }
        kill(process.processIdentifier, number)
    }

    /// Ends it at once.
    func end() {
        guard let process else { return }
        kill(process.processIdentifier, SIGCONT)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    deinit {
        end()
        try? FileManager.default.removeItem(at: directory)
    }
}
