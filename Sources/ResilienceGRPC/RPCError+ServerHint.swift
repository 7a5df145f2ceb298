#if GRPC
    public import GRPCCore
    public import Resilience

    /// What the server of a call said about trying again, in `grpc-retry-pushback-ms` (gRFC A6): a retry keeps to it,
    /// and does not retry at all after a negative number, or what is not a number.
    extension RPCError: ServerHintProviding {
        /// What the server said, or `nil` if it said nothing.
        public var serverHint: ServerHint? {
            metadata.firstString(RPCField.pushback).map { .grpc(pushback: $0) }
        }
    }

    /// A status that says that the server has more to do than it can is an overload to what adapts to that.
    extension RPCError: OverloadError {
        /// Whether it is `resourceExhausted` or `deadlineExceeded`, or `unavailable` from a server that says when to
        /// come back.
        public var isOverload: Bool {
            switch code {
            case .resourceExhausted, .deadlineExceeded: true
            case .unavailable: serverHint != nil
            default: false
            }
        }
    }

    /// Traces write the code as `error.type`.
    extension RPCError: LabeledError {
        /// The code: `unavailable`.
        public var label: String { "\(code)" }
    }

    /// The fields of metadata by which clients and servers tell each other about time and attempts.
    enum RPCField {
        static let timeout = "grpc-timeout"
        static let pushback = "grpc-retry-pushback-ms"
        static let previousAttempts = "grpc-previous-rpc-attempts"
    }

    extension Metadata {
        /// The first value of a field that is a text.
        func firstString(_ key: String) -> String? {
            var values = self[stringValues: key].makeIterator()
            return values.next()
        }
    }
#endif
