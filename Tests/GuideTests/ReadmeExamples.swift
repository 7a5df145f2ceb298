import Resilience
import Testing

@Suite("README.md")
struct ReadmeExamples {
    let gateway = Gateway()
    let order = Order()

    @Test("a protected call")
    func protectedCall() async throws {
        let payments = try Policy("payments") {  // outermost first
            Timeout.layer(.seconds(10))  // for the whole call
            Retry.layer(.exponential(from: .milliseconds(50)), maxAttempts: 4)
            CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 20)))
            Timeout.layer(.seconds(1))  // for each attempt
        }

        let receipt = try await payments.execute { try await gateway.charge(order) }
        #expect(receipt == Receipt())
        #expect(try await answer(payments) == Response())
        payments.circuitBreakers.first?.isolate()
        let response = try await answer(payments)
        #expect(response.status == 503)
        #expect(response.retryAfter == nil)
        try payments.circuitBreakers.first?.open(for: .seconds(60))
        #expect(try await (answer(payments).retryAfter ?? .zero) > .zero)
    }

    private func answer(_ payments: Policy) async throws -> Response {
        var receipt: Receipt
        do {
            receipt = try await payments.execute { try await gateway.charge(order) }
        } catch let rejection as any PolicyRejection {
            // circuit breaker "payments" is open; retry after 4.2 seconds
            return Response(status: 503, retryAfter: rejection.retryAfter)
        }
        receipt.id += 1
        return Response()
    }
}
