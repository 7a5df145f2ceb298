import ResilienceCore
import ResilienceTesting
import Synchronization
import TestSupport
import Testing

@testable import RateLimiters

@Suite("Shared limiter: random courses", .timeLimit(.minutes(30)))
struct SharedQuotaModelTests {
    static let rules: [SharedQuotaRule] = [
        .init(permits: 10_000, period: .seconds(1), burst: 1000), .init(permits: 100, period: .seconds(1), burst: 7),
        .init(permits: 7, period: .milliseconds(10), burst: 30), .init(permits: 3, period: .seconds(1), burst: 2),
        .init(permits: 1000, period: .seconds(86_400), burst: 20),
    ]

    @Test("in no window more than the quota, whatever is late, fails, ends or is cancelled", arguments: rules)
    func neverMore(rule: SharedQuotaRule) throws {
        try forSeeds(0..<40) { seed, random in
            let nodes = Int.random(in: 1...4, using: &random)
            let slowest = [0, 300, 5000, 60_000].randomElement(using: &random) ?? 0
            let lease: Duration? = [nil, .milliseconds(10), .milliseconds(37)].randomElement(using: &random) ?? nil
            let configuration = SharedRateLimiter.Configuration(
                rule: rule, maxWait: .milliseconds(Int.random(in: 0...300, using: &random)), whenUnavailable: .closed,
                leaseLength: rule.leased(for: lease ?? .zero) == nil ? nil : lease)
            let stage = try SharedStage(
                configuration, nodes: nodes, latency: 0...slowest, seed: seed,
                observed: Bool.random(using: &random))
            let step = [20, 500, 10_000].randomElement(using: &random) ?? 1
            var calls: [Task<Void, Never>] = []
            for id in 0..<400 {
                let node = Int.random(in: 0..<nodes, using: &random)
                switch Int.random(in: 0..<20, using: &random) {
                case 0: stage.advance(by: .milliseconds(Int.random(in: 0...300, using: &random)))
                case 1: calls.randomElement(using: &random)?.cancel()
                case 2:
                    stage.store.fault.withLock { $0 = .hangs(.milliseconds(Int.random(in: 0...400, using: &random))) }
                case 3: stage.store.fault.withLock { $0 = .error(.unavailable("")) }
                case 4, 5, 6: stage.store.fault.withLock { $0 = .none }
                case 7 where id % 5 == 0:
                    stage.runs.withLock { $0[node] }.cancel()
                    stage.advance(by: .milliseconds(200))
                    let new = stage.run(node)
                    stage.runs.withLock { $0[node] = new }
                case 8...13: stage.attempt(node, permits: Int.random(in: 1...3, using: &random))
                default:
                    let permits = Int.random(in: 0..<8, using: &random) == 0 ? rule.burst / 2 : 1
                    calls.append(stage.start(id, node: node, permits: permits))
                }
                stage.advance(by: .microseconds(Int.random(in: 0...step, using: &random)))
            }
            stage.end()
            if let breach = firstBreach(of: rule, stage.uses.withLock { $0 }) {
                throw Difference("\(rule): \(breach)")
            }
            let left = stage.limiters.reduce(0) { $0 + $1.waiting }
            #expect(left == 0, "seed \(seed)")
            #expect(calls.count == stage.outcomes.withLock { $0.count }, "seed \(seed)")
        }
    }

    @Test("between threads no permit is used twice, and none is lost")
    func contention() async throws {
        let rule = SharedQuotaRule(permits: 1_000_000, period: .seconds(1), burst: 500_000)
        let clock = ManualClock()
        let store = StageStore(clock)
        let limiter = try SharedRateLimiter(
            "api", .init(rule: rule, maxWait: .zero, whenUnavailable: .closed), through: store, clock: clock)
        let run = Task { try? await limiter.run() }
        let used = UsedPermits()
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for step in 0..<20_000 {
                        let permits = step % 3 + 1
                        if limiter.tryAcquire(permits) { used.count.wrappingAdd(permits, ordering: .relaxed) }
                        if step % 64 == 0 {
                            clock.advance(by: .microseconds(50))
                            await Task.yield()
                        }
                    }
                }
            }
        }
        // Until the last request has been answered.
        run.cancel()
        await run.value
        let (leased, expired) = (limiter.totals.leased, limiter.totals.expired)
        let last = store.requests.withLock { $0.filter { $0.wanted == 0 }.map(\.returned) }
        let sum = last.reduce(0, +)
        let total = used.count.load(ordering: .relaxed)
        #expect(total > 0)
        #expect(leased == store.granted)
        // Everything that was granted was used, has ended unused, or was given back at the end. What was given back
        // last may be of a batch that had ended.
        let rest = leased - total - expired
        #expect(rest == sum || rest == sum - (last.last ?? 0), "\(rest), \(last)")
        let totals = limiter.totals
        #expect(totals.calls == 80_000)
    }
}

private final class UsedPermits: Sendable {
    let count = Atomic(0)
}
