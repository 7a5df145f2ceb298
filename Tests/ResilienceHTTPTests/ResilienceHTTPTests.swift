#if HTTPTypes
    import HTTPTypes
    import Resilience
    import ResilienceCore
    import ResilienceHTTP
    import ResilienceTesting
    import Testing

    @Suite("Requests and responses of HTTPTypes")
    struct ResilienceHTTPTests {
        private func request(_ method: HTTPRequest.Method) -> HTTPRequest {
            HTTPRequest(method: method, scheme: "https", authority: "api.example", path: "/quotes")
        }

        private func response(_ status: HTTPResponse.Status, retryAfter: String? = nil) -> HTTPResponse {
            var response = HTTPResponse(status: status)
            response.headerFields[.retryAfter] = retryAfter
            return response
        }

        @Test("Requests say whether they may be repeated")
        func replay() {
            #expect(HTTPReplay(request(.get)).isSafe)
            #expect(!HTTPReplay(request(.post), body: .bytes).mayRepeat(after: .perhapsRan))
            var keyed = request(.post)
            keyed.headerFields.set([("Idempotency-Key", "\"1\""), ("no name", "x"), ("", "x")])
            #expect(keyed.headerFields.count == 1)
            #expect(HTTPReplay(keyed, body: .bytes).mayRepeat(after: .perhapsRan))
        }

        @Test("Responses say what they are, and fields are found whatever their letter case")
        func responses() {
            let failure = HTTPResponseRule().failure(of: response(.serviceUnavailable, retryAfter: "2"))
            #expect(failure?.retryAfter == .seconds(2))
            #expect(HTTPResponseRule().failure(of: response(.notFound)) == nil)
            let lookup = response(.ok, retryAfter: "5").headerFields.lookup
            #expect(lookup("RETRY-after") == ["5"])
            #expect(lookup("no name") == [])
        }

        @Test("A failed response is repeated, with the chosen fields in each request")
        func pipeline() async throws {
            var configuration = HTTPPipeline.Configuration()
            configuration.retry?.backoff = .constant(.zero)
            configuration.deadlineField = .envoy
            let pipeline = try HTTPPipeline("api", configuration, clock: ManualClock())
            var sent: [String] = []
            let (response, body) = try await pipeline.execute(request(.get)) { request, _ in
                sent += request.headerFields.lookup("x-envoy-expected-rq-timeout-ms")
                return (self.response(sent.count < 3 ? .badGateway : .ok), sent.count)
            }
            #expect(response.status == .ok)
            #expect(body == 3)
            #expect(sent == ["10000", "10000", "10000"])
            #expect(pipeline.policies.count == 1)
        }

        @Test("One place has one policy, however its authority is written")
        func authorities() async throws {
            let pipeline = try HTTPPipeline("api", clock: ManualClock())
            let requests: [(String?, String?)] = [
                ("https", "eu.example"), ("HTTPS", "EU.example:443"), ("https", "eu.example:0443"),
                ("https", "eu.example:80"),
                ("http", "eu.example:80"), (nil, "eu.example:443"), ("http", nil),
            ]
            for (scheme, authority) in requests {
                let request = HTTPRequest(method: .get, scheme: scheme, authority: authority, path: "/")
                _ = try await pipeline.execute(request) { sent, _ in
                    #expect(sent.authority == authority)
                    return (self.response(.ok), 0)
                }
            }
            #expect(
                Set(pipeline.policies.members.map(\.key)) == ["eu.example", "eu.example:80", "eu.example:443", ""])
        }

        @Test("A POST is made once")
        func post() async throws {
            let pipeline = try HTTPPipeline("api", clock: ManualClock())
            var calls = 0
            let (response, _) = try await pipeline.execute(request(.post), body: .bytes) { _, _ in
                calls += 1
                return (self.response(.internalServerError), 0)
            }
            #expect(response.status == .internalServerError)
            #expect(calls == 1)
        }
    }
#endif
