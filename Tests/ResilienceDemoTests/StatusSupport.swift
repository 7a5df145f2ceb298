import Foundation
import Resilience
import Testing

@testable import ResilienceDemo

/// A frame in the middle of the overload.
let overloadedFrame = Frame(
    scenario: .standard, elapsed: .milliseconds(21_250),
    unprotected: CallLog.Snapshot(
        callsPerSecond: 240, sentPerSecond: 240, succeededPerSecond: 31, failedPerSecond: 187, succeeded: 812,
        failed: 1037, inFlight: 231, median: .milliseconds(1_020), p99: .milliseconds(1_080)),
    protected: CallLog.Snapshot(
        callsPerSecond: 240, sentPerSecond: 80, succeededPerSecond: 79, stalePerSecond: 160, failedPerSecond: 1,
        succeeded: 836, stale: 1270, failed: 2, rejected: 3, inFlight: 8, median: .milliseconds(125), p99: nil,
        oldestAnswer: .milliseconds(820)),
    gauges: .init(breaker: .halfOpen, slotsInUse: 8, slots: 8, queued: 5, permits: 2, mostPermits: 20),
    layers: .init(retries: 12, timeouts: 3, refusedByBreaker: 70, refusedByLimiter: 500, refusedByBulkhead: 90),
    events: (0..<20).map { StoryEvent(moment: .seconds($0), change: .phase(.overloaded)) })

/// What the status server shows in these tests: a protection that nothing calls, and a frame that stands still.
struct StatusStage {
    let protection: Protection
    let routes: StatusRoutes

    init(_ frame: Frame? = overloadedFrame) throws {
        let protection = try Protection(.quick, seed: 1)
        self.protection = protection
        routes = StatusRoutes(module: protection.module, metrics: protection.metrics) { frame }
    }

    func get(_ path: String, accept: String? = nil) -> HTTPResponse {
        routes.answer(HTTPRequest(method: "GET", path: path, keepsAlive: true, accept: accept))
    }

    /// Runs a server on a port that the system chooses.
    func serving(
        _ limits: StatusServer.Limits = .init(), _ body: (StatusServer) throws -> Void
    ) async throws {
        let server = try StatusServer(host: "127.0.0.1", port: 0, routes: routes, limits: limits)
        let result = Result { try body(server) }
        await server.stop()
        try result.get()
    }
}

/// An answer, read.
struct Answer {
    let status: Int
    let headers: [String: String]
    let body: String

    /// Sends a request on a connection of its own and reads the answer to its end.
    init(_ request: String, at port: UInt16) throws {
        let client = try RawClient(port: port)
        defer { client.close() }
        client.send(request)
        try self.init(client.receiveAll())
    }

    init(_ text: String) throws {
        let end = try #require(text.range(of: "\r\n\r\n"), "no answer: \(text.prefix(100))")
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        status = try #require(lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) })
        headers = Dictionary(
            lines.dropFirst().compactMap { line in
                line.firstIndex(of: ":").map {
                    (line[..<$0].lowercased(), line[$0...].dropFirst().trimmingCharacters(in: .whitespaces))
                }
            }, uniquingKeysWith: { $1 })
        body = String(text[end.upperBound...])
    }
}
