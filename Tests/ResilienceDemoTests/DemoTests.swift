import Foundation
import Resilience
import Testing

@testable import ResilienceDemo

/// The whole demo over the loopback interface, with phases as short as they may be.
@Suite("Demo")
struct DemoTests {
    private final class Seen: Sendable {
        let output = Lock("")
        let address = Lock<StatusServer.Address?>(nil)
        let health = Lock<[Int]>([])
        let comparison = Lock<Comparison?>(nil)
    }

    @Test("A demo runs both sides through its phases, answers meanwhile, and ends in order", .timeLimit(.minutes(30)))
    func demo() async throws {
        let seen = Seen()
        var demo = Demo(options: Options(), mode: .plain)
        demo.scenario = Scenario(
            phases: [(.healthy, .milliseconds(200)), (.overloaded, .milliseconds(400))], callRate: 80,
            shortestBreak: .milliseconds(250), longestBreak: .milliseconds(400))
        demo.write = { text in seen.output.withLock { $0 += text } }
        let report = try await demo.run { address in
            seen.address.withLock { $0 = address }
        } onRound: { comparison in
            seen.comparison.withLock { $0 = comparison }
            guard let port = seen.address.withLock({ $0?.port }) else { return }
            let request = " HTTP/1.1\r\nConnection: close\r\n\r\n"
            for path in ["/health", "/metrics", "/status.json"] {
                let answer = try Answer("GET \(path)" + request, at: port)
                seen.health.withLock { $0.append(answer.status) }
            }
        }

        let comparison = try #require(seen.comparison.withLock { $0 })
        let without = try #require(comparison.unprotected.byPhase[.overloaded])
        let with = try #require(comparison.protected.byPhase[.overloaded])
        // How many were answered depends on how busy the machine is; a simulation tells, in UpstreamBehaviourTests.
        #expect(without.all > 0)
        #expect(without.all == with.all)
        #expect(comparison.protected.mostInFlight <= 8)

        #expect(seen.health.withLock { $0 } == [200, 200, 200])
        #expect(report.snapshot.state == .stopped)
        #expect(report.abandonedCalls == 0)
        #expect(report.snapshot.policies.map(\.name) == ["upstream"])
        let output = seen.output.withLock { $0 }
        #expect(output.contains("upstream overloaded: "))
        let port = try #require(seen.address.withLock { $0?.port })
        #expect(throws: RawClient.Failure.self) { try RawClient(port: port) }
    }

    @Test("A demo that is stopped in the middle ends in order", .timeLimit(.minutes(30)))
    func stopped() async throws {
        let seen = Seen()
        var demo = Demo(options: Options(isServing: true), mode: .plain)
        let (lines, line) = AsyncStream.makeStream(of: Void.self)
        demo.write = { text in if text.contains("0.5 s") { line.finish() } }
        let task = Task { [demo] in
            try await demo.run { address in
                seen.address.withLock { $0 = address }
            } onRound: { _ in
            }
        }
        for await _ in lines {}
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        let port = try #require(seen.address.withLock { $0?.port })
        #expect(throws: RawClient.Failure.self) { try RawClient(port: port) }
    }

    @Test("An output that is closed ends the demo")
    func closedOutput() async throws {
        var demo = Demo(options: Options(isQuick: true), mode: .plain)
        demo.write = { _ in throw Terminal.Closed() }
        do {
            try await demo.run { _ in }
            Issue.record("it has ended as if nothing had happened")
        } catch {
            #expect(error is Terminal.Closed)
        }
    }

    @Test("A long report is broken after commas")
    func longReport() {
        #expect(ReportText.wrapped("  short, line") == ["  short, line"])
        #expect(ReportText.wrapped("") == [""])
        let parts = (0..<40).map { "part\($0) \($0)" }
        let lines = ReportText.wrapped("  " + parts.joined(separator: ", "))
        #expect(lines.count > 3)
        #expect(lines.allSatisfy { $0.count <= 100 && $0.hasPrefix("  ") })
        #expect(lines.joined(separator: " ").split(whereSeparator: { ", ".contains($0) }).count == 80)
    }
}
