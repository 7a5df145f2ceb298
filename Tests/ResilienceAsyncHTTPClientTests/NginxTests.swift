#if AsyncHTTPClient
    import AsyncHTTPClient
    import NIOHTTP1
    import NIOSSL
    import Resilience
    import ResilienceCore
    import Testing

    @testable import ResilienceAsyncHTTPClient

    /// A server that nobody here wrote. It takes the time that it takes; what the tests wait for are its answers.
    @Suite(
        "nginx as the service",
        .enabled(if: Nginx.path != nil, "there is no nginx on this machine: `apt-get install nginx`"))
    struct NginxTests {
        private let hosts: Hosts
        init() throws { hosts = try Hosts() }

        @Test("its limit on requests is seen as it sees it: each attempt it refused is a failure, and no other")
        func limit() async throws {
            let log = try await Nginx.with(
                http: "limit_req_zone $request_method zone=all:32k rate=1r/m;",
                location: "limit_req zone=all; try_files /seven =404;"
            ) { nginx in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    for call in 0...5 {
                        let reply = try await api.execute(request(nginx.url)) { try await $0.reply() }
                        #expect(reply.status == (call == 0 ? 200 : 503))
                    }
                }
                return nginx.log
            }
            #expect(hosts.breaker.totals.failed == 15)
            #expect(log.requests.count { $0 == "503" } == hosts.breaker.totals.failed)
            #expect(log.requests.count { $0 == "200" } == hosts.breaker.totals.succeeded)
        }

        @Test("connections that it closes when it is reloaded cost no request")
        func reload() async throws {
            let log = try await Nginx.with(location: "return 200 '$pid';", format: "$status $connection") { nginx in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    try await loaded(nginx, reloads: 10, tasks: 1) { _ in
                        try await api.execute(request(nginx.url)) { try await $0.reply() }
                    }
                }
                return nginx.log
            }
            #expect(log.requests.count { $0.hasPrefix("200") } == hosts.breaker.totals.succeeded)
            #expect(Set(log.requests).count > 10, "each reload took new connections")
        }

        @Test(
            "over HTTP/2, a reload loses no request that was not looked at, and none is run twice that may not be",
            .enabled(if: Nginx.openssl != nil, "there is no openssl on this machine: `apt-get install openssl`"))
        func goingAway() async throws {
            let ends = Shared<[String: HTTPSendOutcome?]>([:])
            let log = try await Nginx.with(
                location: "return 200 '$pid';",
                format: "$status $server_protocol $connection $request_method $http_x_number", isSecure: true
            ) { nginx in
                try await withClient { configuration in
                    var tls = TLSConfiguration.makeClientConfiguration()
                    tls.trustRoots = .file(nginx.certificate)
                    configuration.tlsConfiguration = tls
                } _: { client in
                    // More attempts than a connection can be lost in the meantime.
                    let policies = try PolicyFamily<String>("hosts", maxKeys: 10, clock: hosts.clock) {
                        Retry.layer(.init(backoff: .immediate, maxAttempts: 100))
                        hosts.breaker
                    }
                    let api = ResilientHTTPClient(client, policies: policies)
                    try await loaded(nginx, reloads: 10, tasks: 8) { number in
                        let isPost = number.isMultiple(of: 2)
                        let request = request(nginx.url, method: isPost ? "POST" : "GET", ["X-Number": "\(number)"])
                        do {
                            let reply = try await api.execute(request) { try await $0.reply() }
                            ends.state.withLock { $0["\(number)"] = .some(nil) }
                            return reply
                        } catch {
                            ends.state.withLock { $0["\(number)"] = HTTPSendOutcome.ofCall(error) }
                            // What may be repeated has to succeed.
                            guard isPost else { throw error }
                            return Reply(200, "")
                        }
                    }
                }
                return nginx.log
            }
            let lines = log.requests.map { $0.split(separator: " ").map(String.init) }
            #expect(lines.allSatisfy { $0[0] == "200" && $0[1] == "HTTP/2.0" })
            // One connection at a time.
            #expect((10...100).contains(Set(lines.map { $0[2] }).count))
            let runs = Dictionary(grouping: lines, by: { $0[4] }).mapValues(\.count)
            for (number, end) in ends.state.withLock({ $0 }) {
                switch end {
                case nil: #expect(runs[number, default: 0] >= 1, "\(number)")
                case let outcome?: #expect(outcome == .perhapsRan, "\(number): a request that was never sent was lost")
                }
            }
            for line in lines where line[3] == "POST" { #expect(runs[line[4]] == 1, "\(line[4]) was run twice") }
        }

        /// What tasks have in common.
        private final class Shared<State: Sendable>: Sendable {
            let state: Lock<State>
            init(_ state: State) { self.state = Lock(state) }
        }

        /// Makes requests from several tasks, each with a number of its own; reloads the server under this load, and
        /// goes on each time until every task has had an answer from a worker that it did not know.
        private func loaded(
            _ nginx: Nginx, reloads: Int, tasks: Int, _ ask: @escaping @Sendable (Int) async throws -> Reply
        ) async throws {
            let numbers = Shared(0)
            @Sendable func next() async throws -> String {
                let reply = try await ask(
                    numbers.state.withLock { number in
                        number += 1
                        return number
                    })
                #expect(reply.status == 200)
                return reply.body
            }
            var workers: Set<String> = ["", try await next()]
            for _ in 1...reloads {
                let known = workers
                workers.formUnion(
                    try await withThrowingTaskGroup(of: String.self) { group in
                        for _ in 1...tasks {
                            group.addTask {
                                var worker = ""
                                while known.contains(worker) { worker = try await next() }
                                return worker
                            }
                        }
                        nginx.reload()
                        return try await group.reduce(into: []) { $0.append($1) }
                    })
            }
        }
    }
#endif
