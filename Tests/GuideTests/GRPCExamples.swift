#if GRPC
    import GRPCCore
    import GRPCInProcessTransport
    import Resilience
    import ResilienceGRPC
    import Testing

    @Suite("Guides/GRPC.md")
    struct GRPCExamples {
        private struct Text: MessageSerializer, MessageDeserializer {
            func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes {
                Bytes(Array(message.utf8))
            }

            func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> String {
                bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            }
        }

        private static let method = MethodDescriptor(fullyQualifiedService: "inventory.Stock", method: "Get")

        /// As it is generated.
        private struct StockClient<Transport: ClientTransport>: Sendable {
            let client: GRPCClient<Transport>

            init(_ client: GRPCClient<Transport>) { self.client = client }

            func get(
                _ item: String, metadata: Metadata = [:], options: CallOptions = .defaults
            ) async throws -> String {
                try await client.unary(
                    request: ClientRequest(message: item, metadata: metadata), descriptor: method,
                    serializer: Text(), deserializer: Text(), options: options
                ) { try $0.message }
            }
        }

        private struct StockService: RegistrableRPCService {
            func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
                router.registerHandler(forMethod: method, deserializer: Text(), serializer: Text()) { _, _ in
                    StreamingServerResponse(single: ServerResponse(message: "7"))
                }
            }
        }

        private func withStock(
            _ body: @Sendable (StockClient<InProcessTransport.Client>) async throws -> Void
        ) async throws {
            let transport = InProcessTransport()
            try await withGRPCServer(transport: transport.server, services: [StockService()]) { _ in
                try await withGRPCClient(transport: transport.client) { client in
                    try await body(StockClient(client))
                }
            }
        }

        @Test("calls", .timeLimit(.minutes(30)))
        func calls() async throws {
            try await withStock { stock in
                let inventory = try Policy("inventory") {
                    Timeout.layer(.seconds(5))
                    Retry.layer(.init(handles: .transientRPC))
                    Timeout.layer(.seconds(1))
                }
                let count = try await inventory.execute { context in
                    let call = context.rpc()
                    return try await stock.get("shoes", metadata: call.metadata, options: call.options)
                }
                #expect(count == "7")
                try await hedge(inventory, stock)
            }
        }

        private func hedge(_ inventory: Policy, _ stock: StockClient<InProcessTransport.Client>) async throws {
            let hedged = try inventory.hedged(.init(delay: .fixed(.milliseconds(50)), handles: .transientRPC))
            let count = try await hedged.execute { context in
                let call = context.rpc()
                return try await stock.get("shoes", metadata: call.metadata, options: call.options)
            }
            #expect(count == "7")
        }

        @Test("calls that must not run twice")
        func orders() throws {
            let orders = try Policy("orders") {
                Retry.layer(.init(handles: .transientRPC, idempotent: false, neverRan: .unsentRPC))
            }
            #expect(orders.strategies(Retry.self).first?.configuration.isIdempotent == false)
        }

        @Test("the client's transport", .timeLimit(.minutes(30)))
        func transport() async throws {
            let pair = InProcessTransport()
            let http2 = pair.client
            try await withGRPCServer(transport: pair.server, services: [StockService()]) { _ in
                let protection = try Policy("inventory") {
                    CircuitBreaker.layer(.init(handles: .failedRPC))
                    Bulkhead.layer(.init(limit: .fixed(64)))
                }
                let transport = try ResilientTransport(wrapping: http2, policy: protection)
                try await withGRPCClient(transport: transport) { client in
                    let count = try await StockClient(client).get("shoes")
                    print(count)
                }
                #expect(protection.strategies(CircuitBreaker.self).first?.totals.succeeded == 1)
            }
        }

        @Test("a policy for each service", .timeLimit(.minutes(30)))
        func services() async throws {
            let pair = InProcessTransport()
            let http2 = pair.client
            try await withGRPCServer(transport: pair.server, services: [StockService()]) { _ in
                let services = try PolicyFamily<String>("services", maxKeys: 100) {
                    CircuitBreaker.layer(.init(handles: .failedRPC))
                }
                let transport = ResilientTransport(wrapping: http2) { services[$0.service.fullyQualifiedService] }
                try await withGRPCClient(transport: transport) { client in
                    _ = try await StockClient(client).get("shoes")
                }
                #expect(services["inventory.Stock"].strategies(CircuitBreaker.self).first?.totals.succeeded == 1)
            }
        }

        @Test("servers", .timeLimit(.minutes(30)))
        func servers() async throws {
            let pair = InProcessTransport()
            let (transport, stock) = (pair.server, StockService())
            let serving = Task {
                let perClient = try KeyedRateLimiter<String>("clients", .tokenBucket(100, per: .seconds(1)))
                let work = try Bulkhead("work", .init(limit: .fixed(32), queue: .init(capacity: 64)))
                let server = GRPCServer(
                    transport: transport, services: [stock],
                    interceptors: [ResilienceInterceptor(limiter: perClient, by: .peer, bulkhead: work)])
                try await server.serve()
            }
            try await withGRPCClient(transport: pair.client) { client in
                let count = try await StockClient(client).get("shoes")
                #expect(count == "7")
            }
            pair.server.beginGracefulShutdown()
            try await serving.value
        }
    }
#endif
