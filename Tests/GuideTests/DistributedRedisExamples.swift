#if Redis
    import Foundation
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

        @Test("a store that is far away")
        func distance() throws {
            var settings = RedisClient.Configuration()
            settings.operationLimit = .milliseconds(500)
            let slow = RedisStore(try RedisClient("redis://cache.internal", settings))
            let distant = try ResilienceModule("shop") {
                Registration("payments") {
                    SharedRateLimiter.layer(
                        .init(
                            rule: .init(permits: 30, period: .seconds(1), burst: 20), maxWait: .seconds(1),
                            operationLimit: .milliseconds(500)),
                        through: slow)
                    CircuitBreaker.layer()
                }.shared(.init(operationLimit: .milliseconds(500)), through: slow)
            }
            #expect(try distant.fleetCircuit("payments").configuration.operationLimit == .milliseconds(500))
        }

        /// Its calls and its sleeps end at once, because its task is cancelled: with a server and without.
        @Test("the whole program")
        func program() async throws {
            let program = Task { try await shop() }
            program.cancel()
            try await program.value
        }

        private func shop() async throws {
            struct Printer: PolicyObserver {
                func observe(_ event: some PolicyEvent) {
                    if event.severity >= .info { print(event) }
                }
            }

            struct Failed: Error {}

            let client = try RedisClient("redis://127.0.0.1:6379")
            let store = RedisStore(client)
            let rule = SharedCircuitRule(trip: .failureRate(0.5, minimumCalls: 20), window: .seconds(2))
            let resilience = try ResilienceModule("shop", observers: [Printer()]) {
                Registration("payments") {
                    SharedRateLimiter.layer(.init(permits: 30, period: .seconds(1), burst: 10), through: store)
                    CircuitBreaker.layer()
                    Timeout.layer(.seconds(1))
                }.shared(.init(rule: rule), through: store)
            }
            let running = Task { try await resilience.run() }

            for _ in 0..<6_000 {  // five minutes
                try? await resilience.execute("payments") {
                    if FileManager.default.fileExists(atPath: "/tmp/payments-down") { throw Failed() }
                }
                try? await Task.sleep(for: .milliseconds(50))
            }
            print(await resilience.shutdown())
            try await running.value
        }
    }
#endif
