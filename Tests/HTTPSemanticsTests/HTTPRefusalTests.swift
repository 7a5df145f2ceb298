import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@testable import HTTPSemantics

@Suite("Refusals")
struct HTTPRefusalTests {
    @Test("Of what refuses, a rate limit is 429, a limit of time 504 and all else 503; what is no layer's is none")
    func causes() async {
        let clock = ManualClock()
        let rows: [(status: Int?, retryAfter: String?, call: () async throws -> Void)] = [
            (
                429, "90",
                {
                    let limiter = try RateLimiter("r", .tokenBucket(1, per: .seconds(90)), clock: clock)
                    for _ in 0..<2 { try await limiter.acquire() }
                }
            ),
            (429, nil, { try await RateLimiter("r", .tokenBucket(1, per: .seconds(1))).acquire(2) }),
            (
                504, nil,
                {
                    try await Timeout(.seconds(1), clock: clock).execute {
                        clock.advance(by: .seconds(1))
                        try Task.checkCancellation()
                    }
                }
            ),
            (504, nil, { try await Timeout(.custom { _ in .zero }, clock: clock).execute {} }),
            (
                503, "6",
                {
                    let breaker = try CircuitBreaker("b", .init(breakLength: .fixed(.seconds(5.5))), clock: clock)
                    breaker.open()
                    try await breaker.execute {}
                }
            ),
            (
                503, "1",
                {
                    let bulkhead = try Bulkhead("b", limit: 1, clock: clock)
                    try await bulkhead.execute { try await bulkhead.execute {} }
                }
            ),
            (nil, nil, { throw ClientError(outcome: .neverSent) }),
            (nil, nil, { throw CancellationError() }),
        ]
        for (index, row) in rows.enumerated() {
            let error = await #expect(throws: (any Error).self) { try await row.call() }
            guard let error else { continue }
            // A layer's error counts wherever it is inside.
            for refusal in [HTTPRefusal(error), HTTPRefusal(HTTPUnrepeatableError(error))] {
                #expect(refusal?.status == row.status, "\(index)")
                #expect(refusal?.retryAfter == row.retryAfter, "\(index)")
            }
        }
    }

    @Test("A time to wait is in whole seconds, rounded up, and never none")
    func seconds() {
        let rows: [(Duration?, String?)] = [
            (nil, nil), (.seconds(-3), "1"), (.zero, "1"), (.nanoseconds(1), "1"), (.seconds(1), "1"),
            (.milliseconds(1001), "2"), (.seconds(60), "60"), (.seconds(Int64.max), "999999999999"),
        ]
        for (time, text) in rows {
            let refusal = HTTPRefusal(status: 503, retryAfter: time)
            #expect(refusal.retryAfter == text)
            #expect(refusal.status == 503)
        }
    }
}
