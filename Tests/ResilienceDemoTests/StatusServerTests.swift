import Foundation
import Testing

@testable import ResilienceDemo

/// Real requests over the loopback interface; every wait is for an event.
@Suite("Status server")
struct StatusServerTests {
    @Test(
        "Each route is answered, to HEAD without the body",
        arguments: [
            ("/", "text/html; charset=utf-8"), ("/status.json", "application/json"), ("/health", "application/json"),
            ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ])
    func routes(path: String, type: String) async throws {
        try await StatusStage().serving { server in
            let port = server.address.port
            let get = try Answer("GET \(path) HTTP/1.1\r\nConnection: close\r\n\r\n", at: port)
            #expect(get.status == 200)
            #expect(get.headers["content-type"] == type)
            #expect(get.headers["cache-control"] == "no-store")
            #expect(get.headers["content-length"] == "\(get.body.utf8.count)")
            #expect(!get.body.isEmpty)
            let head = try Answer("HEAD \(path) HTTP/1.1\r\nConnection: close\r\n\r\n", at: port)
            #expect(head.body.isEmpty)
            #expect(head.headers["content-length"] == get.headers["content-length"])
        }
    }

    @Test("The format of the metrics is negotiated, also by several headers")
    func negotiation() async throws {
        try await StatusStage().serving { server in
            let request =
                "GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text\r\nACCEPT: text/plain;q=0.5\r\n\r\n"
            let answer = try Answer(request, at: server.address.port)
            #expect(answer.headers["content-type"]?.hasPrefix("application/openmetrics-text") == true)
            #expect(answer.headers["vary"] == "Accept")
        }
    }

    @Test("Requests on one connection are answered in turn, with bodies skipped")
    func inTurn() async throws {
        try await StatusStage().serving { server in
            let client = try RawClient(port: server.address.port)
            defer { client.close() }
            let requests = [
                "GET /nowhere HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET ",
                "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
            ]
            for byte in requests.joined().utf8 { client.send(String(UnicodeScalar(byte))) }
            let statuses = client.receiveAll().matches(of: /HTTP\/1\.1 (\d+)/).map { String($0.1) }
            #expect(statuses == ["404", "405", "200"])
        }
    }

    @Test(
        "Bytes that are no request are refused and end the connection",
        arguments: [
            ("nonsense\r\n\r\n", 400), ("GET / HTTP/3\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
            ("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 40_000), 431),
        ])
    func refused(text: String, status: Int) async throws {
        try await StatusStage().serving { server in
            let answer = try Answer(text, at: server.address.port)
            #expect(answer.status == status)
            #expect(answer.headers["connection"] == "close")
        }
    }

    @Test("A connection beyond the limit takes the place of the one that was silent for longest")
    func connectionLimit() async throws {
        try await StatusStage().serving(.init(connections: 2)) { server in
            let clients = try (0..<3).map { _ in try RawClient(port: server.address.port) }
            defer { for client in clients { client.close() } }
            #expect(clients[0].receive() == .closed)
            for client in clients[1...] {
                client.send("GET /health HTTP/1.1\r\n\r\n")
                #expect(client.receive(until: "}\n")?.hasPrefix("HTTP/1.1 200 OK\r\n") == true)
            }
        }
    }

    @Test("A client that says nothing is disconnected")
    func silentClient() async throws {
        try await StatusStage().serving(.init(requestTime: .zero)) { server in
            let client = try RawClient(port: server.address.port)
            defer { client.close() }
            #expect(client.receive() == .closed)
        }
    }

    @Test("A port that is taken is an error")
    func portTaken() async throws {
        let stage = try StatusStage()
        try await stage.serving { server in
            #expect(throws: SocketError("bind", code: EADDRINUSE)) {
                try StatusServer(host: "127.0.0.1", port: server.address.port, routes: stage.routes)
            }
        }
        #expect(throws: SocketError.self) { try StatusServer(host: "nowhere", port: 0, routes: stage.routes) }
    }

    @Test("A server that was stopped ends its connections, refuses further ones, and may be stopped again")
    func stopped() async throws {
        let server = try StatusServer(host: "127.0.0.1", port: 0, routes: StatusStage().routes)
        #expect(server.address.description == "http://127.0.0.1:\(server.address.port)/")
        let client = try RawClient(port: server.address.port)
        defer { client.close() }
        // Once it has answered, it knows the connection.
        client.send("GET /health HTTP/1.1\r\n\r\n")
        #expect(client.receive(until: "}\n") != nil)
        await server.stop()
        await server.stop()
        #expect(client.receive() == .failed(ECONNRESET))
        #expect(throws: RawClient.Failure.self) { try RawClient(port: server.address.port) }
    }
}
