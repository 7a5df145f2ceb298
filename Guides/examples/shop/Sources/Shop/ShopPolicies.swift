import Resilience
import ResilienceTracing

/// The policies of the shop. What is written here holds where `resilience.json` says nothing else.
enum ShopPolicies {
    static func module(observers: [any PolicyObserver]) throws -> ResilienceModule {
        try ResilienceModule("shop", observers: observers) {
            Registration("calls", Bulkhead.layer(limit: 8))
            Registration(budget: "retries", .ratio(0.2))
            // Without a price there is no offer: what is refused here is answered with 503, what takes too long with 504.
            Registration("prices") {
                Trace.layer()
                Timeout.layer(.seconds(2))
                Retry.layer(.exponential(from: .milliseconds(50)), maxAttempts: 3, budget: RetryBudget.named("retries"))
                CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 10), breakLength: .fixed(.seconds(5))))
                Bulkhead.named("calls")
                Timeout.layer("attempt", .milliseconds(500))
            }
            // An offer without its stock is still one: see `Upstreams.stock(of:)`.
            Registration("stock") {
                Trace.layer()
                Timeout.layer(.seconds(1))
                CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 10), breakLength: .fixed(.seconds(5))))
                Bulkhead.named("calls")
            }
        }
    }
}
