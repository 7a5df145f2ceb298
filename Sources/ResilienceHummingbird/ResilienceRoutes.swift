#if Hummingbird
    internal import HTTPSemantics
    internal import HTTPTypes
    public import Hummingbird
    internal import NIOCore
    public import Resilience
    internal import ResiliencePrometheus
    internal import ServiceLifecycle

    extension RouterMethods {
        /// Adds the routes by which a module is watched. Add them where clients from outside do not come, and outside
        /// of the middleware that limits those.
        ///
        /// | route | answers |
        /// |---|---|
        /// | `GET metrics` | a page for Prometheus, of the module and of the further sources |
        /// | `GET health` | the module's health and its reasons as JSON, with 503 while it is down |
        /// | `GET events` | what happens, as server-sent events, if there is a feed |
        ///
        /// The stream of events ends with a graceful shutdown.
        ///
        /// - Parameters:
        ///   - module: The module.
        ///   - sources: What else is measured, such as a middleware. Default: nothing.
        ///   - events: A feed that observes what is to be shown. Default: `nil`, no route.
        @discardableResult
        public func addResilienceRoutes(
            for module: ResilienceModule, metrics sources: [any MetricSource] = [], events: EventFeed? = nil
        ) -> Self {
            let exporter = PrometheusExporter([module] + sources)
            get("metrics") { request, _ in
                let page = exporter.page(accept: request.headers[.accept])
                return Response(
                    status: .ok,
                    headers: [.contentType: page.contentType, .cacheControl: "no-store", .vary: "Accept"],
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: page.bytes)))
            }
            get("health") { _, _ in
                let health = module.health
                return Response(
                    status: health.status == .down ? .serviceUnavailable : .ok,
                    headers: [.contentType: "application/json", .cacheControl: "no-store"],
                    body: ResponseBody(byteBuffer: ByteBuffer(string: health.json)))
            }
            if let events { get("events") { _, _ in try events.response() } }
            return self
        }
    }

    extension EventFeed {
        /// The events from now on, as a stream.
        func response() throws -> Response {
            guard let subscriber = subscribe() else {
                throw HTTPError(.serviceUnavailable, headers: [.retryAfter: "\(max(1, heartbeat.wholeSecondsUp))"])
            }
            // Taken off also if the response is never written.
            let subscription = Subscription(feed: self, subscriber: subscriber)
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    defer { subscription.end() }
                    try await self.write(subscriber, to: &writer)
                    try await writer.finish(nil)
                })
        }

        @concurrent
        private func write(_ subscriber: Subscriber, to writer: inout any ResponseBodyWriter) async throws {
            // At once, so that the client has the head.
            subscriber.beat()
            let heart = Task { [time, heartbeat] in
                while (try? await time.sleep(until: time.now.advanced(by: heartbeat))) != nil { subscriber.beat() }
            }
            defer { heart.cancel() }
            // A connection that lasts would hold up the shutdown of the server.
            let end = Task {
                try? await gracefulShutdown()
                subscriber.finish()
            }
            defer { end.cancel() }
            for await frame in subscriber.frames {
                let dropped = subscriber.takeDropped()
                if dropped > 0 {
                    let note = EventsDropped(source: "feed", count: dropped)
                    try await writer.write(ByteBuffer(string: eventFrame(of: note)))
                }
                try await writer.write(frame)
            }
        }

        private final class Subscription: Sendable {
            private let feed: EventFeed
            private let subscriber: Subscriber

            init(feed: EventFeed, subscriber: Subscriber) {
                self.feed = feed
                self.subscriber = subscriber
            }

            deinit { end() }

            func end() { feed.remove(subscriber) }
        }
    }

    extension ResilienceModule.Health {
        /// `{"reasons": [{"complaint": "is open", …}], "status": "degraded"}`, as `Codable` writes it.
        var json: String {
            let reasons = reasons.map { reason -> ConfigurationValue in
                [
                    "subject": .string(reason.subject), "complaint": .string(reason.complaint),
                    "isCritical": .boolean(reason.isCritical),
                ]
            }
            return ConfigurationValue.object(["status": .string(status.rawValue), "reasons": .array(reasons)])
                .description
        }
    }
#endif
