#if GRPC
    import GRPCCore
    import GRPCInProcessTransport
    import GRPCNIOTransportHTTP2
    import Resilience
    import ResilienceGRPC
    import ResilienceTesting
    import ResilienceCore

    struct TextSerializer: MessageSerializer {
        func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes { Bytes(Array(message.utf8)) }
    }

    struct TextDeserializer: MessageDeserializer {
        func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> String {
            bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        }
    }

    let get = MethodDescriptor(fullyQualifiedService: "inventory.Stock", method: "Get")
    let watch = MethodDescriptor(fullyQualifiedService: "inventory.Stock", method: "Watch")

    /// What a generated client looks like.
    struct StockClient<Transport: ClientTransport>: Sendable {
        let client: GRPCClient<Transport>

        func get(
            _ item: String, metadata: Metadata = [:], options: CallOptions = .defaults
        ) async throws -> String {
            try await client.unary(
                request: ClientRequest(message: item, metadata: metadata), descriptor: ResilienceGRPCTests.get,
                serializer: TextSerializer(), deserializer: TextDeserializer(), options: options
            ) { try $0.message }
        }

        func watch<Result: Sendable>(
            _ item: String, metadata: Metadata = [:], options: CallOptions = .defaults,
            onResponse: @escaping @Sendable (StreamingClientResponse<String>) async throws -> Result
        ) async throws -> Result {
            try await client.serverStreaming(
                request: ClientRequest(message: item, metadata: metadata), descriptor: ResilienceGRPCTests.watch,
                serializer: TextSerializer(), deserializer: TextDeserializer(), options: options,
                onResponse: onResponse)
        }
    }

    /// A service whose methods are closures; keeps the metadata of the calls that reached it.
    final class StockService: RegistrableRPCService {
        typealias Get = @Sendable (StreamingServerRequest<String>, ServerContext) async throws -> String
        typealias Watch = @Sendable (RPCWriter<String>) async throws -> Void

        private let get: Get
        private let watch: Watch
        private let calls = Lock<[Metadata]>([])

        init(get: @escaping Get = { _, _ in "none" }, watch: @escaping Watch = { _ in }) {
            self.get = get
            self.watch = watch
        }

        var seen: [Metadata] { calls.withLock { $0 } }

        func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
            router.registerHandler(
                forMethod: ResilienceGRPCTests.get, deserializer: TextDeserializer(), serializer: TextSerializer()
            ) { request, context in
                self.calls.withLock { $0.append(request.metadata) }
                let reply = try await self.get(request, context)
                return StreamingServerResponse(single: ServerResponse(message: reply))
            }
            router.registerHandler(
                forMethod: ResilienceGRPCTests.watch, deserializer: TextDeserializer(), serializer: TextSerializer()
            ) { request, _ in
                self.calls.withLock { $0.append(request.metadata) }
                return StreamingServerResponse { writer in
                    try await self.watch(writer)
                    return [:]
                }
            }
        }
    }

    extension Metadata {
        func text(_ key: String) -> String? { self[stringValues: key].first { _ in true } }
    }

    /// Runs a server and a client of it within the process.
    @discardableResult
    func withStock<Result: Sendable>(
        _ service: StockService, interceptors: [any ServerInterceptor] = [], serviceConfig: ServiceConfig = .init(),
        through policy: Policy? = nil,
        _ body: (StockClient<ResilientTransport<InProcessTransport.Client>>) async throws -> Result
    ) async throws -> Result {
        let transport = InProcessTransport(serviceConfig: serviceConfig)
        let through = try policy ?? Policy("none") { Retry.layer(maxAttempts: 1) }
        let client =
            policy == nil
            ? ResilientTransport(wrapping: transport.client) { _ in through }
            : try ResilientTransport(wrapping: transport.client, policy: through)
        return try await withGRPCServer(
            transport: transport.server, services: [service], interceptors: interceptors
        ) { _ in
            try await withGRPCClient(transport: client) { client in
                try await body(StockClient(client: client))
            }
        }
    }

    /// Runs a server and a client of it over HTTP/2 on the loopback interface.
    @discardableResult
    func withRemoteStock<Result: Sendable>(
        _ service: StockService, interceptors: [any ServerInterceptor] = [], through policy: Policy,
        _ body: (StockClient<ResilientTransport<HTTP2ClientTransport.Posix>>) async throws -> Result
    ) async throws -> Result {
        try await withGRPCServer(
            transport: .http2NIOPosix(
                address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [service], interceptors: interceptors
        ) { server in
            let port = try await server.listeningAddress?.ipv4?.port ?? 0
            return try await withStockClient(port: port, through: policy, body)
        }
    }

    @discardableResult
    func withStockClient<Result: Sendable>(
        port: Int, through policy: Policy,
        _ body: (StockClient<ResilientTransport<HTTP2ClientTransport.Posix>>) async throws -> Result
    ) async throws -> Result {
        let http2 = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: .plaintext)
        return try await withGRPCClient(transport: try ResilientTransport(wrapping: http2, policy: policy)) {
            try await body(StockClient(client: $0))
        }
    }

    /// A transport that does what a closure says, without ever opening a stream.
    struct ClosedTransport: ClientTransport {
        typealias Bytes = [UInt8]
        let open: @Sendable () async throws -> Void

        var retryThrottle: RetryThrottle? { nil }
        func connect() async throws {}
        func beginGracefulShutdown() {}
        func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? { nil }

        func withStream<T: Sendable>(
            descriptor: MethodDescriptor, options: CallOptions,
            _ closure: @concurrent (RPCStream<Inbound, Outbound>, ClientContext) async throws -> T
        ) async throws -> T {
            try await open()
            throw RPCError(code: .unavailable, message: "There is no connection.")
        }
    }

    /// What a method has returned.
    final class ScriptedValue<Value: Sendable>: Sendable {
        private let held = Lock<Value?>(nil)

        var value: Value? { held.withLock { $0 } }
        func set(_ value: Value) { held.withLock { $0 = value } }
    }

    struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    /// What hangs until a test lets it go on.
    func gate() -> ScriptedOperation<Void> { ScriptedOperation(clock: ManualClock(), [.hang]) }
#endif
