#if Redis
    internal import NIOCore
    internal import NIOPosix
    internal import NIOTLS
    internal import ResilienceCore

    #if canImport(Darwin)
        internal import Darwin
    #elseif canImport(Musl)
        internal import Musl
    #elseif canImport(Glibc)
        internal import Glibc
    #endif

    /// The end of a connection's pipeline: hands each reply to the command that it belongs to, by their order.
    ///
    /// All members are used on the channel's event loop.
    final class ConnectionHandler: ChannelInboundHandler {
        typealias InboundIn = RESPFrame
        typealias OutboundOut = ByteBuffer

        struct Settings: Sendable {
            /// The most commands without a reply.
            var maxInFlight: Int
            /// How long nothing may come while a reply is waited for, before the connection is taken for dead.
            var silence: Duration
            /// How long nothing may happen before a `PING` is sent.
            var keepAlive: Duration
            /// What is published, with its channel. A connection that listens sends only what asks for it.
            var onMessage: (@Sendable (_ channel: String, _ message: String) -> Void)?
            /// Called when the server has begun to send what is published on a channel.
            var onSubscribed: (@Sendable (_ channel: String) -> Void)?
            /// Called when the server has taken the connection; what TLS needs comes after that.
            var onActive: @Sendable () -> Void
            /// Called when the server has agreed to TLS.
            var onTLS: @Sendable () -> Void
            /// Called once, when nothing can be sent any more.
            var onClose: @Sendable (SharedStateError) -> Void
        }

        /// A command whose reply has not come.
        private struct Entry {
            /// `nil` where no task waits for it.
            var pending: PendingReply?
            var sentAt: NIODeadline
        }

        private let settings: Settings
        private let secrets: Secrets
        private var entries = CircularBuffer<Entry>()
        private var context: ChannelHandlerContext?
        private var failure: SharedStateError?
        private var lastRead = NIODeadline.now()
        private var watch: RepeatedTask?

        init(_ settings: Settings, _ secrets: Secrets) {
            (self.settings, self.secrets) = (settings, secrets)
        }

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }

        func handlerRemoved(context: ChannelHandlerContext) {
            end(.unavailable("the connection was closed"))
            self.context = nil
        }

        // MARK: Out

        func submit(_ pending: PendingReply) {
            guard !pending.isAbandoned else { return }
            guard let context, failure == nil else {
                return pending.fail(failure ?? .unavailable("the connection was closed"))
            }
            guard entries.count + pending.commands.count <= settings.maxInFlight else {
                return pending.fail(
                    SharedStateError.unavailable("\(entries.count) commands are waiting for a reply already"))
            }
            pending.noteSent()
            write(pending.commands, context)
            for index in pending.commands.indices {
                let isLast = index == pending.commands.count - 1
                entries.append(Entry(pending: isLast ? pending : nil, sentAt: .now()))
            }
            watchIfNeeded(context)
        }

        /// Sends what has no reply: to listen to channels, or not to any longer.
        func send(_ words: [String]) {
            guard let context, failure == nil else { return }
            write([words], context)
            watchIfNeeded(context)
        }

        private func write(_ commands: [[String]], _ context: ChannelHandlerContext) {
            var buffer = context.channel.allocator.buffer(capacity: 256)
            for words in commands { buffer.write(command: words) }
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        }

        // MARK: In

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            lastRead = .now()
            switch unwrapInboundIn(data) {
            case .push(let elements): publish(elements)
            case .reply(let reply): receive(reply, context)
            }
        }

        private func receive(_ reply: RedisReply, _ context: ChannelHandlerContext) {
            if settings.onMessage != nil {
                // In RESP2 what is published looks like a reply.
                if case .array(let elements) = reply, publish(elements) { return }
                // What asks for channels has no reply but this.
                if case .error(let text) = reply, entries.first?.pending == nil {
                    return close(SharedStateError(reply: text, secrets), context)
                }
            }
            guard let entry = entries.popFirst() else {
                return close(.malformed("a reply that nobody has asked for"), context)
            }
            entry.pending?.finish(.success(reply))
        }

        /// Whether it was something that is told, and no reply.
        @discardableResult
        private func publish(_ elements: [RedisReply]) -> Bool {
            guard case .string(let kind) = elements.first else { return false }
            switch kind {
            case "message":
                if elements.count == 3, case .string(let channel) = elements[1], case .string(let text) = elements[2] {
                    settings.onMessage?(channel, text)
                }
                return true
            case "subscribe":
                if elements.count == 3, case .string(let channel) = elements[1] { settings.onSubscribed?(channel) }
                return true
            case "unsubscribe": return true
            default: return false
            }
        }

        func channelActive(context: ChannelHandlerContext) {
            settings.onActive()
            context.fireChannelActive()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted? = event as? TLSUserEvent { settings.onTLS() }
            context.fireUserInboundEventTriggered(event)
        }

        // MARK: The end

        func channelInactive(context: ChannelHandlerContext) {
            end(.unavailable("the server closed the connection"))
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            close(error as? SharedStateError ?? .unavailable(secrets.hidden(in: shortText(of: error))), context)
        }

        private func close(_ error: SharedStateError, _ context: ChannelHandlerContext) {
            end(error)
            context.close(promise: nil)
        }

        private func end(_ error: SharedStateError) {
            guard failure == nil else { return }
            failure = error
            watch?.cancel()
            watch = nil
            let waiting = entries
            entries.removeAll()
            for entry in waiting { entry.pending?.fail(error) }
            settings.onClose(error)
        }

        // MARK: Whether the server is still there

        /// Begins with the first command: no timer before the connection is of use.
        private func watchIfNeeded(_ context: ChannelHandlerContext) {
            guard watch == nil else { return }
            let interval = max(min(settings.silence, settings.keepAlive).timeAmount.nanoseconds / 4, 1_000_000)
            let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
            watch = context.eventLoop.scheduleRepeatedTask(
                initialDelay: .nanoseconds(interval), delay: .nanoseconds(interval)
            ) { _ in
                handler.value.look()
            }
        }

        private func look() {
            guard let context, failure == nil else { return }
            let now = NIODeadline.now()
            if let oldest = entries.first {
                if now - max(lastRead, oldest.sentAt) > settings.silence.timeAmount {
                    close(.timedOut(settings.silence), context)
                }
            } else if now - lastRead > settings.keepAlive.timeAmount {
                write([["PING"]], context)
                entries.append(Entry(pending: nil, sentAt: now))
            }
        }
    }

    /// What an error of the network says, within reason.
    func shortText(of error: any Error) -> String {
        let text: String
        if let error = error as? NIOConnectionError {
            let reasons = error.connectionErrors.map { shortText(of: $0.error) }
            let names = [error.dnsAError, error.dnsAAAAError].compactMap { $0 }.map { shortText(of: $0) }
            text = (reasons + names).first ?? "no address was found for the host"
        } else if let error = error as? IOError {
            // What it says of itself names functions of NIO.
            text = strerror(error.errnoCode).map { String(cString: $0) } ?? "errno \(error.errnoCode)"
        } else {
            text = "\(error)"
        }
        return text.count > 200 ? "\(text.prefix(200))…" : text
    }
#endif
