import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters
@testable import ResilienceCore

@Suite("Keyed limiters under contention", .timeLimit(.minutes(30)))
struct KeyedContentionTests {
    @Test("of each key exactly the burst is given, however many ask", arguments: [false, true])
    func exact(observed: Bool) async throws {
        let rule = RateLimiter.Rule.tokenBucket(1, per: .seconds(1), burst: 40)
        let stage = try KeyedStage<Int>(.init(rule: rule), observed: observed)
        let (tasks, keys) = (8, keysInUse)
        let counts = await withTaskGroup(of: [Int].self) { group in
            for task in 0..<tasks {
                group.addTask { [limiter = stage.limiter] in
                    var random = SplitMix64(seed: UInt64(task))
                    var permitted = Array(repeating: 0, count: keys)
                    for round in 0..<10 {
                        for key in (0..<keys).shuffled(using: &random) {
                            if limiter.tryAcquire(for: key) { permitted[key] += 1 }
                            if key.isMultiple(of: 64) { await Task.yield() }
                        }
                        if round == 5 { limiter.removeIdle() }
                    }
                    return permitted
                }
            }
            return await group.reduce(Array(repeating: 0, count: keys)) { zip($0, $1).map(+) }
        }
        #expect(counts.allSatisfy { $0 == 40 })
        let totals = stage.limiter.totals
        #expect(totals.permitted == 40 * keys && totals.calls == tasks * keys * 10)
        #expect(stage.limiter.count == keys)
        guard observed else { return }
        #expect(stage.events.count == totals.calls)
    }

    @Test("asks of keys in other shards do not wait for a shard that is locked")
    func shards() throws {
        let rule = RateLimiter.Rule.tokenBucket(1, per: .seconds(1))
        let stage = try KeyedStage<Int>(.init(rule: rule, maxKeys: 1_000_000))
        let table = stage.limiter.table
        #expect(table.shards.count == 256)
        let held = table.shards[0]
        // Of each other shard one key, so that no sweep, which goes to all shards in turn, is due.
        var keys: [ObjectIdentifier: Int] = [:]
        var next = 0
        while keys.count < table.shards.count - 1 {
            let shard = table.shard(next.hashValue)
            if shard !== held { keys[ObjectIdentifier(shard)] = next }
            next += 1
        }
        // If one lock were shared, this would not end.
        let permitted = held.state.withLock { _ in
            keys.values.reduce(0) { $0 + (stage.limiter.tryAcquire(for: $1) ? 1 : 0) }
        }
        #expect(permitted == 255 && stage.limiter.count == 255)
    }

    @Test("totals are exact while keys come, go, wait, give up and are forgotten")
    func exactTotals() async throws {
        let rule = RateLimiter.Rule.tokenBucket(1, per: .milliseconds(1), burst: 3)
        let stage = try KeyedStage<Int>(.init(rule: rule, maxWait: .milliseconds(3), maxKeys: 50))
        let (tasks, asks) = (8, asksPerTask)
        let limiter = stage.limiter
        let seen = await withTaskGroup(of: [Int].self) { group in
            for task in 0..<tasks {
                group.addTask { [clock = stage.clock] in
                    var random = SplitMix64(seed: UInt64(task))
                    var seen = [0, 0, 0]
                    for ask in 0..<asks {
                        let key = Int.random(in: 0..<100, using: &random) % Int.random(in: 1...100, using: &random)
                        let call = Task { try await limiter.acquire(for: key) }
                        if ask.isMultiple(of: 3) { call.cancel() }
                        clock.advance(by: .microseconds(200))
                        // Others move the clock too; this ask's own time must come in any case.
                        while limiter.waiting(for: key) > 0 {
                            clock.advance(by: .milliseconds(1))
                            await Task.yield()
                        }
                        switch await call.result {
                        case .success: seen[0] += 1
                        case .failure(is CancellationError): seen[2] += 1
                        case .failure: seen[1] += 1
                        }
                    }
                    return seen
                }
            }
            let clock = stage.clock
            let ticking = Task {
                while !Task.isCancelled {
                    clock.advance(by: .milliseconds(1))
                    await Task.yield()
                }
            }
            defer { ticking.cancel() }
            return await group.reduce([0, 0, 0]) { zip($0, $1).map(+) }
        }
        let totals = limiter.totals
        #expect([totals.permitted, totals.rejected, totals.cancelled] == seen)
        #expect(totals.calls == tasks * asks)
        #expect(limiter.waiting == 0 && limiter.count <= 50)
        stage.clock.advance(by: .seconds(1))
        limiter.removeIdle()
        #expect(limiter.count == 0)
    }
}

#if THREAD_SANITIZER
    private let keysInUse = 100
    private let asksPerTask = 200
#else
    private let keysInUse = 500
    private let asksPerTask = 1_000
#endif
