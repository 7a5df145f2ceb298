#if Tracing
    import InMemoryTracing
    import Resilience
    import ResilienceTracing
    import Testing
    import Tracing

    @Suite("Guides/Integrations.md: tracing")
    struct IntegrationsTracingExamples {
        private let tracer = InMemoryTracer()
        private let gateway = Gateway()
        private let order = Order()

        private struct Exchange {
            func latestQuote() async throws -> Quote { throw GatewayError() }
        }

        @Test("spans of calls and attempts")
        func spans() async throws {
            try await withTracer(tracer) {
                let payments = try Policy("payments") {
                    Trace.layer()  // a span for the call
                    Retry.layer(.exponential(), maxAttempts: 3)
                    CircuitBreaker.layer()
                    Trace.layer("payments attempt", .init(kind: .client))  // a span for each attempt
                    Timeout.layer(.seconds(1))
                }
                let receipt = try await payments.execute { try await gateway.charge(order) }
                #expect(receipt == Receipt())
            }
            #expect(tracer.finishedSpans.map(\.operationName) == ["payments attempt", "payments"])
        }

        @Test("a span around a fallback")
        func fallback() async throws {
            let quotes = try Policy("quotes") { CircuitBreaker.layer() }.fallback(Quote.self) {
                .value(Quote(price: 7))
            }
            let exchange = Exchange()
            try await withTracer(tracer) {
                let trace = Trace("quote")
                let quote = try await trace.execute { context in
                    try await quotes.execute(within: context) { try await exchange.latestQuote() }
                }
                #expect(quote.price == 7)
            }
            #expect(tracer.finishedSpans.first?.events.map(\.name) == ["fallback.served"])
        }
    }
#endif
