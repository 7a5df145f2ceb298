import Foundation
import Hummingbird
import InMemoryTracing
import Logging
import Resilience
import ResilienceFiles
import ResilienceHummingbird
import ResilienceLogging
import ResilienceServiceLifecycle
import Tracing

/// A server that answers with what two others say, and keeps on answering while these do not.
@main
struct Shop {
    static func main() async throws {
        let environment = Environment()
        let logger = Logger(label: "shop")
        // In production, a tracer that exports: this one keeps spans for /ops/spans.
        let tracer = InMemoryTracer()
        InstrumentationSystem.bootstrap(tracer)

        let feed = try EventFeed()
        let observers: [any PolicyObserver] = [feed, LoggingObserver(logger), CallMetrics()]
        let resilience = try ResilienceModule("shop", observers: observers)
        let upstreams = try Upstreams(
            base: environment.get("UPSTREAMS_URL") ?? "http://127.0.0.1:8081", module: resilience)
        // Numbers are changed while the server runs, by editing the document.
        resilience.watch(URL(filePath: environment.get("SHOP_DOCUMENT") ?? "resilience.json"))

        let router = try router(resilience, upstreams, feed, tracer)
        let port = environment.get("SHOP_PORT").flatMap(Int.init) ?? 8080
        var application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
        // Begun first and ended last: what the server still has to call gets in.
        application.addServices(resilience)
        try await application.runService()
    }

    static func router(
        _ resilience: ResilienceModule, _ upstreams: Upstreams, _ feed: EventFeed, _ tracer: InMemoryTracer
    ) throws -> Router<BasicRequestContext> {
        let router = Router()
        let perClient = try KeyedRateLimiter<String>("clients", .tokenBucket(50, per: .seconds(1), burst: 100))
        let work = try Bulkhead(
            "work", .init(limit: .fixed(64), queue: .init(capacity: 64, maxWait: .milliseconds(200))))
        let edge = try ResilienceMiddleware<BasicRequestContext>(
            "edge", limiter: perClient, bulkhead: work,
            options: .init(deadlines: [.grpcTimeout], timeLimit: .seconds(5), usesProblemDetails: true)
        ) { request, _ in request.headers[.authorization] ?? "nobody" }

        // Before the middleware: these answer also when the shop does not.
        let ops = router.group("ops")
        ops.addResilienceRoutes(for: resilience, metrics: [edge], events: feed)
        ops.get("spans") { _, _ in tracer.finishedSpans.map(\.operationName).joined(separator: "\n") }

        router.add(middleware: edge)
        router.get("offers/:item") { _, context in
            let item = try context.parameters.require("item")
            async let price = upstreams.price(of: item)
            async let stock = upstreams.stock(of: item)
            return try await Offer(item: item, price: price, stock: stock)
        }
        return router
    }
}

struct Offer: ResponseEncodable {
    let item: String
    let price: Int
    /// `nil` while nobody knows.
    let stock: Int?
}
