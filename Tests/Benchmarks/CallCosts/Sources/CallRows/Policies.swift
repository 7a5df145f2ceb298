internal import CircuitBreakers
internal import ResilienceCore

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
    ]

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
