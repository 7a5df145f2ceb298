import CircuitBreakers
import Dispatch
import Foundation
import Hedges
import ResilienceCore
import ResilienceTesting
import Retries
import Testing
import Timeouts

@testable import ResiliencePrometheus

@Suite("Scrapes and calls at once", .timeLimit(.minutes(30)))
struct ConcurrencyTests {
    /// A source that holds up the task that collects it.
    private final class Gate: MetricSource {
        let arrived = DispatchSemaphore(value: 0)
        let opened = DispatchSemaphore(value: 0)

        func collect(into metrics: inout MetricCollection) {
            arrived.signal()
            opened.wait()
        }
    }

    /// Waits on a thread that nobody else needs.
    private func wait(for semaphore: DispatchSemaphore) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                semaphore.wait()
                continuation.resume()
            }
        }
    }

    @Test("a scrape that is held up between two sources holds up nothing else", arguments: [false, true])
    func heldUp(gateIsFirst: Bool) async throws {
        let everything = try Everything()
        let gate = Gate()
        let sources = gateIsFirst ? [gate] + everything.sources : everything.sources + [gate]
        let exporter = PrometheusExporter(sources)
        let page = Lock<PrometheusExporter.Page?>(nil)
        let isDone = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let new = exporter.page()
            page.withLock { $0 = new }
            isDone.signal()
        }
        await wait(for: gate.arrived)

        // Calls of every kind, changes of state, new policies, and another scrape: all while the first is under way.
        for _ in 1...100 { try await everything.policy.execute {} }
        for _ in 1...100 { _ = try await everything.hedged.execute { 1 } }
        for _ in 1...100 { _ = try await everything.abandoning.execute { 1 } }
        let breaker = everything.policy.circuitBreakers[0]
        breaker.isolate()
        for _ in 1...100 { try? await everything.policy.execute {} }
        breaker.close()
        let newcomer = try Policy("newcomer", observers: [everything.calls, everything.events]) { breaker }
        try await newcomer.execute {}
        #expect(everything.budget.tryWithdraw())
        let other = PrometheusExporter(everything.sources).page().description
        #expect(other.contains("resilience_policy_calls_total{name=\"newcomer\",kind=\"succeeded\"} 1\n"))

        gate.opened.signal()
        await wait(for: isDone)
        let text = try #require(page.withLock { $0 }).description
        // Each source is read when its turn comes: before the calls, or after them.
        let rejections = "resilience_circuit_breaker_calls_total{name=\"payments\",kind=\"rejected\"}"
        #expect(text.contains("\(rejections) \(gateIsFirst ? 100 : 0)\n"))
        // The metrics of calls come last wherever they stand, and so know who has come meanwhile.
        #expect(text.contains("newcomer"))
    }

    @Test("a scrape within a call of every layer ends, and sees the call running")
    func withinCall() async throws {
        let everything = try Everything()
        let exporter = PrometheusExporter(everything.sources)
        let page = try await everything.policy.execute { exporter.page().description }
        #expect(page.contains("resilience_timeout_running{name=\"payments\"} 1\n"))
        #expect(page.contains("resilience_policy_calls_total{name=\"payments\",kind=\"succeeded\"} 0\n"))
        let after = exporter.page().description
        #expect(after.contains("resilience_timeout_running{name=\"payments\"} 0\n"))
        #expect(after.contains("resilience_policy_calls_total{name=\"payments\",kind=\"succeeded\"} 1\n"))
    }

    @Test("many scrapes during many calls: counters never decrease, and the last page has every call")
    func contention() async throws {
        let everything = try Everything()
        let exporter = PrometheusExporter(everything.sources)
        let line = "resilience_policy_call_duration_seconds_count{name=\"payments\",kind=\"succeeded\"} "
        func count() -> Int {
            let lines = exporter.page().description.split(separator: "\n")
            return lines.first { $0.hasPrefix(line) }.flatMap { Int($0.dropFirst(line.count)) } ?? -1
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...4 {
                group.addTask {
                    for _ in 1...250 { try await everything.policy.execute {} }
                }
            }
            for _ in 1...2 {
                group.addTask {
                    var last = 0
                    for _ in 1...20 {
                        let now = count()
                        #expect(now >= last)
                        last = now
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(count() == 1000)
    }
}
