import Foundation
import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@testable import HTTPSemantics

@Suite("Authorities without a bound")
struct HostileAuthorityTests {
    /// In a run that asks for them a million, which takes minutes and should run this suite alone
    /// (`RESILIENCE_AUTHORITIES=1000000`).
    static let asked = ProcessInfo.processInfo.environment["RESILIENCE_AUTHORITIES"].flatMap { Int($0) }

    static let count: Int = {
        if let asked { return asked }
        #if THREAD_SANITIZER
            return 300
        #else
            return 2000
        #endif
    }()

    /// A million of anything that is kept takes more. Looked at only where asked for, since other tests run beside
    /// these in the same process otherwise.
    static let allowedGrowth = asked == nil ? Int.max : 64 << 20

    private let get = HTTPReplay(method: "GET")

    private func pipeline(_ most: Int, clock: ManualClock) throws -> HTTPPipeline {
        var configuration = HTTPPipeline.Configuration(retry: nil, sendOutcome: outcomeOf)
        configuration.maxAuthorities = most
        configuration.circuitBreaker = .init(trip: .consecutiveFailures(3), window: .time(.seconds(30)))
        return try HTTPPipeline("api", configuration, clock: clock)
    }

    private func ask(_ pipeline: HTTPPipeline, _ number: Int, _ answer: Answer) async throws {
        _ = try await pipeline.execute(to: "\(number).hostile.example", get, reading: head) { _ in answer }
    }

    @Test("Any number of them, each asked once, take the room of as many as are allowed")
    func answering() async throws {
        let pipeline = try pipeline(100, clock: ManualClock())
        // The first ones take their places, and what is allocated once.
        for number in 0..<(Self.count / 10) { try await ask(pipeline, number, .ok) }
        let before = residentBytes()
        for number in 0..<Self.count { try await ask(pipeline, number, .ok) }
        let grown = residentBytes() - before
        #expect(pipeline.policies.count <= 100)
        #expect(grown < Self.allowedGrowth, "\(grown) bytes for \(Self.count) authorities")
        expectNoLabels(of: pipeline)
    }

    @Test("Where all places are taken by authorities that fail, any number of others share one policy, and its breaker")
    func failing() async throws {
        let pipeline = try pipeline(100, clock: ManualClock())
        // Each has a failure that its breaker remembers, so that none gives way.
        for number in 0..<100 { try await ask(pipeline, number, Answer(status: 500)) }
        #expect(pipeline.policies.overflowCount == 0)
        // Three failures of strangers open the breaker that strangers share.
        for number in 100..<103 { try await ask(pipeline, number, Answer(status: 500)) }
        #expect(pipeline.policies.overflowPolicy?.circuitBreakers.first?.state == .open)
        let before = residentBytes()
        var refused = 0
        for number in 200..<(200 + Self.count) {
            do {
                try await ask(pipeline, number, .ok)
            } catch is CircuitBreaker.OpenError {
                refused += 1
            }
        }
        let grown = residentBytes() - before
        #expect(refused == Self.count)
        #expect(pipeline.policies.count == 100)
        #expect(grown < Self.allowedGrowth, "\(grown) bytes for \(Self.count) authorities")
        // Those that have places of their own are not concerned.
        try await ask(pipeline, 7, .ok)
        expectNoLabels(of: pipeline)
    }

    private func expectNoLabels(of pipeline: HTTPPipeline) {
        var metrics = MetricCollection()
        metrics.collect(pipeline.policies)
        for member in pipeline.policies.members { metrics.collect(member.policy) }
        let labels = metrics.entries.flatMap(\.labels)
        #expect(!labels.contains { $0.contains("hostile") }, "\(labels.prefix(20))")
        #expect(!labels.isEmpty)
    }

    private func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }
}
