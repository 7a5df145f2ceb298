internal import RateLimiters
internal import ResilienceCore
internal import Synchronization

extension Row {
    /// The rules allow more than any machine can ask for, so that every call is permitted.
    static let rateLimiters = [
        tokenBucket, tokenBucket.withTwoCallers(),
        naiveMutexLimiter, naiveMutexLimiter.withTwoCallers(),
        naiveActorLimiter, naiveActorLimiter.withTwoCallers(),
        permitted("limiter, sliding window", .slidingWindow(1_000_000_000_000, per: .seconds(1))),
        permitted("limiter, sliding log", .slidingLog(1_000_000, per: .milliseconds(1))),
        Row("limiter, rejected", .library) {
            let limiter = try RateLimiter("empty", .tokenBucket(1, per: .seconds(1_000_000)))
            limiter.drain()
            return { count in
                for _ in 0..<count {
                    do { _ = try await limiter.execute { try await operation(0) } } catch {}
                }
            }
        },
        keyed, keyed.withTwoCallers(), keyedForgotten,
        Row("limiter, adaptive throttle", .library) {
            let throttle = try AdaptiveThrottle("calm")
            return { count in
                var sum = 0
                for _ in 0..<count { sum = try await throttle.execute { try await operation(sum) } }
                consume(sum)
            }
        },
    ]

    private static let tokenBucket = permitted(
        "limiter, token bucket", .tokenBucket(1_000_000_000, per: .seconds(1)))

    /// A thousand keys in turn, of which permits are in use all the time.
    private static let keyed = keyed(
        "limiter, keyed", .tokenBucket(1, per: .seconds(1), burst: 1_000_000))

    /// A thousand keys in turn, each of which has been forgotten when it comes again.
    private static let keyedForgotten = keyed(
        "limiter, keyed, each key forgotten in between", .tokenBucket(1_000_000_000, per: .seconds(1)))

    private static func keyed(_ name: String, _ rule: RateLimiter.Rule) -> Row {
        Row(name, .library) {
            let limiter = try KeyedRateLimiter<Int>("keyed", rule)
            return { count in
                var sum = 0
                for call in 0..<count {
                    sum = try await limiter.execute(for: call % 1000) { try await operation(sum) }
                }
                consume(sum)
            }
        }
    }

    private static let naiveMutexLimiter = Row("naive Mutex limiter", .alternative) {
        let limiter = NaiveMutexLimiter()
        return { count in
            var sum = 0
            for _ in 0..<count { sum = try await limiter.execute { try await operation(sum) } }
            consume(sum)
        }
    }

    private static let naiveActorLimiter = Row("naive actor limiter", .alternative) {
        let limiter = NaiveActorLimiter()
        return { count in
            var sum = 0
            for _ in 0..<count { sum = try await limiter.execute { [sum] in try await operation(sum) } }
            consume(sum)
        }
    }

    private static func permitted(_ name: String, _ rule: RateLimiter.Rule) -> Row {
        Row(name, .library) {
            let limiter = try RateLimiter("permitted", rule)
            return { try await call(limiter, $0) }
        }
    }
}

@inline(never)
private func call(_ limiter: RateLimiter, _ count: Int) async throws {
    var sum = 0
    for _ in 0..<count { sum = try await limiter.execute { try await operation(sum) } }
    consume(sum)
}

/// The token bucket that a user would write: without names, events, totals, hints, waiting or exact rates.
private struct NaiveBucket {
    struct RejectedError: Error {}

    private var tokens = 1e9
    private var updated = ContinuousClock.now

    mutating func take() throws(RejectedError) {
        let now = ContinuousClock.now
        tokens = min(1e9, tokens + updated.duration(to: now) / .seconds(1) * 1e9)
        updated = now
        guard tokens >= 1 else { throw RejectedError() }
        tokens -= 1
    }
}

private actor NaiveActorLimiter {
    private var bucket = NaiveBucket()

    private func take() throws { try bucket.take() }

    nonisolated func execute<Value: Sendable>(
        _ operation: @Sendable () async throws -> Value
    ) async throws -> Value {
        try await take()
        return try await operation()
    }
}

private final class NaiveMutexLimiter: Sendable {
    private let bucket = Mutex(NaiveBucket())

    func execute<Value>(_ operation: () async throws -> Value) async throws -> Value {
        try bucket.withLock { try $0.take() }
        return try await operation()
    }
}
