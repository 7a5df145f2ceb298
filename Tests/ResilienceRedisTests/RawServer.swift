#if Redis
    import NIOCore
    import NIOPosix
    import ResilienceCore

    /// A server that is no Redis: what it sends is a test's doing.
    final class RawServer: Sendable {
        /// What to send when something has come; `nil` closes the connection.
        typealias Answer = @Sendable (_ received: String) -> String?

        private struct State {
            var connections = 0
            var received = ""
        }

        private let answer: Answer
        private let state = Lock(State())

        private init(_ answer: @escaping Answer) { self.answer = answer }

        var connections: Int { state.withLock { $0.connections } }
        var received: String { state.withLock { $0.received } }

        fileprivate func connected() { state.withLock { $0.connections += 1 } }
        fileprivate func read(_ text: String) -> String? {
            state.withLock { $0.received += text }
            return answer(text)
        }

        /// Runs it while the body runs.
        static func with<Result>(
            _ answer: @escaping Answer, _ body: (RawServer, _ address: String) async throws -> Result
        ) async throws -> Result {
            let server = RawServer(answer)
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(RawHandler(server))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            do {
                let result = try await body(server, "127.0.0.1:\(channel.localAddress?.port ?? 0)")
                try await channel.close()
                return result
            } catch {
                try? await channel.close()
                throw error
            }
        }
    }

    private final class RawHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let server: RawServer

        init(_ server: RawServer) { self.server = server }

        func channelActive(context: ChannelHandlerContext) { server.connected() }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let answer = server.read(String(buffer: unwrapInboundIn(data))) else {
                return context.close(promise: nil)
            }
            if !answer.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil) }
        }
    }
#endif
