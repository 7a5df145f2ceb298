#if GRPC
    public import GRPCCore
    public import Resilience

    // What a server's method throws becomes a status: a policy's errors become the one that says what happened.

    extension RPCErrorConvertible where Self: PolicyRejection {
        /// `resourceExhausted` for a limit of the server's own: of rate, of keys, of concurrency, or by throttling;
        /// `deadlineExceeded` where no time was left; `unavailable` otherwise: for an open breaker, a pause that a
        /// service asked for, a store that cannot be reached, a module that has shut down, and rejections of your own.
        public var rpcErrorCode: RPCError.Code { RPCError.Code(of: self) }

        /// Why, without the policy's name, which is of no concern outside.
        public var rpcErrorMessage: String { reason }

        /// When to come back, as `grpc-retry-pushback-ms`, if that is known.
        public var rpcErrorMetadata: Metadata { Metadata(pushbackOf: self) }
    }

    extension CircuitBreaker.OpenError: RPCErrorConvertible {}
    extension RateLimiter.RejectedError: RPCErrorConvertible {}
    extension RateLimiter.ExceedsLimitError: RPCErrorConvertible {}
    extension RateLimiter.TooManyKeysError: RPCErrorConvertible {}
    extension SharedRateLimiter.UnavailableError: RPCErrorConvertible {}
    extension Pause.PausedError: RPCErrorConvertible {}
    extension Bulkhead.RejectedError: RPCErrorConvertible {}
    extension AdaptiveThrottle.RejectedError: RPCErrorConvertible {}
    extension Timeout.NoTimeLeftError: RPCErrorConvertible {}
    extension ResilienceModule.ShutdownError: RPCErrorConvertible {}

    extension Timeout.ExceededError: RPCErrorConvertible {
        /// `deadlineExceeded`.
        public var rpcErrorCode: RPCError.Code { .deadlineExceeded }

        /// That there was no answer in time.
        public var rpcErrorMessage: String { "the call took longer than its limit" }
    }

    extension RPCErrorConvertible where Self: ErrorWrapper {
        /// The code of the error inside; `unknown` if it has none.
        public var rpcErrorCode: RPCError.Code { RPCError(converting: wrappedError)?.code ?? .unknown }

        /// The message of the error inside.
        public var rpcErrorMessage: String { RPCError(converting: wrappedError)?.message ?? "" }

        /// The metadata of the error inside.
        public var rpcErrorMetadata: Metadata { RPCError(converting: wrappedError)?.metadata ?? [:] }
    }

    extension Retry.ExhaustedError: RPCErrorConvertible {}
    extension FallbackExhaustedError: RPCErrorConvertible {}

    extension RPCError {
        /// The status of an error that has one: what converts to one, and every rejection.
        init?(converting error: any Error) {
            if let error = error as? RPCError {
                self = error
            } else if let error = error as? any RPCErrorConvertible {
                self = RPCError(erased: error)
            } else if let rejection = error as? any PolicyRejection {
                self.init(
                    code: Code(of: rejection), message: rejection.reason, metadata: Metadata(pushbackOf: rejection),
                    cause: rejection)
            } else {
                return nil
            }
        }

        private init(erased error: any RPCErrorConvertible) { self.init(error) }
    }

    extension RPCError.Code {
        fileprivate init(of rejection: any PolicyRejection) {
            self =
                switch rejection {
                case is Timeout.NoTimeLeftError: .deadlineExceeded
                case is RateLimiter.RejectedError, is RateLimiter.ExceedsLimitError, is RateLimiter.TooManyKeysError,
                    is Bulkhead.RejectedError, is AdaptiveThrottle.RejectedError:
                    .resourceExhausted
                default: .unavailable
                }
        }
    }

    extension Metadata {
        /// When to come back: rounded up, because a client that comes too early is refused again. Not at all after what
        /// can never succeed. Nothing where it may be at once: a client would leave its backoff out.
        fileprivate init(pushbackOf rejection: any PolicyRejection) {
            self.init()
            if rejection is RateLimiter.ExceedsLimitError {
                addString("-1", forKey: RPCField.pushback)
            } else if let delay = rejection.retryAfter, delay > .zero {
                addString("\(delay.millisecondsRoundedUp)", forKey: RPCField.pushback)
            }
        }
    }

    extension Duration {
        /// At most the largest number.
        var millisecondsRoundedUp: Int64 {
            let (seconds, attoseconds) = components
            let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000)
            let rest = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
            let (sum, sumOverflows) = whole.addingReportingOverflow(rest)
            return overflows || sumOverflows ? .max : sum
        }
    }
#endif
