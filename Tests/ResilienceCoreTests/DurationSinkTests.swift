import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore

@Suite("Call metrics: durations told one by one")
struct DurationSinkTests {
    /// What a sink was asked to make, what it was told, and how much of it is still alive.
    private final class Told: Sendable {
        let made = Lock<[[String]]>([])
        let durations = Lock<[String: [Int64]]>([:])
        let alive = Lock(0)

        private final class Life: Sendable {
            let told: Told
            init(_ told: Told) {
                self.told = told
                told.alive.withLock { $0 += 1 }
            }
            deinit { told.alive.withLock { $0 -= 1 } }
        }

        func metrics() -> CallMetrics {
            CallMetrics { family, labels in
                self.made.withLock { $0.append([family.name] + labels) }
                let life = Life(self)
                let key = "\(family.name) \(labels.joined(separator: " "))"
                return { nanoseconds in life.told.durations.withLock { $0[key, default: []].append(nanoseconds) } }
            }
        }
    }

    private let clock = ManualClock()
    private let told = Told()

    private func policy(_ metrics: CallMetrics) throws -> Policy {
        try Policy("p", clock: clock, observers: [metrics]) { CallMetricsTests.Through() }
    }

    @Test("durations are told as they are measured, of the outcomes that have one; calls are counted all the same")
    func durations() async throws {
        let metrics = told.metrics()
        let policy = try policy(metrics)
        for milliseconds in [3, 5] { try await policy.execute { clock.advance(by: .milliseconds(milliseconds)) } }
        try? await policy.execute {
            clock.advance(by: .seconds(1))
            throw InjectedFailure()
        }
        try? await inCancelledTask { try await policy.execute { throw CancellationError() } }
        try? await policy.execute { throw Refused() }
        #expect(
            told.durations.withLock { $0 } == [
                "resilience.policy.call_duration p succeeded": [3_000_000, 5_000_000],
                "resilience.policy.call_duration p failed": [1_000_000_000],
            ])
        #expect(CallMetricsTests.counts(metrics) == [2, 1, 1, 1])
        #expect(CallMetricsTests.durations(metrics, "succeeded") == nil)
    }

    @Test("what a sink makes for a place is made before the first call, and let go of with the place")
    func lifetime() throws {
        let metrics = told.metrics()
        var policy: Policy? = try policy(metrics)
        policy?.addObserver(metrics)
        #expect(
            Set(told.made.withLock { $0 }) == [
                ["resilience.policy.call_duration", "p", "succeeded"],
                ["resilience.policy.call_duration", "p", "failed"],
            ])
        #expect(told.alive.withLock { $0 } == 2)
        policy = nil
        #expect(told.alive.withLock { $0 } == 0)
    }

    @Test("along with metrics with buckets both measure")
    func beside() async throws {
        let buckets = CallMetrics()
        let policy = try policy(told.metrics())
        policy.addObserver(buckets)
        try await policy.execute { clock.advance(by: .milliseconds(3)) }
        #expect(told.durations.withLock { $0.values.map(\.count) } == [1])
        #expect(CallMetricsTests.durations(buckets, "succeeded")?.sum == .milliseconds(3))
    }
}
