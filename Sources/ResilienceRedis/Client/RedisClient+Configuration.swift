#if Redis
    public import NIOSSL
    internal import ResilienceCore
    public import Retries

    extension RedisClient {
        /// How a client behaves. Every part has a default.
        public struct Configuration: Sendable {
            /// How long a command may take, with everything it needs; 1 ms to 1 hour. Default: 100 ms.
            ///
            /// Until the first connection is there, commands wait for it so long.
            public var operationLimit: Duration = .milliseconds(100)

            /// How long a connection may take, with its greeting; 1 ms to 1 hour. Default: 2 s.
            public var connectTimeout: Duration = .seconds(2)

            /// The most commands of a connection that have no reply yet, 8 to 1 000 000. Further ones fail at once.
            /// Default: 1 024.
            public var maxInFlight = 1_024

            /// The longest reply in bytes, 1 KiB to 512 MiB. A connection on which more comes is closed. Default: 1
            /// MiB.
            public var maxReplyBytes = 1 << 20

            /// How long a connection may be idle before the server is asked whether it is there, 1 ms to 1 hour.
            /// Default: 10 s.
            public var keepAlive: Duration = .seconds(10)

            /// How long nothing may come from a server that owes a reply, 1 ms to 1 hour: the connection is taken for
            /// dead then, and a new one made. Default: 2 s.
            public var maxSilence: Duration = .seconds(2)

            /// How long to wait after each failure to connect. Default: exponential from 20 ms, full jitter.
            public var backoff = Backoff.exponential(from: .milliseconds(20))

            /// The longest wait after a failure to connect, 1 ms to 1 hour. Default: 1 s.
            public var maxDelay: Duration = .seconds(1)

            /// The most servers of a cluster that are connected at once, 1 to 10 000. Default: 64.
            public var maxNodes = 64

            /// What is trusted, and shown, on a URL of `rediss://`. Default: the system's authorities.
            public var tls = TLSConfiguration.makeClientConfiguration()

            /// Creates the default configuration.
            public init() {}

            func validate(_ check: inout ConfigurationCheck) {
                let times = [
                    ("operationLimit", operationLimit), ("connectTimeout", connectTimeout), ("keepAlive", keepAlive),
                    ("maxSilence", maxSilence), ("maxDelay", maxDelay),
                ]
                for (field, value) in times {
                    check.require(field, value, in: .milliseconds(1) ... .seconds(3_600), "1 ms...1 hour")
                }
                check.require("maxInFlight", maxInFlight, in: 8...1_000_000)
                check.require("maxReplyBytes", maxReplyBytes, in: 1_024...(512 << 20))
                check.require("maxNodes", maxNodes, in: 1...10_000)
                backoff.check(&check)
            }
        }
    }
#endif
