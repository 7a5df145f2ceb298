import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

/// The rule, as it is written down: every call is kept, and looked through for each decision.
private struct ReferenceThrottle {
    let configuration: AdaptiveThrottle.Configuration
    let origin: Int64
    var calls: [(time: Int64, isAccepted: Bool)] = []

    private var width: Int64 {
        let length = configuration.window.saturatedNanoseconds
        return (length + Int64(configuration.buckets) - 1) / Int64(configuration.buckets)
    }

    private func live(_ now: Int64) -> [(time: Int64, isAccepted: Bool)] {
        let part = (now - origin) / width
        return calls.filter { ($0.time - origin) / width > part - Int64(configuration.buckets) }
    }

    /// Where a call counts that ends now: where it began, or here if that is more than half of the window ago.
    func place(start: Int64, _ now: Int64) -> Int64 {
        (now - origin) / width - (start - origin) / width > Int64(configuration.buckets / 2) ? now : start
    }

    func counts(_ now: Int64) -> (requests: Int, accepts: Int) {
        let live = live(now)
        return (live.count, live.count { $0.isAccepted })
    }

    func probability(_ now: Int64) -> Double {
        let (requests, accepts) = counts(now)
        if requests < configuration.minimumRequests { return 0 }
        let excess = Double(requests) - configuration.multiplier * Double(accepts)
        return min(configuration.maxRejection, max(0, excess / Double(requests + 1)))
    }
}

@Suite struct AdaptiveThrottleModelTests {
    @Test("the throttle does what the rule says, over random schedules")
    func model() throws {
        try forSeeds(seeds(2_000)) { seed, _ in
            guard try agrees(seed: seed) else { throw Difference("not as in the model") }
        }
    }

    private func agrees(seed: UInt64) throws -> Bool {
        var random = SplitMix64(seed: seed)
        let configuration = AdaptiveThrottle.Configuration(
            multiplier: [1, 1.1, 2, 5].randomElement(using: &random) ?? 1,
            window: .nanoseconds(Int.random(in: 1...60, using: &random)),
            buckets: Int.random(in: 1...8, using: &random),
            maxRejection: [0.5, 0.9, 1].randomElement(using: &random) ?? 1,
            minimumRequests: Int.random(in: 0...5, using: &random))
        let draw = Lock(0.0)
        let clock = ManualClock()
        let throttle = try AdaptiveThrottle(
            "test", configuration, clock: clock, random: RandomSource { draw.withLock { $0 } })
        var model = ReferenceThrottle(configuration: configuration, origin: 0)
        var now: Int64 = 0
        var running: [(permit: RunningThrottledCall, start: Int64)] = []
        var asks = 0
        for _ in 0..<80 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                let drawn = Double.random(in: 0...1, using: &random)
                draw.withLock { $0 = drawn }
                let isRejected = drawn < model.probability(now)
                asks += 1
                do {
                    running.append((RunningThrottledCall(try throttle.tryAcquirePermit()), now))
                    guard !isRejected else { return false }
                } catch {
                    guard isRejected, error.probability == model.probability(now) else { return false }
                    model.calls.append((now, false))
                }
            case 3...5:
                guard !running.isEmpty else { continue }
                let (permit, start) = running.remove(at: Int.random(in: 0..<running.count, using: &random))
                let letter = "AARRXC".randomElement(using: &random) ?? "A"
                permit.end(throttleOutcome(letter))
                if letter == "A" || letter == "R" {
                    model.calls.append((model.place(start: start, now), letter == "A"))
                }
            case 6:
                let step = Int64.random(in: 0...20, using: &random)
                now += step
                clock.advance(by: .nanoseconds(step))
            default:
                let counts = model.counts(now)
                guard throttle.rejectionProbability == model.probability(now), throttle.requests == counts.requests,
                    throttle.accepts == counts.accepts
                else { return false }
            }
        }
        return throttle.totals.calls == asks - running.count
    }

    @Test("a service that accepts a tenth gets about twice that, and all again when it recovers", arguments: 1...3)
    func closedLoop(seed: UInt64) throws {
        let clock = ManualClock()
        let throttle = try AdaptiveThrottle(
            "test", .init(window: .seconds(20), maxRejection: 1), clock: clock, random: .seeded(seed))
        // 200 calls a second; the service accepts the first 20 of each second, then all.
        func second(capacity: Int) throws -> (sent: Int, accepted: Int) {
            var (sent, accepted) = (0, 0)
            for _ in 0..<200 {
                clock.advance(by: .milliseconds(5))
                guard let permit = try? throttle.tryAcquirePermit() else { continue }
                sent += 1
                if accepted < capacity {
                    accepted += 1
                    permit.succeed()
                } else {
                    permit.complete(as: .refused)
                }
            }
            return (sent, accepted)
        }
        for _ in 0..<40 { _ = try second(capacity: 20) }
        let overloaded = try (0..<40).map { _ in try second(capacity: 20) }
        let sent = overloaded.reduce(0) { $0 + $1.sent } / 40
        #expect((35...45).contains(sent), "seed \(seed): \(sent) a second")
        #expect(overloaded.allSatisfy { $0.accepted == 20 }, "seed \(seed)")
        for _ in 0..<60 { _ = try second(capacity: .max) }
        #expect(throttle.rejectionProbability == 0, "seed \(seed)")
        #expect(try second(capacity: .max).sent == 200, "seed \(seed)")
    }
}

final class RunningThrottledCall {
    private var permit: AdaptiveThrottle.Permit?

    init(_ permit: consuming AdaptiveThrottle.Permit) {
        self.permit = consume permit
    }

    func end(_ outcome: AdaptiveThrottle.Outcome) {
        if let permit = permit.take() { permit.complete(as: outcome) }
    }
}
