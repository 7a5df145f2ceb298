import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters
@testable import ResilienceCore

/// What a keyed limiter takes of memory, counted from the sizes of its arrays.
@Suite("The memory of keyed limiters", .timeLimit(.minutes(30)))
struct KeyedMemoryTests {
    private func bytesBesideKeys<Key>(of limiter: KeyedRateLimiter<Key>) -> Double {
        let entry = MemoryLayout<KeyedStore<Key, KeyedRate>.Entry>.stride
        var bytes = 0
        for shard in limiter.table.shards {
            bytes += shard.state.withLock { state in
                let slots = state.store.slots.capacity * MemoryLayout<UInt64>.stride
                let hashes = state.store.hashes.capacity * MemoryLayout<UInt32>.stride
                return state.store.entries.capacity * entry + hashes + slots
            }
            bytes += 512  // The shard itself, and the heads of its arrays.
        }
        return Double(bytes) / Double(limiter.count) - Double(MemoryLayout<Key>.stride)
    }

    @Test(
        "a million keys take at most 100 bytes each in addition to the key", arguments: RateLimiter.Rule.kinds.prefix(4)
    )
    func million(rule: RateLimiter.Rule) throws {
        let limiter = try KeyedRateLimiter<UInt64>("test", rule, maxKeys: aMillion, clock: ManualClock())
        for key in 0..<UInt64(aMillion) { _ = limiter.tryAcquire(for: key) }
        #expect(limiter.count == aMillion)
        let bytes = bytesBesideKeys(of: limiter)
        #expect(bytes <= 100, "\(bytes) bytes a key")
    }

    @Test("so do strings, and any number of keys above a few thousand")
    func strings() throws {
        let rule = RateLimiter.Rule.tokenBucket(1, per: .seconds(1))
        let limiter = try KeyedRateLimiter<String>("test", rule, maxKeys: aMillion, clock: ManualClock())
        var worst = 0.0
        for key in 0..<50_000 {
            _ = limiter.tryAcquire(for: "tenant \(key)")
            if key > 5_000, key.isMultiple(of: 997) { worst = max(worst, bytesBesideKeys(of: limiter)) }
        }
        #expect(worst <= 100, "\(worst) bytes a key")
    }

    @Test("idle keys give their memory back")
    func shrinking() throws {
        let clock = ManualClock()
        let limiter = try KeyedRateLimiter<Int>("test", .tokenBucket(1, per: .seconds(1)), clock: clock)
        for key in 0..<50_000 { _ = limiter.tryAcquire(for: key) }
        clock.advance(by: .seconds(1))
        limiter.removeIdle()
        let room = limiter.table.shards.reduce(0) { $0 + $1.state.withLock { $0.store.capacity } }
        #expect(room <= 64 * limiter.table.shards.count)
    }
}

#if DEBUG || THREAD_SANITIZER
    private let aMillion = 100_000
#else
    private let aMillion = 1_000_000
#endif
