#if GRPC
    public import GRPCCore
    public import Resilience

    extension ErrorCondition {
        /// Statuses with one of these codes.
        public static func rpc(_ codes: RPCError.Code...) -> ErrorCondition {
            .errors { error in (error as? RPCError).map { codes.contains($0.code) } ?? false }
        }

        /// What another attempt may cure: for ``/Retries/Retry/Configuration/handles`` and the hedge's.
        ///
        /// `unavailable`; `resourceExhausted` from a server that says when to come back; and what a timeout inside cut
        /// off. Not `aborted`, which asks the application to begin again further out, and not `deadlineExceeded`: the
        /// time that the server was given is used up.
        public static var transientRPC: ErrorCondition {
            .errors { error in
                guard let error = error as? RPCError else {
                    return (error as? any OverloadError)?.isOverload == true
                }
                return switch error.code {
                case .unavailable: true
                case .resourceExhausted: error.serverHint?.isReadable == true
                default: false
                }
            }
        }

        /// What says that the service is not well: for ``/CircuitBreakers/CircuitBreaker/Configuration/handles`` and
        /// the throttle's.
        ///
        /// `unavailable`, `deadlineExceeded`, `resourceExhausted`, `internalError`, `unknown` and `dataLoss`, and every
        /// error that is no status. The other codes are answers: the service understood the call and refused it.
        public static var failedRPC: ErrorCondition {
            .errors { error in
                guard let error = error as? RPCError else { return true }
                return switch error.code {
                case .unavailable, .deadlineExceeded, .resourceExhausted, .internalError, .unknown, .dataLoss: true
                default: false
                }
            }
        }

        /// What proves that a call was never sent: for ``/Retries/Retry/Configuration/neverRan``, so that calls are
        /// repeated too that must not run twice. Known only of calls through a ``ResilientTransport``.
        public static var unsentRPC: ErrorCondition {
            .errors { error in (error as? RPCError)?.cause is UnsentCallError }
        }
    }

    /// The cause of a status that a ``ResilientTransport`` saw before there was a stream: nothing was sent.
    public struct UnsentCallError: Error, Sendable, CustomStringConvertible {
        /// What the transport gave as the cause, if anything.
        public let underlying: (any Error)?

        /// A sentence for logs.
        public var description: String { "the call was not sent" + (underlying.map { ": \($0)" } ?? "") }
    }

    extension ServerHint {
        /// Whether it says something: when to come back, or not to.
        fileprivate var isReadable: Bool { if case .unreadable = self { false } else { true } }
    }
#endif
