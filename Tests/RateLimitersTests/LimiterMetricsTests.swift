import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite("Limiter: what is measured", .timeLimit(.minutes(30)))
struct LimiterMetricsTests {
    /// `name{labels} value` of each sample.
    private func lines(_ sources: [any MetricSource]) -> Set<String> {
        var lines: Set<String> = []
        for entry in MetricCollection(of: sources).entries {
            for sample in entry.samples {
                let value =
                    switch sample.value {
                    case .integer(let value): "\(value)"
                    case .number(let value): "\(value)"
                    case .histogram(let snapshot): "\(snapshot.count) in \(snapshot.sum)"
                    }
                let name = entry.family.name.dropFirst("resilience.".count)
                lines.insert("\(name){\(sample.labels.joined(separator: ","))} \(value)")
            }
        }
        return lines
    }

    @Test("X-22: everything is there, at zero, right after it was made")
    func beforeFirstCall() throws {
        let calls = CallMetrics()
        let limiter = try RateLimiter("a", .tokenBucket(5, per: .seconds(1)), observers: [calls])
        let keyed = try KeyedRateLimiter<Int>("b", .pacing(5, per: .seconds(1)), maxKeys: 9, observers: [calls])
        let throttle = try AdaptiveThrottle("c", observers: [calls])
        #expect(
            lines([limiter, keyed, throttle, calls]) == [
                "rate_limiter.calls{a,permitted} 0", "rate_limiter.calls{a,rejected} 0",
                "rate_limiter.calls{a,cancelled} 0", "rate_limiter.available_permissions{a} 5",
                "rate_limiter.waiting{a} 0", "rate_limiter.wait_duration{a} 0 in 0.0 seconds",
                "keyed_rate_limiter.calls{b,permitted} 0", "keyed_rate_limiter.calls{b,rejected} 0",
                "keyed_rate_limiter.calls{b,cancelled} 0", "keyed_rate_limiter.keys{b} 0",
                "keyed_rate_limiter.max_keys{b} 9", "keyed_rate_limiter.refused_keys{b} 0",
                "keyed_rate_limiter.forgotten_keys{b} 0", "keyed_rate_limiter.waiting{b} 0",
                "keyed_rate_limiter.wait_duration{b} 0 in 0.0 seconds",
                "adaptive_throttle.calls{c,accepted} 0", "adaptive_throttle.calls{c,refused} 0",
                "adaptive_throttle.calls{c,ignored} 0", "adaptive_throttle.calls{c,cancelled} 0",
                "adaptive_throttle.calls{c,rejected} 0", "adaptive_throttle.rejection_probability{c} 0.0",
                "adaptive_throttle.requests{c} 0", "adaptive_throttle.accepts{c} 0",
            ])
    }

    @Test("a limiter tells its asks, permits, waiting tasks and waits", arguments: [false, true])
    func limiter(isListening: Bool) async throws {
        let (clock, executor) = (ManualClock(), SteppingExecutor())
        let calls = CallMetrics()
        let limiter = try RateLimiter(
            "a", .tokenBucket(1, per: .seconds(1), burst: 2), maxWait: .seconds(9), clock: clock,
            observers: isListening ? [EventRecorder()] : [])
        // Measured from here on.
        limiter.addObserver(calls)
        #expect(limiter.tryAcquire() && limiter.tryAcquire() && !limiter.tryAcquire())
        let granted = Task(executorPreference: executor) { try await limiter.execute {} }
        let cancelled = Task(executorPreference: executor) { try await limiter.execute {} }
        executor.drain()
        #expect(lines([limiter]).contains("rate_limiter.waiting{a} 2"))
        cancelled.cancel()
        executor.drain()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        clock.advance(by: .seconds(1), running: executor)
        try await granted.value
        try limiter.reserve().use()  // After a second that nobody waited for.
        clock.advance(by: .seconds(3))
        #expect(
            lines([limiter, calls]) == [
                "rate_limiter.calls{a,permitted} 4", "rate_limiter.calls{a,rejected} 1",
                "rate_limiter.calls{a,cancelled} 1", "rate_limiter.available_permissions{a} 2",
                "rate_limiter.waiting{a} 0", "rate_limiter.wait_duration{a} 2 in 2.0 seconds",
            ])
    }

    @Test("a keyed limiter tells one number for all keys, also as a layer, once")
    func keyed() async throws {
        let (clock, executor) = (ManualClock(), SteppingExecutor())
        let calls = CallMetrics()
        let limiter = try KeyedRateLimiter<Int>(
            "b",
            .init(rule: .pacing(1, per: .seconds(1)), maxWait: .seconds(1), maxKeys: 3, whenFull: .refusesNewKeys),
            clock: clock)
        let policy = try Policy("p", clock: clock) { limiter.by { _ in 1 } }
        policy.addObserver(calls)
        for key in 1...3 { #expect(limiter.tryAcquire(for: key)) }
        #expect(!limiter.tryAcquire(for: 4) && !limiter.tryAcquire(for: 1))
        let granted = Task(executorPreference: executor) { try await policy.execute {} }
        let cancelled = Task(executorPreference: executor) { try await limiter.execute(for: 2) {} }
        executor.drain()
        #expect(lines([limiter]).contains("keyed_rate_limiter.waiting{b} 2"))
        cancelled.cancel()
        executor.drain()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        clock.advance(by: .seconds(1), running: executor)
        try await granted.value
        let measured: Set = lines([limiter, limiter[1], policy, calls]).filter { !$0.hasPrefix("policy") }
        #expect(
            measured == [
                "keyed_rate_limiter.calls{b,permitted} 4", "keyed_rate_limiter.calls{b,rejected} 2",
                "keyed_rate_limiter.calls{b,cancelled} 1", "keyed_rate_limiter.keys{b} 3",
                "keyed_rate_limiter.max_keys{b} 3", "keyed_rate_limiter.refused_keys{b} 1",
                "keyed_rate_limiter.forgotten_keys{b} 0", "keyed_rate_limiter.waiting{b} 0",
                "keyed_rate_limiter.wait_duration{b} 1 in 1.0 seconds",
            ])
    }

    @Test("waiting tasks whose wait an update ends are not counted any more")
    func keyedUpdate() async throws {
        let (clock, executor) = (ManualClock(), SteppingExecutor())
        let limiter = try KeyedRateLimiter<Int>(
            "b", .init(rule: .tokenBucket(2, per: .seconds(1)), maxWait: .seconds(9)), clock: clock)
        #expect(limiter.tryAcquire(for: 1, permits: 2))
        let waiting = Task(executorPreference: executor) { try await limiter.acquire(for: 1, permits: 2) }
        executor.drain()
        #expect(lines([limiter]).contains("keyed_rate_limiter.waiting{b} 1"))
        try limiter.update(.init(rule: .tokenBucket(1, per: .seconds(1)), maxWait: .seconds(9)))
        executor.drain()
        await #expect(throws: RateLimiter.ExceedsLimitError.self) { try await waiting.value }
        #expect(lines([limiter]).contains("keyed_rate_limiter.waiting{b} 0"))
        #expect(lines([limiter]).contains("keyed_rate_limiter.calls{b,rejected} 1"))
    }

    @Test("a throttle tells its calls, its window and its probability")
    func throttle() async throws {
        let clock = ManualClock()
        let throttle = try AdaptiveThrottle(
            "c", .init(maxRejection: 1, minimumRequests: 0), clock: clock, random: .constant(0.4))
        for _ in 1...2 { try await throttle.execute {} }
        for _ in 1...6 { try? await throttle.execute { throw InjectedFailure() } }
        // 8 requests and 2 accepts: (8 − 2 · 2) / 9 is above 0.4.
        try? await throttle.execute {}
        #expect(
            lines([throttle]) == [
                "adaptive_throttle.calls{c,accepted} 2", "adaptive_throttle.calls{c,refused} 6",
                "adaptive_throttle.calls{c,ignored} 0", "adaptive_throttle.calls{c,cancelled} 0",
                "adaptive_throttle.calls{c,rejected} 1", "adaptive_throttle.rejection_probability{c} 0.5",
                "adaptive_throttle.requests{c} 9", "adaptive_throttle.accepts{c} 2",
            ])
        clock.advance(by: .seconds(240))
        #expect(lines([throttle]).contains("adaptive_throttle.requests{c} 0"))
    }
}
