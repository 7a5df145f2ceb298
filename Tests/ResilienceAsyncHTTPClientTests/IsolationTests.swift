#if AsyncHTTPClient
    import AsyncHTTPClient
    import NIOCore
    import NIOHTTP1
    import Resilience
    import ResilienceAsyncHTTPClient
    import ResilienceTesting
    import Testing

    @Suite("The reader of a response")
    struct IsolationTests {
        /// Reads responses into its own state, which is not `Sendable`.
        private actor Reader {
            private final class Page { var text = "" }

            private let page = Page()
            private(set) var reads = 0

            func read(_ url: String, _ api: ResilientHTTPClient) async throws -> String {
                let page = page
                let read: Page = try await api.execute(request(url)) { response in
                    self.assertIsolated()
                    reads += 1
                    page.text += try await response.reply().body
                    self.assertIsolated()
                    return page
                }
                self.assertIsolated()
                return read.text
            }
        }

        @Test("stays on its caller's actor, with what it returns, also where the response is a failure in the end")
        func actor() async throws {
            let hosts = try Hosts()
            try await RawServer.with([
                response("503 Busy"), response("200 OK", body: "a"), response("503 Busy", body: "b"),
            ]) { _, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    let reader = Reader()
                    let first = try await reader.read(url, api)
                    let second = try await reader.read(url, api)
                    #expect([first, second] == ["a", "ab"])
                    #expect(await reader.reads == 2)
                }
            }
        }

        @Test("many requests at once, some of which are cancelled, leave nothing behind")
        func concurrent() async throws {
            let bulkhead = try Bulkhead("hosts", .init(limit: .fixed(4), queue: .init(capacity: 200, maxWait: nil)))
            try await RawServer.with([response("200 OK", body: "7")]) { _, url in
                try await withClient { client in
                    let policies = try PolicyFamily<String>("hosts", maxKeys: 1) { bulkhead }
                    let api = ResilientHTTPClient(client, policies: policies)
                    await withTaskGroup(of: Void.self) { group in
                        for index in 0..<100 {
                            let task = Task { try await api.execute(request(url)) { try await $0.reply() } }
                            group.addTask {
                                if index.isMultiple(of: 3) { task.cancel() }
                                do {
                                    let reply = try await task.value
                                    #expect(reply == Reply(200, "7"))
                                } catch {
                                    #expect(index.isMultiple(of: 3), "\(error)")
                                }
                            }
                        }
                    }
                }
            }
            #expect(bulkhead.inUse == 0)
            #expect(bulkhead.waiting == 0)
        }
    }
#endif
