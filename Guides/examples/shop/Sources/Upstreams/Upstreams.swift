import Hummingbird
import Synchronization

/// The two services that the shop calls, in one process. `PUT /mode/{mode}` makes them work, fail, refuse or stall.
@main
struct Upstreams {
    static func main() async throws {
        let mode = Mode()
        let router = Router()
        router.put("mode/:mode") { _, context in
            mode.value.withLock { $0 = context.parameters.get("mode") ?? "working" }
            return HTTPResponse.Status.ok
        }
        router.get("prices/:item") { _, _ in try await mode.answer("4200") }
        router.get("stock/:item") { _, _ in try await mode.answer("7") }
        let port = Environment().get("UPSTREAMS_PORT").flatMap(Int.init) ?? 8081
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)))
        try await application.runService()
    }
}

final class Mode: Sendable {
    let value = Mutex("working")

    func answer(_ text: String) async throws -> Response {
        switch value.withLock({ $0 }) {
        case "failing": return Response(status: .internalServerError)
        case "refusing": return Response(status: .serviceUnavailable, headers: [.retryAfter: "1"])
        case "stalling":
            try await Task.sleep(for: .seconds(30))
            return Response(status: .ok)
        default: return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }
}
