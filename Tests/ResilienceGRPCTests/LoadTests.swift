#if GRPC
    import GRPCCore
    import Resilience
    import ResilienceGRPC
    import ResilienceTesting
    import Testing

    @Suite("Many calls at once")
    struct LoadTests {
        @Test("calls and streams, some of which are cancelled, give every slot back on both sides")
        func slots() async throws {
            let queue = Bulkhead.Queue(capacity: 500, maxWait: nil)
            let client = try Bulkhead("client", .init(limit: .fixed(16), queue: queue))
            let server = try Bulkhead("server", .init(limit: .fixed(4), queue: queue))
            let service = StockService(
                get: { _, _ in "7" }, watch: { writer in for _ in 1...3 { try await writer.write("7") } })
            try await withRemoteStock(
                service, interceptors: [ResilienceInterceptor(bulkhead: server)], through: Policy("client") { client }
            ) { stock in
                await withTaskGroup(of: Void.self) { group in
                    for index in 0..<200 {
                        let task = Task {
                            guard index.isMultiple(of: 2) else { return try await stock.get("shoes") == "7" ? 3 : 0 }
                            return try await stock.watch("shoes") { response in
                                try await response.messages.reduce(0) { count, _ in count + 1 }
                            }
                        }
                        group.addTask {
                            if index.isMultiple(of: 5) { task.cancel() }
                            do {
                                let count = try await task.value
                                #expect(count == 3 || index.isMultiple(of: 5))
                            } catch {
                                #expect(index.isMultiple(of: 5), "\(error)")
                            }
                        }
                    }
                }
            }
            #expect(client.inUse == 0)
            #expect(client.waiting == 0)
            #expect(server.inUse == 0)
            #expect(server.waiting == 0)
        }
    }
#endif
