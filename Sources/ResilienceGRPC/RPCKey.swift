#if GRPC
    public import GRPCCore

    /// What the calls of a server are told apart by, for a limiter that has permits for each.
    public struct RPCKey: Sendable {
        private let key: @Sendable (ServerContext, Metadata) -> String

        /// A key of your own, such as the tenant in a token that was checked before.
        ///
        /// - Parameter key: Asked with each call, on the server's task, under no lock.
        public init(_ key: @escaping @Sendable (ServerContext, Metadata) -> String) {
            self.key = key
        }

        /// The method: `inventory.Stock/Get`.
        public static let method = RPCKey { context, _ in context.descriptor.fullyQualifiedMethod }

        /// The service: `inventory.Stock`.
        public static let service = RPCKey { context, _ in context.descriptor.service.fullyQualifiedService }

        /// The address of the client, without its port, which is another for each connection. Behind a proxy that is
        /// the proxy's.
        public static let peer = RPCKey { context, _ in
            let peer = context.remotePeer
            guard peer.hasPrefix("ipv4:") || peer.hasPrefix("ipv6:"), let colon = peer.lastIndex(of: ":") else {
                return peer
            }
            return String(peer[..<colon])
        }

        /// A field of the metadata, which clients may write as they like. Calls without it share one key.
        public static func metadata(_ field: String) -> RPCKey {
            RPCKey { _, metadata in metadata.firstString(field) ?? "" }
        }

        func callAsFunction(_ context: ServerContext, _ metadata: Metadata) -> String { key(context, metadata) }
    }
#endif
