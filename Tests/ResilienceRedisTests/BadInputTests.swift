#if Redis
    import CircuitBreakers
    import RateLimiters
    import ResilienceCore
    import ResilienceRedis
    import ResilienceTesting
    import Testing

    /// What there may be in the place of a server: a clear error at the start where one is required, and otherwise one
    /// event, and calls that go on.
    @Suite("What is no server of use", .timeLimit(.minutes(30)))
    struct BadInputTests {
        enum Input: String, CaseIterable, Sendable {
            case nobody, wrongPassword, tooOld, scriptError, noRedis, millionLevels

            var kind: String {
                switch self {
                case .nobody: "unavailable"
                case .wrongPassword, .tooOld: "refused"
                case .scriptError, .noRedis, .millionLevels: "malformed"
                }
            }

            /// What is answered to something that has come.
            func answer(_ received: String) -> String? {
                let isGreeting = received.contains("HELLO")
                // As many errors as commands.
                let commands = received.split(separator: "\r\n").count { $0.hasPrefix("*") }
                func errors(_ text: String) -> String { String(repeating: "-\(text)\r\n", count: commands) }
                switch self {
                case .nobody: return nil
                case .wrongPassword: return errors("WRONGPASS invalid username-password pair or user is disabled.")
                case .tooOld: return errors("ERR unknown command")
                case .scriptError:
                    if isGreeting { return "%0\r\n" }
                    return errors("ERR user_script:1: Script attempted to access nonexistent global variable 'x'")
                case .noRedis: return "HTTP/1.1 400 Bad Request\r\n\r\n"
                case .millionLevels:
                    return isGreeting ? "%0\r\n" : String(repeating: "*1\r\n", count: 1_000_000)
                }
            }
        }

        private func with(_ input: Input, _ body: (RedisStore) async throws -> Void) async throws {
            if input == .nobody {
                let port = try await RedisServer.freePort()
                return try await withClient("redis://user:secret@127.0.0.1:\(port)") { try await body(RedisStore($0)) }
            }
            try await RawServer.with({ input.answer($0) }) { _, address in
                try await withClient("redis://user:secret@\(address)") { try await body(RedisStore($0)) }
            }
        }

        private func expect(_ input: Input, _ error: (any Error)?) {
            let found =
                switch error as? SharedStateError {
                case .unavailable: "unavailable"
                case .refused: "refused"
                case .malformed: "malformed"
                default: "\(String(describing: error))"
                }
            #expect(found == input.kind, "\(input): \(String(describing: error))")
            #expect(!String(describing: error).contains("secret"))
        }

        @Test("a circuit that requires its store says why it cannot begin; one that does not goes on, with one event")
        func circuits() async throws {
            for input in Input.allCases {
                try await with(input) { store in
                    for isRequired in [true, false] {
                        let recorder = EventRecorder()
                        let breaker = try CircuitBreaker("payments")
                        let circuit = try FleetCircuit(
                            breaker,
                            .init(
                                operationLimit: .seconds(5), maxRetryDelay: .milliseconds(10), isRequired: isRequired),
                            through: store,
                            observers: [recorder])
                        if isRequired {
                            expect(input, await #expect(throws: SharedStateError.self) { try await circuit.run() })
                            continue
                        }
                        let run = Task { try await circuit.run() }
                        #expect(await eventually { circuit.totals.failedExchanges >= 3 }, "\(input)")
                        #expect(try await breaker.execute { 1 } == 1)
                        run.cancel()
                        _ = await run.result
                        #expect(recorder.names == ["fleet_circuit.degraded"], "\(input)")
                    }
                }
            }
        }

        @Test("a limiter that requires its store says why it cannot begin; one that does not goes on, with one event")
        func limiters() async throws {
            for input in Input.allCases {
                try await with(input) { store in
                    for isRequired in [true, false] {
                        let recorder = EventRecorder()
                        let limiter = try SharedRateLimiter(
                            "partner",
                            .init(
                                rule: .init(permits: 100, period: .seconds(1), burst: 100), maxWait: .seconds(20),
                                operationLimit: .seconds(5), whenUnavailable: .open,
                                isRequired: isRequired), through: store, observers: [recorder])
                        if isRequired {
                            expect(input, await #expect(throws: SharedStateError.self) { try await limiter.run() })
                            continue
                        }
                        let run = Task { try await limiter.run() }
                        for _ in 0..<10 { try await limiter.acquire() }
                        run.cancel()
                        _ = await run.result
                        let names = recorder.names.filter { $0 == "shared_rate_limiter.degraded" }
                        #expect(names.count == 1, "\(input)")
                    }
                }
            }
        }
    }
#endif
