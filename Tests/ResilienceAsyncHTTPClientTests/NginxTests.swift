#if AsyncHTTPClient
    import AsyncHTTPClient
    import NIOHTTP1
    import Resilience
    import ResilienceAsyncHTTPClient
    import Testing

    /// A server that nobody here wrote. Its times are real.
    @Suite(
        "nginx as the service",
        .enabled(if: Nginx.path != nil, "there is no nginx on this machine: `apt-get install nginx`"))
    struct NginxTests {
        private let hosts: Hosts
        init() throws { hosts = try Hosts() }

        private func get(_ nginx: Nginx) -> HTTPClientRequest { request(nginx.url + "/", ["Host": "localhost"]) }

        /// Until it listens.
        private func start(_ nginx: Nginx, _ client: HTTPClient) async throws {
            let patience = try PolicyFamily<String>("start", maxKeys: 1) {
                Retry.layer(.constant(.milliseconds(10)), maxAttempts: 1_000)
            }
            let status = try await ResilientHTTPClient(client, policies: patience).execute(get(nginx)) {
                Int($0.status.code)
            }
            try #require(status == 200)
        }

        @Test("its limit on requests is seen as it sees it: each attempt it refused is a failure, and no other")
        func limit() async throws {
            try await Nginx.with(
                http: "limit_req_zone $request_method zone=all:32k rate=1r/m;",
                location: "limit_req zone=all; try_files /seven =404;"
            ) { nginx in
                try await withClient { client in
                    try await start(nginx, client)
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    for _ in 1...5 {
                        _ = try await api.execute(get(nginx)) { try await $0.reply() }
                    }
                }
                let statuses = try nginx.statuses
                #expect(hosts.breaker.totals.failures == 15)
                #expect(statuses.count { $0 == "503" } == hosts.breaker.totals.failures)
                #expect(statuses.count { $0 == "200" } == 1 + hosts.breaker.totals.successes)
            }
        }

        @Test("connections that it closes when it is reloaded cost no request")
        func reload() async throws {
            try await Nginx.with(location: "return 200 '7';") { nginx in
                try await withClient { client in
                    try await start(nginx, client)
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    for _ in 1...20 {
                        nginx.reload()
                        for _ in 1...20 {
                            let reply = try await api.execute(get(nginx)) { try await $0.reply() }
                            #expect(reply == Reply(200, "7"))
                        }
                    }
                }
                let statuses = try nginx.statuses
                #expect(statuses.count { $0 == "200" } == 1 + hosts.breaker.totals.successes)
            }
        }
    }
#endif
