@_exported public import Bulkheads
@_exported public import CircuitBreakers
@_exported public import Fallbacks
@_exported public import Hedges
@_exported public import RateLimiters
@_exported public import ResilienceCore
@_exported public import Retries
@_exported public import Timeouts
