internal import CircuitBreakers
internal import ResilienceCore
internal import Timeouts

extension Row {
    static let timeouts = [
        Row("timeout, not reached", .library) {
            let timeout = try Timeout(.seconds(3600))
            return { try await call(timeout, $0) }
        },
        Row("naive race of a task group with a sleep", .alternative) {
            { count in
                var sum = 0
                for _ in 0..<count {
                    let current = sum
                    sum = try await raced(.seconds(3600)) { try await operation(current) }
                }
                consume(sum)
            }
        },
        Row("policy of a breaker and a timeout", .library) {
            let policy = try makeLimitedPolicy()
            return { try await call(policy, $0) }
        },
    ]
}

private struct TimedOut: Error {}

/// The timeout that a user writes: the first child to end decides.
private func raced<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TimedOut()
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw TimedOut() }
        return value
    }
}

@Sendable
private func makeLimitedPolicy() throws -> Policy {
    try Policy("limited") {
        CircuitBreaker.layer()
        Timeout.layer(.seconds(3600))
    }
}

@inline(never)
private func call(_ strategy: Timeout, _ count: Int) async throws {
    var sum = 0
    for _ in 0..<count { sum = try await strategy.execute { try await operation(sum) } }
    consume(sum)
}
