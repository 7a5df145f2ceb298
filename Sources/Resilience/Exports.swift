@_exported public import CircuitBreakers
@_exported public import Hedges
@_exported public import ResilienceCore
@_exported public import Retries
@_exported public import Timeouts
