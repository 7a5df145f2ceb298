#if Redis
    public import NIOCore
    internal import NIOPosix
    internal import NIOSSL
    public import ResilienceCore

    /// A client of a Redis or Valkey server, or of a cluster of them, for what a fleet shares.
    ///
    /// ```swift
    /// let redis = try RedisClient("redis://cache.internal:6379")
    /// let store = RedisStore(redis)
    /// ```
    ///
    /// It connects when a command is sent, and again after a connection was lost; in between, commands fail at once.
    /// Every command takes at most ``Configuration/operationLimit``, and one that is cancelled does not disturb the
    /// others. Commands share one connection, and what is published comes over a second one. Where servers answer that
    /// another one has the key, that one is asked.
    ///
    /// It closes its connections when it is released, or by ``close()``.
    public final class RedisClient: RedisCommands, RedisChannels, CustomStringConvertible, CustomReflectable {
        private struct State {
            var nodes: [RedisAddress: RedisNode] = [:]
            /// From the least to the most recently used.
            var order: [RedisAddress] = []
            var map = ClusterMap()
            var isClosed = false
        }

        private let settings: ConnectionSettings
        private let random: RandomSource
        private let state = Lock(State())
        private let subscriptions: Subscriptions

        /// Creates a client. It does not connect yet.
        ///
        /// - Parameters:
        ///   - url: `redis://user:password@host:port/database`, of which only the host is needed; `rediss://` with TLS.
        ///     `valkey` does as well. Characters with a meaning in a URL are escaped: `p%40ss`.
        ///   - configuration: How it behaves.
        ///   - group: The event loops it runs on. Default: those that all of NIO shares.
        ///   - random: Varies the waits between attempts to connect.
        /// - Throws: All faults of the URL and the configuration. None shows a password.
        public init(
            _ url: String, _ configuration: Configuration = Configuration(), group: (any EventLoopGroup)? = nil,
            random: RandomSource = .system
        ) throws(ConfigurationError) {
            var check = ConfigurationCheck("redis")
            configuration.validate(&check)
            try check.finish()
            let url = try RedisURL(url)
            var tls: NIOSSLContext?
            if url.usesTLS {
                do {
                    tls = try NIOSSLContext(configuration: configuration.tls)
                } catch {
                    throw ConfigurationError(
                        ConfigurationError.Fault(
                            field: "redis.tls", value: "…", violation: "cannot be used: \(shortText(of: error))"))
                }
            }
            settings = ConnectionSettings(
                url: url, tls: tls, group: group ?? MultiThreadedEventLoopGroup.singleton,
                configuration: configuration, secrets: Secrets([url.password]))
            self.random = random
            let known = KnownServers(url.address)
            self.known = known
            subscriptions = Subscriptions(settings, random, addresses: { known.all })
        }

        private let known: KnownServers

        deinit { close() }

        /// The server, without user and password.
        public var description: String { "RedisClient(\(settings.url))" }

        /// What `dump` and a debugger show: the server, without user and password.
        public var customMirror: Mirror { Mirror(self, children: ["url": "\(settings.url)"]) }

        /// How many channels are listened to.
        var channelCount: Int { subscriptions.channelCount }

        // MARK: Commands

        /// Connects, so that what is wrong shows at once: no server, a refused password, something that is not Redis.
        ///
        /// - Throws: `SharedStateError`; `CancellationError` if the task is cancelled.
        public func connect() async throws {
            let limit = settings.configuration.connectTimeout
            let address = settings.url.address
            do {
                _ = try await ask(PendingReply([["PING"]]), at: address, within: limit)
            } catch SharedStateError.timedOut {
                throw timedOut(limit, address)
            }
        }

        /// Sends a command and waits for its reply, at most ``Configuration/operationLimit``.
        ///
        /// - Throws: `SharedStateError` if there is no reply; `CancellationError` if the task is cancelled.
        public func send(_ words: [String]) async throws -> RedisReply {
            let limit = settings.configuration.operationLimit
            let end = ContinuousClock.now + limit
            var address = route(words)
            var pending = PendingReply([words])
            var silent: Set<RedisAddress> = []
            // A cluster that is being rebuilt may send from one to the other and back.
            for _ in 0..<Self.maxHops {
                let reply: RedisReply
                do {
                    reply = try await ask(pending, at: address, within: max(end - .now, .zero))
                } catch let error as SharedStateError {
                    state.withLock { $0.map.forget(address) }
                    if case .timedOut = error { throw timedOut(limit, address) }
                    silent.insert(address)
                    // A command that no server has run yet may be run by another server of the cluster, or that one may
                    // know which does.
                    guard !pending.isSent, let other = known.all.first(where: { !silent.contains($0) }) else {
                        throw error
                    }
                    (address, pending) = (other, PendingReply([words]))
                    continue
                }
                guard case .error(let text) = reply, let other = Redirection(text, asked: address) else { return reply }
                address = other.address
                known.learn(address)
                if other.isLasting { state.withLock { $0.map.learn(other.slot, other.address) } }
                pending = PendingReply(other.isLasting ? [words] : [["ASKING"], words])
            }
            throw SharedStateError.unavailable("the servers of the cluster send from one to the other")
        }

        private static let maxHops = 8

        /// Where to send a command first: to the server of its keys, or else to one that can be expected to answer.
        private func route(_ words: [String]) -> RedisAddress {
            let (address, nodes) = state.withLock { ($0.map.address(of: words), $0.nodes) }
            if let address { return address }
            let first = settings.url.address
            guard let node = nodes[first], !node.isUsable else { return first }
            return known.all.first { $0 != first && nodes[$0]?.isUsable != false } ?? first
        }

        private func ask(
            _ pending: PendingReply, at address: RedisAddress, within limit: Duration
        ) async throws -> RedisReply {
            try Task.checkCancellation()
            guard pending.commands.allSatisfy({ !$0.isEmpty }) else {
                throw SharedStateError.malformed("a command without a word")
            }
            guard let node = node(address) else { throw SharedStateError.unavailable("the client was closed") }
            node.submit(pending)
            return try await pending.reply(within: limit, on: settings.group.next())
        }

        /// What to say where no answer came in time.
        private func timedOut(_ limit: Duration, _ address: RedisAddress) -> SharedStateError {
            state.withLock { $0.nodes[address] }?.timedOut(limit) ?? .timedOut(limit)
        }

        private func node(_ address: RedisAddress) -> RedisNode? {
            let (node, old) = state.withLock { state -> (RedisNode?, RedisNode?) in
                guard !state.isClosed else { return (nil, nil) }
                if let node = state.nodes[address] {
                    if state.order.last != address {
                        state.order.removeAll { $0 == address }
                        state.order.append(address)
                    }
                    return (node, nil)
                }
                var old: RedisNode?
                if state.order.count >= settings.configuration.maxNodes {
                    old = state.nodes.removeValue(forKey: state.order.removeFirst())
                }
                let node = RedisNode(address, settings, random)
                state.nodes[address] = node
                state.order.append(address)
                return (node, old)
            }
            old?.close()
            return node
        }

        // MARK: Channels

        /// Listens to channels until the task is cancelled. A connection that is lost is made again.
        ///
        /// - Throws: `CancellationError` once cancelled; `SharedStateError` if the server refuses, or the client was
        ///   closed.
        public func subscribe(
            to channels: [String], onMessage: @escaping @Sendable (_ channel: String, _ message: String) -> Void
        ) async throws {
            try await subscribe(to: channels, onMessage: onMessage, onGap: { _ in })
        }

        /// Listens to channels until the task is cancelled.
        ///
        /// - Parameter onGap: Called when a channel is listened to again, after messages may have been missed.
        func subscribe(
            to channels: [String], onMessage: @escaping @Sendable (String, String) -> Void,
            onGap: @escaping @Sendable (String) -> Void
        ) async throws {
            try await subscriptions.subscribe(
                to: channels, Subscriptions.Listener(onMessage: onMessage, onGap: onGap))
        }

        /// Closes all connections. Commands that wait for a reply fail, as do later ones.
        public func close() {
            let nodes = state.withLock { state in
                state.isClosed = true
                defer { state.nodes = [:] }
                return Array(state.nodes.values)
            }
            for node in nodes { node.close() }
            subscriptions.close()
        }
    }

    /// The servers that a client has heard of: that of its URL, and what a cluster has named.
    final class KnownServers: Sendable {
        private let first: RedisAddress
        private let others = Lock<[RedisAddress]>([])

        init(_ first: RedisAddress) {
            self.first = first
        }

        var all: [RedisAddress] { [first] + others.withLock { $0 } }

        /// Remembers a server, the last hundred of them.
        func learn(_ address: RedisAddress) {
            guard address != first else { return }
            others.withLock { others in
                guard !others.contains(address) else { return }
                if others.count >= 100 { others.removeFirst() }
                others.append(address)
            }
        }
    }
#endif
