#if Redis
    import Resilience
    import ResilienceRedis
    import Testing

    @Suite("Guides/Distributed.md, Redis", .timeLimit(.minutes(30)))
    struct DistributedRedisExamples {
        @Test("a client and its store, which connects when it is first used")
        func store() async throws {
            let client = try RedisClient("redis://127.0.0.1:6379")
            let store = RedisStore(client)
            #expect("\(client)" == "RedisClient(redis://127.0.0.1:6379/0)")
            let resilience = try ResilienceModule { Registration("a", CircuitBreaker.layer()).shared(through: store) }
            #expect(try resilience.fleetCircuit("a").shared == .new)
        }
    }
#endif
