#if Redis
    import Foundation
    import NIOSSL
    import ResilienceCore
    import Testing

    @testable import ResilienceRedis

    @Suite(
        "The client over TLS",
        .enabled(if: RedisServer.isInstalled && Certificate.isPossible, "redis-server or openssl is not installed"))
    struct RedisTLSTests {
        @Test("what is trusted is spoken to, by its name and by its address, and nothing else")
        func trust() async throws {
            let certificate = try await Certificate()
            defer { certificate.remove() }
            var trusting = RedisClient.Configuration.patient
            trusting.tls.trustRoots = .file(certificate.path("cert"))
            let arguments = [
                "--port", "0", "--tls-cert-file", certificate.path("cert"), "--tls-key-file", certificate.path("key"),
                "--tls-ca-cert-file", certificate.path("cert"), "--tls-auth-clients", "no", "--requirepass", "hunter2",
            ]
            try await RedisServer.with(arguments, tls: trusting) { server in
                for host in ["127.0.0.1", "localhost"] {
                    try await withClient("rediss://:hunter2@\(host):\(server.port)", trusting) { client in
                        let reply = try await client.send(["ECHO", host])
                        #expect(reply == .string(host))
                    }
                }
                var brief = RedisClient.Configuration.patient
                brief.connectTimeout = .seconds(1)
                // A certificate that nobody vouches for, a server without it, and a port where nobody speaks TLS.
                let wrong: [(String, RedisClient.Configuration)] = [
                    ("rediss://:hunter2@127.0.0.1:\(server.port)", brief),
                    ("redis://:hunter2@127.0.0.1:\(server.port)", brief),
                ]
                for (url, configuration) in wrong {
                    try await withClient(url, configuration) { client in
                        let error = await #expect(throws: SharedStateError.self) { try await client.connect() }
                        #expect(!String(describing: error).contains("hunter2"))
                    }
                }
            }
            try await RedisServer.with { server in
                trusting.connectTimeout = .seconds(1)
                try await withClient("rediss://127.0.0.1:\(server.port)", trusting) { client in
                    await #expect(throws: SharedStateError.self) { try await client.connect() }
                }
            }
        }

        @Test("a file of authorities that is not there is a fault of the configuration")
        func noFile() {
            var configuration = RedisClient.Configuration()
            configuration.tls.trustRoots = .file("/nowhere/at/all.pem")
            #expect(throws: ConfigurationError.self) { try RedisClient("rediss://cache", configuration) }
        }
    }

    /// A certificate for this machine that vouches for itself.
    private struct Certificate {
        static let isPossible = FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")

        private let folder = FileManager.default.temporaryDirectory.appending(
            path: "tls-\(UUID().uuidString.prefix(8))")

        init() async throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/openssl")
            process.arguments = [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", path("key"), "-out", path("cert"),
            ]
            process.standardError = FileHandle.nullDevice
            try process.run()
            _ = await eventually { !process.isRunning }
        }

        func path(_ name: String) -> String { folder.appending(path: "\(name).pem").path }
        func remove() { try? FileManager.default.removeItem(at: folder) }
    }
#endif
