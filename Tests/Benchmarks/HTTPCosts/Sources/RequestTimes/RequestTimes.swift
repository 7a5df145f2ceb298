import AsyncHTTPClient
import Dispatch
import NIOCore
import NIOHTTP1
import NIOPosix
import Resilience
import ResilienceAsyncHTTPClient

/// What a request costs through the standard pipeline and through AsyncHTTPClient alone, one after another on one
/// connection to a server on loopback.
///
///     RequestTimes times 5000 11                  ns a request: the median of eleven runs of each, taken in turn
///     RequestTimes "standard pipeline" 2000       only makes the requests, for `count-instructions --requests`
///     RequestTimes --list
@main
struct RequestTimes {
    /// Not asynchronous: valgrind does not survive such a main.
    static func main() {
        let isDone = DispatchSemaphore(value: 0)
        Task.detached {
            do { try await run() } catch { print("\(error)") }
            isDone.signal()
        }
        isDone.wait()
    }

    private static func run() async throws {
        let arguments = CommandLine.arguments.dropFirst().map { $0 }
        let names = ["client alone", "standard pipeline"]
        if arguments == ["--list"] {
            for name in names { print("network\t\(name)") }
            return
        }
        let numbers = arguments.dropFirst().compactMap { Int($0) }
        guard let mode = arguments.first, let count = numbers.first else {
            return print("usage: RequestTimes --list | times <requests> <runs> | <row> <requests>")
        }
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 16)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Answering())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let url = "http://127.0.0.1:\(server.localAddress?.port ?? 0)/quote"
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let api = try ResilientHTTPClient(client)
        let alone = { (count: Int) in
            for _ in 0..<count {
                let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(10))
                _ = try await response.body.collect(upTo: 1 << 20)
            }
        }
        let pipeline = { (count: Int) in
            for _ in 0..<count {
                _ = try await api.execute(HTTPClientRequest(url: url)) { try await $0.body.collect(upTo: 1 << 20) }
            }
        }
        switch mode {
        case names[0]: try await alone(count)
        case names[1]: try await pipeline(count)
        default:
            try await alone(1000)
            try await pipeline(1000)
            var times: [[Double]] = [[], []]
            for _ in 0..<(numbers.dropFirst().first ?? 11) {
                for (index, loop) in [alone, pipeline].enumerated() {
                    let start = ContinuousClock.now
                    try await loop(count)
                    times[index].append(start.duration(to: .now) / .nanoseconds(1) / Double(count))
                }
            }
            for (name, times) in zip(names, times) {
                let sorted = times.sorted()
                print(
                    "\(name): \(Int(sorted[sorted.count / 2])) ns (\(Int(sorted[0]))–\(Int(sorted[sorted.count - 1])))")
            }
        }
        try await client.shutdown()
        try await server.close()
    }
}

/// Answers each request with a few bytes.
private final class Answering: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "5"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "42.00")))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
