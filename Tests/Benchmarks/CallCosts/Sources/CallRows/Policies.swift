internal import Bulkheads
internal import CircuitBreakers
internal import Fallbacks
internal import RateLimiters
internal import ResilienceCore
internal import Retries
internal import Timeouts

extension Row {
    static let policies = [
        executed("policy of a breaker") {
            try Policy("one") { CircuitBreaker.layer() }
        },
        executed("policy of three breakers", makeThreeLayers),
        Row("three naive Mutex breakers, nested by hand", .alternative) {
            let (first, second, third) = (NaiveMutexBreaker(), NaiveMutexBreaker(), NaiveMutexBreaker())
            return { count in
                var sum = 0
                for _ in 0..<count {
                    sum = try await first.execute {
                        try await second.execute { try await third.execute { try await operation(sum) } }
                    }
                }
                consume(sum)
            }
        },
        executed("policy of a breaker in a policy") {
            let inner = try Policy("inner") { CircuitBreaker.layer() }
            return try Policy("outer") { inner }
        },
        executed("policy of a breaker, accepting") {
            try Policy("accepting") { CircuitBreaker.layer() }.accepting(Int.self) { $0 > 0 }
        },
        executed("policy of a breaker, no-op observer") {
            try Policy("observed", observers: [NoOpObserver()]) { CircuitBreaker.layer() }
        },
        Row("policy of a breaker, run", .library) {
            let policy = try Policy("run") { CircuitBreaker.layer() }
            return { count in
                var sum = 0
                for _ in 0..<count { sum = await policy.run { try await operation(sum) }.value ?? 0 }
                consume(sum)
            }
        },
        guarded("policy of fallback, retry, breaker, limiter, bulkhead") {
            try Policy("five") {
                Retry.layer()
                CircuitBreaker.layer()
                RateLimiter.layer(.tokenBucket(1_000_000_000, per: .seconds(1)))
                Bulkhead.layer(limit: 32)
            }
        },
        guarded("the same with a timeout for each attempt") {
            try Policy("six") {
                Retry.layer()
                CircuitBreaker.layer()
                RateLimiter.layer(.tokenBucket(1_000_000_000, per: .seconds(1)))
                Bulkhead.layer(limit: 32)
                Timeout.layer(.seconds(3600))
            }
        },
    ]

    /// With a fallback that is not needed.
    private static func guarded(_ name: String, _ make: @escaping @Sendable () throws -> Policy) -> Row {
        Row(name, .library) {
            let policy = try make().fallback(Int.self) { .value(0) }
            return { try await call(policy, $0) }
        }
    }

    /// The policy is made where the loop does not see it: a policy that the optimiser sees being built is inlined away.
    private static func executed(_ name: String, _ make: @escaping @Sendable () throws -> Policy) -> Row {
        Row(name, .library) {
            let policy = try make()
            return { try await call(policy, $0) }
        }
    }
}

@Sendable
private func makeThreeLayers() throws -> Policy {
    try Policy("three") {
        CircuitBreaker.layer("first")
        CircuitBreaker.layer("second")
        CircuitBreaker.layer("third")
    }
}

/// Calls a policy that the optimiser has not seen being built.
@inline(never)
func call(_ policy: Policy, _ count: Int) async throws {
    var sum = 0
    for _ in 0..<count { sum = try await policy.execute { try await operation(sum) } }
    consume(sum)
}

@inline(never)
private func call(_ policy: FallbackPolicy<Int>, _ count: Int) async throws {
    var sum = 0
    for _ in 0..<count { sum = try await policy.execute { try await operation(sum) } }
    consume(sum)
}
