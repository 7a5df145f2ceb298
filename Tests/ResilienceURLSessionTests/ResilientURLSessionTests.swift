import Foundation
import HTTPSemantics
import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@testable import ResilienceURLSession

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite("Requests of URLSession", .serialized)
struct ResilientURLSessionTests {
    private let clock = ManualClock()

    /// Whose retries do not wait, and whose limits are reached only if a test lets time pass.
    private func client(
        _ change: (inout HTTPPipeline.Configuration) -> Void = { _ in }
    ) throws -> ResilientURLSession {
        let session = URLSessionConfiguration.ephemeral
        session.connectionProxyDictionary = [:]
        session.urlCache = nil
        var configuration = HTTPPipeline.Configuration(
            totalLimit: .seconds(3600), circuitBreaker: .init(), attemptLimit: .seconds(3600))
        configuration.retry?.backoff = .immediate
        change(&configuration)
        return try ResilientURLSession(
            URLSession(configuration: session), name: "api", pipeline: configuration, clock: clock)
    }

    private func request(_ server: RawServer, _ path: String, _ method: String, body: String? = nil) throws
        -> URLRequest
    {
        var request = URLRequest(url: try server.url(path))
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        return request
    }

    @Test("A failed response is repeated, and the caller gets the good one")
    func retries() async throws {
        let server = try RawServer(["/a": [.answer(503), .answer(500), .answer(200, body: "fine")]])
        defer { server.stop() }
        let (body, response) = try await client().data(from: server.url("/a"))
        #expect(String(decoding: body, as: UTF8.self) == "fine")
        #expect(response.statusCode == 200)
        #expect(server.seen.count == 3)
    }

    @Test(
        "Retry-After holds back in every form, and not if it has passed",
        arguments: [
            "0", "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
            "nonsense",
        ])
    func retryAfter(_ value: String) async throws {
        let server = try RawServer(["/a": [.answer(503, fields: ["Retry-After: \(value)"]), .answer(200)]])
        defer { server.stop() }
        #expect(try await client().data(from: server.url("/a")).1.statusCode == 200)
        #expect(server.seen.count == 2)
    }

    @Test("A Retry-After of a fraction of a second is as long")
    func fraction() async throws {
        let server = try RawServer(["/a": [.answer(503, fields: ["Retry-After: 0.25"]), .answer(200)]])
        defer { server.stop() }
        let client = try client {
            $0.retry?.hintJitter = 0
            $0.pause = nil
        }
        async let status = client.data(from: server.url("/a")).1.statusCode
        try await clock.waitForSleepers(1)
        clock.advance(by: .milliseconds(249))
        #expect(server.seen.count == 1)
        clock.advance(by: .milliseconds(1))
        #expect(try await status == 200)
    }

    @Test("A Retry-After that is too long ends the call with the response")
    func tooLong() async throws {
        let server = try RawServer(["/a": [.answer(429, fields: ["Retry-After: 3000"]), .answer(200)]])
        defer { server.stop() }
        let client = try client {
            $0.totalLimit = .seconds(600)
            $0.attemptLimit = .seconds(600)
            $0.pause?.maxPause = .seconds(3600)
        }
        #expect(try await client.data(from: server.url("/a")).1.statusCode == 429)
        #expect(server.seen.count == 1)
        await #expect(throws: Pause.PausedError.self) { try await client.data(from: server.url("/a")) }
    }

    @Test("A connection that the server closes instead of answering is an error that only idempotent requests repeat")
    func closed() async throws {
        let server = try RawServer(["/a": [.close, .answer(200)], "/b": [.close, .answer(200)]])
        defer { server.stop() }
        #expect(try await client().data(from: server.url("/a")).1.statusCode == 200)
        // A session of its own: on a kept connection that was closed, the request was seen to come twice.
        let error = await #expect(throws: URLError.self) {
            try await client().data(for: request(server, "/b", "POST", body: "x"))
        }
        #expect(error.map { HTTPSendOutcome.urlSession($0) } == .perhapsRan)
        #expect(server.seen.filter { $0.hasPrefix("POST") }.count == 1)
    }

    @Test("A body that ends too soon is an error, and the request is repeated")
    func half() async throws {
        let server = try RawServer(["/a": [.half, .answer(200, body: "whole")]])
        defer { server.stop() }
        let (body, _) = try await client().data(from: server.url("/a"))
        #expect(String(decoding: body, as: UTF8.self) == "whole")
    }

    @Test(
        "An answer that is none of HTTP is the server's failure: a GET is repeated, a POST is not, and the breaker counts",
        arguments: [
            "NOT HTTP\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{46}",
            "HTTP/7 200 X\r\n\r\n",
            "HTTP/1.1 two X\r\n\r\n", "{}", "\r\n\r\n\r\n",
            "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ])
    func garbage(_ text: String) async throws {
        let server = try RawServer(["/a": [.raw(text), .answer(200, body: "fine")], "/b": [.raw(text), .answer(200)]])
        defer { server.stop() }
        let client = try client()
        #expect(String(decoding: try await client.data(from: server.url("/a")).0, as: UTF8.self) == "fine")
        let error = await #expect(throws: URLError.self) {
            try await self.client().data(for: request(server, "/b", "POST", body: "x"))
        }
        #expect(error.map { HTTPSendOutcome.urlSession($0) } == .perhapsRan)
        let breaker = try #require(client.pipeline.policy(for: "127.0.0.1:\(server.port)").circuitBreakers.first)
        #expect(breaker.totals.failed == 1)
    }

    @Test("A refused connection was never sent, so that a POST is repeated as well")
    func refused() async throws {
        let server = try RawServer([:])
        let request = try request(server, "/a", "POST", body: "x")
        server.stop()
        let client = try client()
        let error = await #expect(throws: URLError.self) { try await client.data(for: request) }
        #expect(error.map { HTTPSendOutcome.urlSession($0) } == .neverSent)
        let breaker = try #require(client.pipeline.policy(for: "127.0.0.1:\(server.port)").circuitBreakers.first)
        #expect(breaker.totals.failed == 4)
    }

    @Test("A server that does not answer is given up at the limit of the attempt, in fractions of a second")
    func stalled() async throws {
        let server = try RawServer(["/a": [.stall, .answer(200)]])
        defer { server.stop() }
        let client = try client { $0.attemptLimit = .milliseconds(300) }
        async let status = client.data(from: server.url("/a")).1.statusCode
        try await server.waitForRequests(1, for: "/a")
        clock.advance(by: .milliseconds(299))
        #expect(server.seen.count == 1)
        clock.advance(by: .milliseconds(1))
        #expect(try await status == 200)
        #expect(server.seen.count == 2)
    }

    @Test("Cancelled while responses arrive, no request comes to a standstill")
    func cancellation() async throws {
        let server = try RawServer(["/a": [.answer(200)], "/s": [.stall]])
        defer { server.stop() }
        let client = try client { $0.retry = nil }
        let url = try server.url("/a")
        for round in 0..<40 {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { _ = try? await client.data(from: url) } }
                if round % 2 == 0 { await Task.yield() }
                group.cancelAll()
            }
        }
        let stalled = try server.url("/s")
        let task = Task { try await client.data(from: stalled) }
        try await server.waitForRequests(1, for: "/s")
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("An answer that comes before the body was read is an answer")
    func early() async throws {
        let server = try RawServer(["/a": [.early(413)]])
        defer { server.stop() }
        let response = try await client().upload(for: request(server, "/a", "PUT"), from: Data("small".utf8))
        #expect(response.1.statusCode == 413)
        #expect(server.seen.count == 1)
    }

    @Test("The chosen fields go out with each attempt")
    func fields() async throws {
        let server = try RawServer(["/a": [.answer(500), .answer(200)]])
        defer { server.stop() }
        let client = try client {
            $0.deadlineField = .grpcTimeout
            $0.priorityField = .standard
        }
        _ = try await client.data(for: request(server, "/a", "GET"), priority: .high)
        #expect(server.seen.count == 2)
        for head in server.seen {
            #expect(head.lowercased().contains("grpc-timeout: "))
            #expect(head.lowercased().contains("priority: u=1"))
        }
    }

    @Test(
        "What is no URL of HTTP is refused without a policy",
        arguments: ["file:///etc/passwd", "http://", "mailto:a@b"])
    func malformed(_ text: String) async throws {
        let client = try client()
        let url = try #require(URL(string: text))
        let error = await #expect(throws: URLError.self) { try await client.data(from: url) }
        #expect(error?.code == .unsupportedURL)
        #expect(client.pipeline.policies.count == 0)
    }

    @Test("Requests say what their bodies are good for, and to whom they go")
    func requests() throws {
        let url = try #require(URL(string: "https://a.example:443/x"))
        #expect(ResilientURLSession.authority(of: url) == "a.example")
        #expect(ResilientURLSession.authority(of: URL(string: "http://a.example:443")) == "a.example:443")
        for (text, name) in [
            ("HTTPS://A.Example/x", "a.example"), ("https://A.example:8443", "a.example:8443"),
            ("http://[::80]:80/", "[::80]"), ("https://[::443]", "[::443]"),
            ("http://[FE80::A]:8080", "[fe80::a]:8080"),
        ] {
            #expect(ResilientURLSession.authority(of: URL(string: text)) == name)
        }
        var request = URLRequest(url: url)
        #expect(ResilientURLSession.replay(of: request, nil).body == .none)
        request.httpMethod = "POST"
        request.httpBody = Data("x".utf8)
        request.setValue("1", forHTTPHeaderField: "Idempotency-Key")
        let replay = ResilientURLSession.replay(of: request, nil)
        #expect(replay.body == .bytes && replay.isIdempotent)
        request.httpBodyStream = InputStream(data: Data())
        #expect(ResilientURLSession.replay(of: request, nil).body == .oneShot)
    }

    @Test("Errors have the classes of the table")
    func classes() {
        let table: [(HTTPSendOutcome, [URLError.Code])] = [
            (.neverSent, [.cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet]),
            (
                .perhapsRan,
                [
                    .timedOut, .networkConnectionLost, .badServerResponse, .cannotLoadFromNetwork,
                    .secureConnectionFailed, .cancelled,
                ]
            ),
            (
                .permanent,
                [
                    .badURL, .unsupportedURL, .httpTooManyRedirects, .serverCertificateUntrusted,
                    .requestBodyStreamExhausted, .userCancelledAuthentication,
                ]
            ),
        ]
        for (outcome, codes) in table {
            for code in codes { #expect(HTTPSendOutcome.urlSession(URLError(code)) == outcome, "\(code)") }
        }
        #expect(HTTPSendOutcome.urlSession(URLError(.unknown), unknownMayHaveRun: true) == .perhapsRan)
        #expect(HTTPSendOutcome.urlSession(URLError(.unknown), unknownMayHaveRun: false) == .permanent)
        #expect(HTTPSendOutcome.urlSession(CancellationError()) == .perhapsRan)
    }
}
