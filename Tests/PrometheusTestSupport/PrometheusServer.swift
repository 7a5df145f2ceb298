public import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The real Prometheus, started for a test: it scrapes pages on the loopback address five times a second, and answers
/// queries. Debian's package `prometheus` brings it.
///
/// The one place where tests wait for real time: another process does as it does. Every wait has a limit.
public final class PrometheusServer {
    /// What is scraped.
    public struct Target: Sendable {
        let job: String
        let port: UInt16
        let path: String

        /// - Parameters:
        ///   - job: The value of the label `job`.
        ///   - port: The port on the loopback address.
        ///   - path: The path of the page. Default: `/metrics`.
        public init(job: String, port: UInt16, path: String = "/metrics") {
            self.job = job
            self.port = port
            self.path = path
        }
    }

    /// One element of a query's result.
    public struct Sample: Sendable {
        /// The labels; the name of the metric is `__name__`.
        public let labels: [String: String]
        /// The value.
        public let value: Double
    }

    /// What went wrong, in words.
    public struct Failure: Error, CustomStringConvertible {
        /// What went wrong.
        public let description: String
    }

    /// The file name of the program; `nil` if it is not installed.
    public static var executable: String? { program("prometheus") }

    private let process: Process
    private let port: UInt16
    private let log: URL

    /// Starts Prometheus, gives it to the body once all targets are up, and ends it.
    ///
    /// - Parameters:
    ///   - targets: What is scraped.
    ///   - rules: A file of rules to load.
    ///   - body: What is done with it.
    /// - Throws: ``Failure`` if it is not installed, does not start, or does not get its targets up; what the body
    ///   throws.
    public static func run(
        scraping targets: [Target], rules: URL? = nil, _ body: (PrometheusServer) async throws -> Void
    ) async throws {
        guard let executable else { throw Failure(description: "prometheus is not installed") }
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try PrometheusServer(executable, in: folder, targets, rules)
        defer { server.stop() }
        try await server.wait(for: "count(up == 1) == \(targets.count)")
        try await body(server)
    }

    private init(_ executable: String, in folder: URL, _ targets: [Target], _ rules: URL?) throws {
        port = try Sockets.freePort()
        log = folder.appending(path: "log")
        let configuration = folder.appending(path: "prometheus.yml")
        try Data(Self.configuration(targets, rules).utf8).write(to: configuration)
        try Data().write(to: log)
        let output = try FileHandle(forWritingTo: log)
        process = Process()
        process.executableURL = URL(filePath: executable)
        process.arguments = [
            "--config.file=\(configuration.path)", "--storage.tsdb.path=\(folder.appending(path: "data").path)",
            "--web.listen-address=127.0.0.1:\(port)",
        ]
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    private static func configuration(_ targets: [Target], _ rules: URL?) -> String {
        var text = "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n  evaluation_interval: 200ms\n"
        if let rules { text += "rule_files:\n  - '\(rules.path)'\n" }
        text += "scrape_configs:\n"
        for target in targets {
            text += "  - job_name: '\(target.job)'\n    metrics_path: '\(target.path)'\n"
            text += "    static_configs:\n      - targets: ['127.0.0.1:\(target.port)']\n"
        }
        return text
    }

    private func stop() {
        // It holds nothing that is worth an orderly end, or waiting for it.
        kill(process.processIdentifier, SIGKILL)
    }

    /// The instant vector, or the scalar, that an expression gives now.
    ///
    /// - Throws: ``Failure`` with the words of Prometheus if it does not parse.
    public func query(_ expression: String) async throws -> [Sample] {
        let response: Response = try await get("query", [URLQueryItem(name: "query", value: expression)])
        guard let data = response.data else {
            throw Failure(description: "\(expression): \(response.error ?? response.status)")
        }
        return data.result.samples
    }

    /// Asks until an expression gives something.
    ///
    /// - Returns: What it gives.
    /// - Throws: ``Failure`` if it gives nothing for five minutes.
    @discardableResult
    public func wait(for expression: String) async throws -> [Sample] {
        var last: any Error = Failure(description: "no result")
        for _ in 0..<3000 {
            guard process.isRunning else { break }
            do {
                let samples = try await query(expression)
                if !samples.isEmpty { return samples }
                last = Failure(description: "no result")
            } catch {
                last = error
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        let log = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        throw Failure(description: "\(expression): \(last)\n\(log.suffix(4000))")
    }

    private func get<Value: Decodable>(_ path: String, _ query: [URLQueryItem]) async throws -> Value {
        var components = URLComponents()
        components.queryItems = query
        // Foundation leaves `+` as it is, which a server reads as a space.
        let encoded = (components.percentEncodedQuery ?? "").replacingOccurrences(of: "+", with: "%2B")
        guard let url = URL(string: "http://127.0.0.1:\(port)/api/v1/\(path)?\(encoded)") else {
            throw Failure(description: "no URL: \(encoded)")
        }
        var request = URLRequest(url: url)
        request.timeoutInterval = 10
        let (data, _) = try await URLSession.shared.data(for: request)
        return try JSONDecoder().decode(Value.self, from: data)
    }
}

/// What the API answers.
private struct Response: Decodable {
    struct Contents: Decodable {
        let result: Result
    }

    let status: String
    let error: String?
    let data: Contents?

    struct Result: Decodable {
        private struct Element: Decodable {
            let metric: [String: String]
            let value: Point
        }

        /// `[time, "value"]`
        private struct Point: Decodable {
            let value: Double

            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                _ = try container.decode(Double.self)
                let text = try container.decode(String.self)
                value =
                    switch text {
                    case "+Inf": .infinity
                    case "-Inf": -.infinity
                    default: Double(text) ?? .nan
                    }
            }
        }

        let samples: [PrometheusServer.Sample]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let elements = try? container.decode([Element].self) {
                samples = elements.map { PrometheusServer.Sample(labels: $0.metric, value: $0.value.value) }
            } else {
                samples = [PrometheusServer.Sample(labels: [:], value: try container.decode(Point.self).value)]
            }
        }
    }
}
