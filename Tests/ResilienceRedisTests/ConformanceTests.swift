#if Redis
    import ResilienceRedis
    import ResilienceStoreTesting
    import Testing

    @Suite("The store conforms", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    struct ConformanceTests {
        @Test("as a store of circuits")
        func circuits() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    let violations = await CircuitStoreConformance(RedisStore(client), patience: .seconds(20))
                        .violations()
                    #expect(violations.isEmpty, "\(violations)")
                }
            }
        }

        @Test("as a store of quotas")
        func quotas() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    let violations = try await RateStoreConformance(RedisStore(client)).violations()
                    #expect(violations.isEmpty, "\(violations)")
                }
            }
        }

        @Test("as a store of pauses, and of budgets")
        func pausesAndBudgets() async throws {
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    var violations = try await PauseStoreConformance(RedisStore(client)).violations()
                    violations += try await BudgetStoreConformance(RedisStore(client)).violations()
                    #expect(violations.isEmpty, "\(violations)")
                }
            }
        }
    }
#endif
