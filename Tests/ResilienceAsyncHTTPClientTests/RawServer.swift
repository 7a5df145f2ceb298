#if AsyncHTTPClient
    import NIOCore
    import NIOPosix
    import ResilienceCore

    @testable import ResilienceTesting

    /// A server that answers with the bytes of a script, one step a request, whichever connection it comes on.
    final class RawServer: Sendable {
        enum Step: Sendable {
            /// Sends this, and waits for the next request.
            case answer(String)
            /// Sends this, and closes the connection.
            case answerAndClose(String)
            /// Closes the connection.
            case close
            /// Sends this as soon as the head of the request is there, and reads no more.
            case answerEarly(String)
        }

        private struct State {
            var next = 0
            var connections = 0
            var requests: [String] = []
            var arrivals = AwaitedCount()
        }

        private let steps: [Step]
        private let state = Lock(State())

        private init(_ steps: [Step]) { self.steps = steps }

        /// The requests, as they were sent.
        var requests: [String] { state.withLock { $0.requests } }
        var connections: Int { state.withLock { $0.connections } }

        /// Suspends until at least so many requests have come.
        func waitForRequests(_ count: Int) async throws {
            guard let waiter = state.withLock({ $0.arrivals.waiter(for: count) }) else { return }
            try await waiter.value { [self] in state.withLock { $0.arrivals.forget(waiter) } }
        }

        /// What follows the heads of the requests.
        var bodies: [String] {
            requests.map { request in
                guard let end = request.range(of: "\r\n\r\n") else { return "" }
                return String(request[end.upperBound...])
            }
        }

        fileprivate func connected() { state.withLock { $0.connections += 1 } }

        fileprivate func peek() -> Step { state.withLock { steps[min($0.next, steps.count - 1)] } }

        fileprivate func take(_ request: String) -> Step {
            let (step, arrived) = state.withLock { state in
                defer { state.next += 1 }
                state.requests.append(request)
                return (steps[min(state.next, steps.count - 1)], state.arrivals.increment())
            }
            for waiter in arrived { waiter.finish(with: .success(())) }
            return step
        }

        /// Runs a server while the body runs. After the last step comes the last step again.
        static func with<Result>(
            _ steps: [Step], _ body: (RawServer, String) async throws -> Result
        ) async throws -> Result {
            let server = RawServer(steps)
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(RawHandler(server))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
            do {
                let result = try await body(server, url)
                try await channel.close()
                return result
            } catch {
                try? await channel.close()
                throw error
            }
        }
    }

    /// Cuts what comes into requests.
    private final class RawHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let server: RawServer
        private var text = ""
        private var isDone = false

        init(_ server: RawServer) { self.server = server }

        func channelActive(context: ChannelHandlerContext) { server.connected() }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            while !isDone, let end = text.range(of: "\r\n\r\n") {
                if case .answerEarly(let answer) = server.peek() {
                    _ = server.take(text)
                    isDone = true
                    return send(answer, context)
                }
                guard isComplete(head: text[..<end.upperBound], body: text[end.upperBound...]) else { return }
                let request = text
                text = ""
                switch server.take(request) {
                case .answer(let answer), .answerEarly(let answer): send(answer, context)
                case .answerAndClose(let answer):
                    isDone = true
                    send(answer, context)
                    context.close(promise: nil)
                case .close:
                    isDone = true
                    context.close(promise: nil)
                }
            }
        }

        private func send(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        private func isComplete(head: Substring, body: Substring) -> Bool {
            let head = head.lowercased()
            if head.contains("transfer-encoding: chunked") { return body.hasSuffix("0\r\n\r\n") }
            guard let field = head.range(of: "content-length: ") else { return true }
            let length = head[field.upperBound...].prefix { $0.isNumber }
            return body.utf8.count >= Int(length) ?? 0
        }
    }

    extension StringProtocol {
        /// Where another text is in this one.
        func range(of other: String) -> Range<String.Index>? {
            var start = startIndex
            while start < endIndex {
                if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
                start = index(after: start)
            }
            return nil
        }
    }

    /// A response with a body of known length.
    func response(_ status: String, _ fields: [String] = [], body: String = "") -> RawServer.Step {
        .answer(text(of: status, fields, body: body))
    }

    func text(of status: String, _ fields: [String] = [], body: String = "") -> String {
        let head = ["HTTP/1.1 \(status)"] + fields + ["Content-Length: \(body.utf8.count)"]
        return head.joined(separator: "\r\n") + "\r\n\r\n" + body
    }
#endif
