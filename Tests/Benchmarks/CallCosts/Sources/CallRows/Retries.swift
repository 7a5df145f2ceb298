internal import CircuitBreakers
internal import ResilienceCore
internal import Retries
internal import Timeouts

extension Row {
    static let retries = [
        Row("retry, no failure", .library) {
            let retry = try Retry()
            return { try await call(retry, $0) }
        },
        Row("retry, no failure, with a budget", .library) {
            let retry = try Retry("budgeted", .init(budget: try RetryBudget(.throttle())))
            return { try await call(retry, $0) }
        },
        Row("naive retry loop", .alternative) {
            { count in
                var sum = 0
                for _ in 0..<count {
                    let current = sum
                    sum = try await retried(attempts: 3) { try await operation(current) }
                }
                consume(sum)
            }
        },
        Row("policy of a retry, a breaker and a timeout", .library) {
            let policy = try makeUsualPolicy()
            return { try await call(policy, $0) }
        },
    ]
}

/// The retry that a user writes.
@inline(never)
private func retried<Value>(attempts: Int, _ operation: () async throws -> Value) async throws -> Value {
    var attempt = 1
    while true {
        do {
            return try await operation()
        } catch {
            guard attempt < attempts, !(error is CancellationError) else { throw error }
            try await Task.sleep(for: .milliseconds(100 << attempt))
            attempt += 1
        }
    }
}

@Sendable
private func makeUsualPolicy() throws -> Policy {
    try Policy("usual") {
        Retry.layer()
        CircuitBreaker.layer()
        Timeout.layer(.seconds(3600))
    }
}

@inline(never)
private func call(_ strategy: Retry, _ count: Int) async throws {
    var sum = 0
    for _ in 0..<count { sum = try await strategy.execute { try await operation(sum) } }
    consume(sum)
}
