#if Redis
    import NIOCore
    import NIOPosix
    import ResilienceCore

    /// Stands between a client and a server, and does to what passes what a bad network does.
    final class Proxy: Sendable {
        enum Mode: Sendable {
            case pass
            /// Each reply comes so much later.
            case slow(Duration)
            /// A reply is cut off after a byte, with its connection.
            case cut
            /// Nothing passes, and nobody is told. A connection of that time stays so.
            case silent
        }

        private struct State {
            var mode = Mode.pass
            var channels: [ObjectIdentifier: any Channel] = [:]
        }

        private let target: Int
        private let state = Lock(State())

        private init(_ target: Int) { self.target = target }

        var mode: Mode { state.withLock { $0.mode } }

        /// Changes what is done to what comes from now on.
        func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

        /// Closes all connections.
        func closeAll() {
            for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
        }

        fileprivate func opened(_ channel: any Channel) {
            state.withLock { $0.channels[ObjectIdentifier(channel)] = channel }
        }
        fileprivate func closed(_ channel: any Channel) {
            state.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
        }

        /// Runs it before the server of a port.
        static func with<Result>(_ target: Int, _ body: (Proxy, _ url: String) async throws -> Result) async throws
            -> Result
        {
            let proxy = Proxy(target)
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelOption(.autoRead, value: false)
                .childChannelInitializer { near in
                    // Both ends on one event loop.
                    ClientBootstrap(group: near.eventLoop)
                        .channelInitializer { far in
                            far.eventLoop.makeCompletedFuture {
                                try far.pipeline.syncOperations.addHandler(Passage(to: near, proxy, isReply: true))
                            }
                        }
                        .connect(host: "127.0.0.1", port: target)
                        .flatMap { far in
                            near.eventLoop.makeCompletedFuture {
                                proxy.opened(near)
                                try near.pipeline.syncOperations.addHandler(Passage(to: far, proxy, isReply: false))
                            }
                        }
                        .flatMap { near.setOption(.autoRead, value: true) }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            do {
                let result = try await body(proxy, "redis://127.0.0.1:\(channel.localAddress?.port ?? 0)")
                try await channel.close()
                proxy.closeAll()
                return result
            } catch {
                try? await channel.close()
                proxy.closeAll()
                throw error
            }
        }
    }

    /// One direction of a connection.
    private final class Passage: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel
        private let proxy: Proxy
        private let isReply: Bool
        private var isSilent = false
        /// What passes later does not overtake.
        private var last: EventLoopFuture<Void>?

        init(to other: any Channel, _ proxy: Proxy, isReply: Bool) {
            (self.other, self.proxy, self.isReply) = (other, proxy, isReply)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !isSilent else { return }
            let buffer = unwrapInboundIn(data)
            let other = other
            let loop = context.eventLoop
            var delay = TimeAmount.zero
            switch proxy.mode {
            case .pass: break
            case .silent: isSilent = true
            case .slow(let length):
                if isReply { delay = .nanoseconds(length.saturatedNanoseconds) }
            case .cut:
                if isReply {
                    other.writeAndFlush(buffer.getSlice(at: buffer.readerIndex, length: 1) ?? buffer, promise: nil)
                    other.close(promise: nil)
                    return
                }
            }
            if isSilent { return }
            let wait = loop.scheduleTask(in: delay) {}.futureResult
            let passed = (last ?? loop.makeSucceededVoidFuture()).flatMap { wait }
            passed.whenSuccess { other.writeAndFlush(buffer, promise: nil) }
            last = passed
        }

        func channelInactive(context: ChannelHandlerContext) {
            proxy.closed(context.channel)
            other.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
#endif
