import Resilience
import ResilienceAsyncHTTPClient

/// What protects the shop's calls: the standard pipeline, with numbers of its own. What is written here holds where
/// `resilience.json` says nothing else.
enum ShopPolicies {
    /// Without a price there is no offer: what is refused here is answered with 503, what takes too long with 504.
    static var prices: HTTPPipeline.Configuration {
        var prices = HTTPPipeline.Configuration(
            totalLimit: .seconds(2), circuitBreaker: breaker, bulkhead: .init(limit: .fixed(8)),
            attemptLimit: .milliseconds(500))
        prices.retry?.backoff = .exponential(from: .milliseconds(50))
        prices.retry?.maxAttempts = 3
        return prices
    }

    /// An offer without its stock is still one: see `Upstreams.stock(of:)`.
    static var stock: HTTPPipeline.Configuration {
        HTTPPipeline.Configuration(
            totalLimit: .seconds(1), retry: nil, circuitBreaker: breaker, bulkhead: .init(limit: .fixed(8)),
            attemptLimit: nil)
    }

    private static var breaker: CircuitBreaker.Configuration {
        .init(
            trip: .failureRate(0.5, minimumCalls: 10), window: .time(.seconds(30)), breakLength: .fixed(.seconds(5)))
    }
}
