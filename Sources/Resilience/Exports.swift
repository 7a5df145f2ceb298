// What is exported here is visible in all files of this module, too: those of the patterns do not import them.
@_exported public import Bulkheads
@_exported public import CircuitBreakers
@_exported public import Fallbacks
@_exported public import Hedges
@_exported public import RateLimiters
@_exported public import ResilienceCore
@_exported public import Retries
@_exported public import Timeouts
