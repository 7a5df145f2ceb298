internal import Resilience

extension Row {
    static let modules = [
        Row("policy of a module", .library) {
            let policy = try makeModule().policy("one")
            return { try await call(policy, $0) }
        },
        Row("module.execute by name", .library) {
            let module = try makeModule()
            return { count in
                var sum = 0
                for _ in 0..<count { sum = try await module.execute("one") { try await operation(sum) } }
                consume(sum)
            }
        },
    ]
}

@Sendable
private func makeModule() throws -> ResilienceModule {
    try ResilienceModule { Registration("one") { CircuitBreaker.layer() } }
}
