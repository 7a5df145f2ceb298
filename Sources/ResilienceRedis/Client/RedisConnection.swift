#if Redis
    internal import NIOCore
    internal import NIOPosix
    internal import NIOSSL
    internal import ResilienceCore
    internal import Synchronization

    /// What all connections of a client have in common.
    struct ConnectionSettings: Sendable {
        var url: RedisURL
        var tls: NIOSSLContext?
        var group: any EventLoopGroup
        var configuration: RedisClient.Configuration
        var secrets: Secrets
    }

    /// How far a connection has come that is being made: whether it waits for the server to agree to TLS.
    final class HandshakeWatch: Sendable {
        private let isRunning = Atomic(false)

        var isInHandshake: Bool { isRunning.load(ordering: .relaxed) }
        func began() { isRunning.store(true, ordering: .relaxed) }
        func ended() { isRunning.store(false, ordering: .relaxed) }

        /// What to say where no answer came in time.
        func timedOut(_ limit: Duration, _ address: RedisAddress) -> SharedStateError {
            guard isInHandshake else { return .timedOut(limit) }
            return .unavailable(
                "no TLS with \(address): the handshake was not finished within \(limit), as with a server that does not "
                    + "speak TLS")
        }
    }

    /// A connection on which a server has greeted this client.
    final class RedisConnection: Sendable {
        private let channel: any Channel
        private let handler: NIOLoopBound<ConnectionHandler>

        private init(_ channel: any Channel, _ handler: NIOLoopBound<ConnectionHandler>) {
            (self.channel, self.handler) = (channel, handler)
        }

        /// Connects, and authenticates.
        ///
        /// - Parameters:
        ///   - watch: Learns how far it has come.
        ///   - onMessage: What is published; only for a connection that listens.
        ///   - onSubscribed: A channel that is listened to from now on.
        ///   - onClose: Called once, if the server has greeted this client.
        /// - Throws: `SharedStateError`.
        static func open(
            to address: RedisAddress, _ settings: ConnectionSettings, _ watch: HandshakeWatch = HandshakeWatch(),
            onMessage: (@Sendable (String, String) -> Void)? = nil,
            onSubscribed: (@Sendable (String) -> Void)? = nil,
            onClose: @escaping @Sendable (SharedStateError) -> Void
        ) async throws -> RedisConnection {
            let configuration = settings.configuration
            let usesTLS = settings.tls != nil
            watch.ended()
            let end = ConnectionEnd(onClose)
            let handlerSettings = ConnectionHandler.Settings(
                maxInFlight: configuration.maxInFlight, silence: configuration.maxSilence,
                keepAlive: configuration.keepAlive, onMessage: onMessage, onSubscribed: onSubscribed,
                onActive: { if usesTLS { watch.began() } }, onTLS: { watch.ended() }, onClose: { end.came($0) })
            var limits = RESPParser.Limits()
            limits.bytes = configuration.maxReplyBytes
            limits.lineBytes = min(limits.lineBytes, configuration.maxReplyBytes)
            let parserLimits = limits
            let connection: RedisConnection
            do {
                connection = try await ClientBootstrap(group: settings.group)
                    .connectTimeout(configuration.connectTimeout.timeAmount)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: address.host, port: address.port) { channel in
                        channel.eventLoop.makeCompletedFuture {
                            let pipeline = channel.pipeline.syncOperations
                            if let tls = settings.tls {
                                // A certificate for an address names no host.
                                let name = isIPAddress(address.host) ? nil : address.host
                                try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
                            }
                            try pipeline.addHandler(
                                ByteToMessageHandler(
                                    RESPParser(parserLimits), maximumBufferSize: parserLimits.bytes + 1_024))
                            let handler = ConnectionHandler(handlerSettings, settings.secrets)
                            try pipeline.addHandler(handler)
                            return RedisConnection(channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                        }
                    }
            } catch {
                throw SharedStateError.unavailable(
                    settings.secrets.hidden(in: "no connection to \(address): \(shortText(of: error))"))
            }
            do {
                try await connection.greet(settings)
                try end.begin()
                return connection
            } catch {
                connection.close()
                if case SharedStateError.timedOut(let limit) = error { throw watch.timedOut(limit, address) }
                throw error
            }
        }

        /// Sends commands and sees to it that their reply gets to the task that waits for it.
        func submit(_ pending: PendingReply) {
            channel.eventLoop.execute { self.handler.value.submit(pending) }
        }

        func send(_ words: [String]) {
            channel.eventLoop.execute { self.handler.value.send(words) }
        }

        func close() { channel.close(mode: .all, promise: nil) }

        // MARK: The greeting

        private func ask(_ words: [String], _ settings: ConnectionSettings) async throws -> RedisReply {
            let pending = PendingReply([words])
            submit(pending)
            return try await pending.reply(within: settings.configuration.connectTimeout, on: channel.eventLoop)
        }

        /// RESP3 if the server has it, and RESP2 otherwise.
        private func greet(_ settings: ConnectionSettings) async throws {
            let url = settings.url
            var hello = ["HELLO", "3"]
            if let password = url.password { hello += ["AUTH", url.user ?? "default", password] }
            if case .error(let text) = try await ask(hello, settings) {
                let code = text.prefix { $0 != " " }
                guard code == "ERR" || code == "NOPROTO" else { throw Self.refusal(text, settings) }
                if let password = url.password {
                    let reply = try await ask(["AUTH"] + (url.user.map { [$0] } ?? []) + [password], settings)
                    if case .error(let text) = reply { throw Self.refusal(text, settings) }
                } else if case .error(let text) = try await ask(["PING"], settings) {
                    throw Self.refusal(text, settings)
                }
            }
            if url.database != 0, case .error(let text) = try await ask(["SELECT", "\(url.database)"], settings) {
                let error = SharedStateError(reply: text, settings.secrets)
                if case .unavailable = error { throw error }
                throw SharedStateError.refused("database \(url.database): \(settings.secrets.hidden(in: text))")
            }
        }

        /// Of an answer to a password only the code is told, for servers repeat what they do not know.
        private static func refusal(_ text: String, _ settings: ConnectionSettings) -> SharedStateError {
            let code = String(text.prefix { $0 != " " }.prefix(32))
            switch code {
            case "NOAUTH": return .refused("NOAUTH: the server asks for a password")
            case "WRONGPASS": return .refused("WRONGPASS: the user or the password is wrong, or the user is disabled")
            case "NOPERM": return .refused("NOPERM: the user may not do this")
            case "ERR":
                if text.lowercased().contains("max number of clients") {
                    return .unavailable("the server has as many clients as it takes")
                }
                return .refused("the server takes no such password: an unknown user form, none is set, or it is wrong")
            default:
                if case .unavailable = SharedStateError(reply: text) {
                    return .unavailable("\(code): the server takes no commands now")
                }
                return .refused("the server refuses the greeting: \(settings.secrets.hidden(in: code))")
            }
        }
    }

    /// The end of a connection, which is told only once there was a beginning: before, what went wrong in the greeting
    /// says more than that the connection was closed then.
    private final class ConnectionEnd: Sendable {
        private struct State {
            var hasBegun = false
            var error: SharedStateError?
        }

        private let state = Lock(State())
        private let notify: @Sendable (SharedStateError) -> Void

        init(_ notify: @escaping @Sendable (SharedStateError) -> Void) { self.notify = notify }

        func came(_ error: SharedStateError) {
            let hasBegun = state.withLock { state in
                state.error = error
                return state.hasBegun
            }
            if hasBegun { notify(error) }
        }

        func begin() throws {
            let error = state.withLock { state in
                state.hasBegun = true
                return state.error
            }
            if let error { throw error }
        }
    }

    private func isIPAddress(_ host: String) -> Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }
#endif
