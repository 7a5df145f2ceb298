import Foundation
import ResilienceCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Serves pages over HTTP on a free port of the loopback address, one connection at a time. For tests only: it answers
/// `GET` with what a closure returns, and closes the connection.
public final class PageServer: Sendable {
    /// What a request asks for.
    public struct Request: Sendable {
        /// The path, with the query if there is one.
        public let path: String
        /// The header fields by their names in lower case.
        public let headers: [String: String]
    }

    /// What is answered.
    public struct Answer: Sendable {
        let contentType: String
        let body: [UInt8]

        /// Creates an answer of status 200.
        public init(contentType: String, body: [UInt8]) {
            self.contentType = contentType
            self.body = body
        }
    }

    /// The port it listens on.
    public let port: UInt16
    private let listener: Int32
    private let isStopped = Lock(false)

    /// Starts a server.
    ///
    /// - Parameter answer: Called on the server's thread; `nil` is answered with status 404.
    public init(_ answer: @escaping @Sendable (Request) -> Answer?) throws {
        listener = try Sockets.listening()
        port = try Sockets.port(of: listener)
        let listener = listener
        let thread = Thread {
            while let connection = Sockets.next(at: listener) {
                if let request = Sockets.request(from: connection) {
                    Sockets.send(Self.text(answer(request)), to: connection)
                }
                close(connection)
            }
            close(listener)
        }
        thread.start()
    }

    /// Ends it; connections are refused from then on.
    public func stop() {
        let isFirst = isStopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        if isFirst { shutdown(listener, Int32(SHUT_RDWR)) }
    }

    private static func text(_ answer: Answer?) -> [UInt8] {
        guard let answer else { return Array("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".utf8) }
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: \(answer.contentType)\r\nContent-Length: \(answer.body.count)\r\n"
            + "Connection: close\r\n\r\n"
        return Array(head.utf8) + answer.body
    }
}

/// The system calls of a server.
enum Sockets {
    struct Failure: Error {
        let call: String
        let code = errno
    }

    /// A socket that listens on a free port of the loopback address.
    static func listening() throws -> Int32 {
        let descriptor = try bound()
        guard listen(descriptor, 64) == 0 else { throw Failure(call: "listen") }
        return descriptor
    }

    static func bound() throws -> Int32 {
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { throw Failure(call: "socket") }
        // A process that the tests start must not hold it open.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withSockaddr(&address) { bind(descriptor, $0, $1.pointee) }
        guard result == 0 else {
            close(descriptor)
            throw Failure(call: "bind")
        }
        return descriptor
    }

    static func port(of descriptor: Int32) throws -> UInt16 {
        var address = sockaddr_in()
        guard withSockaddr(&address, { getsockname(descriptor, $0, $1) }) == 0 else {
            throw Failure(call: "getsockname")
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// A port that is free just now.
    static func freePort() throws -> UInt16 {
        let descriptor = try bound()
        defer { close(descriptor) }
        return try port(of: descriptor)
    }

    /// The next connection; `nil` once the listener is shut down.
    static func next(at listener: Int32) -> Int32? {
        while true {
            let connection = accept(listener, nil, nil)
            if connection >= 0 {
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                // Nobody waits for a client that says nothing.
                var limit = timeval(tv_sec: 5, tv_usec: 0)
                setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                return connection
            }
            if errno != EINTR && errno != ECONNABORTED { return nil }
        }
    }

    static func request(from connection: Int32) -> PageServer.Request? {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: text, as: UTF8.self).contains("\r\n\r\n") {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0, text.count < 100_000 else { return nil }
            text += buffer[..<count]
        }
        let lines = String(decoding: text, as: UTF8.self).components(separatedBy: "\r\n")
        let start = lines[0].split(separator: " ")
        guard start.count == 3, start[0] == "GET" else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        return PageServer.Request(path: String(start[1]), headers: headers)
    }

    static func send(_ bytes: [UInt8], to connection: Int32) {
        #if canImport(Darwin)
            let flags: Int32 = 0
        #else
            let flags = Int32(MSG_NOSIGNAL)
        #endif
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemSend(connection, $0.baseAddress, $0.count, flags) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func withSockaddr<Result>(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }
}

// The name is taken within `Sockets`.
private func systemSend(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
    send(descriptor, bytes, count, flags)
}
