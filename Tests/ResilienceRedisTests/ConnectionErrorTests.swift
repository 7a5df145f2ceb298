#if Redis
    import CircuitBreakers
    import NIOCore
    import ResilienceCore
    import Testing

    @testable import ResilienceRedis

    @Suite("What is said of a connection that does not come about")
    struct ConnectionErrorTests {
        private static func error(_ url: String, _ configuration: RedisClient.Configuration) async throws -> String {
            try await withClient(url, configuration) { client in
                let error = await #expect(throws: SharedStateError.self) { try await client.connect() }
                return String(describing: try #require(error))
            }
        }

        @Test("a port without a listener refuses, in the words of the system")
        func refused() async throws {
            let port = try await RedisServer.freePort()
            let text = try await Self.error("redis://127.0.0.1:\(port)", .patient)
            #expect(text == "the shared state is unavailable: no connection to 127.0.0.1:\(port): Connection refused")
        }

        @Test(
            "an error of the network is told in the words of the system alone",
            arguments: [
                (CInt(111), "connection reset (error set): Connection refused)"), (32, "write(…)"), (104, "read(…)"),
            ])
        func words(_ code: CInt, _ reason: String) {
            let text = shortText(of: IOError(errnoCode: code, reason: reason))
            #expect(!text.isEmpty && !text.contains("errno") && !text.contains(reason), "\(text)")
        }

        @Test("a server that does not speak TLS, and says nothing, is told as such", arguments: [true, false])
        func silentServer(connects: Bool) async throws {
            var configuration = RedisClient.Configuration.patient
            // Long enough for a busy machine to begin the handshake.
            (configuration.connectTimeout, configuration.operationLimit) = (.seconds(2), .seconds(2))
            try await RawServer.with({ _ in "" }) { _, address in
                try await withClient("rediss://\(address)", configuration) { client in
                    let error = await #expect(throws: SharedStateError.self) {
                        if connects { try await client.connect() } else { _ = try await client.send(["PING"]) }
                    }
                    let text = String(describing: try #require(error))
                    #expect(text.contains("no TLS with \(address)") && text.contains("handshake"), "\(text)")
                }
                // Without TLS it is only silent.
                #expect(try await Self.error("redis://\(address)", configuration).contains("did not answer within"))
            }
        }
    }
#endif
