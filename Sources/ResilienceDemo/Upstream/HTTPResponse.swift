/// An answer of a server.
struct HTTPResponse: Equatable {
    let status: Int
    var contentType = "text/plain"
    var body = ""
    var headers: [(name: String, value: String)] = []
    var keepsAlive = true
    /// False for an answer to HEAD: the same headers, no body.
    var sendsBody = true

    static func == (lhs: HTTPResponse, rhs: HTTPResponse) -> Bool { lhs.bytes == rhs.bytes }

    /// The message as it is sent.
    var bytes: [UInt8] {
        var text = "HTTP/1.1 \(status) \(Self.reason(status))\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        text += "Content-Type: \(contentType)\r\n"
        text += "Content-Length: \(body.utf8.count)\r\n"
        text += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
        if sendsBody { text += body }
        return Array(text.utf8)
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Unknown"
        }
    }
}
