import Testing

@testable import ResilienceDemo

@Suite("HTTP request parser")
struct HTTPRequestParserTests {
    private func results(_ text: String) -> [HTTPRequestParser.Result] {
        var parser = HTTPRequestParser()
        parser.append(Array(text.utf8))
        var results: [HTTPRequestParser.Result] = []
        while true {
            let result = parser.next()
            results.append(result)
            guard case .request = result else { return results }
        }
    }

    private func get(_ path: String, keepsAlive: Bool = true) -> HTTPRequestParser.Result {
        .request(HTTPRequest(method: "GET", path: path, keepsAlive: keepsAlive))
    }

    @Test("A request that comes in one piece is read")
    func onePiece() {
        #expect(results("GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n") == [get("/orders/1"), .needsMore])
    }

    @Test("Requests that come byte by byte are read, and leave nothing behind")
    func byteByByte() {
        let text = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET /b HTTP/1.1\r\n\r\n"
        var parser = HTTPRequestParser()
        var requests: [HTTPRequestParser.Result] = []
        for byte in text.utf8 {
            parser.append([byte])
            let result = parser.next()
            if result != .needsMore { requests.append(result) }
        }
        #expect(requests == [.request(HTTPRequest(method: "POST", path: "/a", keepsAlive: true)), get("/b")])
        #expect(parser.bufferedCount == 0)
    }

    @Test("Several requests that come in one piece are read in order")
    func severalRequests() {
        let text = "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyGET /c HTTP/1.1\r\n\r\nGET"
        #expect(results(text) == [get("/a"), get("/b"), get("/c"), .needsMore])
    }

    @Test("Bare line feeds and empty lines before a request are tolerated")
    func lineFeeds() {
        #expect(results("\r\n\nGET /a HTTP/1.1\nHost: a\n\n") == [get("/a"), .needsMore])
    }

    @Test(
        "The connection stays open as the client asks",
        arguments: [
            ("HTTP/1.1", "", true),
            ("HTTP/1.1", "Connection: close\r\n", false),
            ("HTTP/1.1", "connection:  Upgrade, CLOSE \r\n", false),
            ("HTTP/1.0", "", false),
            ("HTTP/1.0", "Connection: keep-alive\r\n", true),
            ("HTTP/1.0", "Connection: keep-alive, close\r\n", false),
        ])
    func keepAlive(version: String, field: String, expected: Bool) {
        #expect(results("GET / \(version)\r\n\(field)\r\n") == [get("/", keepsAlive: expected), .needsMore])
    }

    @Test(
        "Bytes that are no request are refused",
        arguments: [
            ("GET\r\n\r\n", 400),
            ("GET /\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1 x\r\n\r\n", 400),
            ("G@T / HTTP/1.1\r\n\r\n", 400),
            ("GET orders HTTP/1.1\r\n\r\n", 400),
            ("GET / FTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nspace : before\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n folded: line\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n: nameless\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: \r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
            ("PRI * HTTP/2.0\r\n\r\n", 505),
        ])
    func refused(text: String, status: Int) {
        #expect(results(text) == [.invalid(status: status)])
    }

    @Test("A head that does not end is refused at its limit")
    func endlessHead() {
        let limit = HTTPRequestParser.longestHead
        let line = "GET / HTTP/1.1\r\nX: "
        #expect(results(line + String(repeating: "a", count: limit - line.utf8.count)) == [.needsMore])
        #expect(results(line + String(repeating: "a", count: limit)) == [.invalid(status: 431)])
        #expect(results(line + String(repeating: "a", count: limit) + "\r\n\r\n") == [.invalid(status: 431)])
    }

    @Test("Bytes that are no text do no harm")
    func binary() {
        var parser = HTTPRequestParser()
        parser.append((0...255).map(UInt8.init) + Array("\r\n\r\n".utf8))
        #expect(parser.next() == .invalid(status: 400))
    }
}

@Suite("HTTP response")
struct HTTPResponseTests {
    @Test("A response says how long it is and whether the connection stays open")
    func responseHead() {
        let response = HTTPResponse(status: 503, body: "später\n", headers: [("Retry-After", "1")])
        let expected =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: text/plain\r\n"
            + "Content-Length: 8\r\nConnection: keep-alive\r\n\r\nspäter\n"
        #expect(String(decoding: response.bytes, as: UTF8.self) == expected)
    }

    @Test("The answer to HEAD has no body but its length")
    func answerToHEAD() {
        let response = HTTPResponse(status: 200, body: "order\n", keepsAlive: false, sendsBody: false)
        let expected = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\n"
        #expect(String(decoding: response.bytes, as: UTF8.self) == expected)
    }
}
