import Foundation
import ResilienceCore

@testable import ResilienceTesting

/// A server that misbehaves as asked, on a thread for each connection: none of the pool's is blocked.
final class RawServer: Sendable {
    /// What a server does with one request.
    enum Act: Sendable {
        /// Answers, and keeps the connection.
        case answer(Int, fields: [String] = [], body: String = "ok")
        /// Closes the connection without an answer.
        case close
        /// Answers with this, whatever it is, and closes.
        case raw(String)
        /// Announces a body and sends only a part of it.
        case half
        /// Does not answer until the server stops.
        case stall
        /// Answers without having read the body, and closes.
        case early(Int)
    }

    let port: UInt16
    private let listener: Int32
    private let state: Lock<State>

    private struct State {
        var script: [String: [Act]]
        var seen: [String] = []
        var arrivals: [String: AwaitedCount] = [:]
        var connections: Set<Int32> = []
        var isStopped = false
    }

    /// - Parameter script: What is done by path, one act after another, the last again and again.
    init(_ script: [String: [Act]]) throws {
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue)
        #else
            let stream = SOCK_STREAM
        #endif
        listener = socket(AF_INET, stream, 0)
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRINUSE) }
        port = UInt16(bigEndian: address.sin_port)
        state = Lock(State(script: script))
        let thread = Thread { [self] in accepting() }
        thread.start()
    }

    func url(_ path: String) throws -> URL {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { throw URLError(.badURL) }
        return url
    }

    /// The heads of the requests, in the order in which they came.
    var seen: [String] { state.withLock { $0.seen } }

    /// Suspends until at least so many requests for a path have come.
    func waitForRequests(_ count: Int, for path: String) async throws {
        guard let waiter = state.withLock({ $0.arrivals[path, default: .init()].waiter(for: count) }) else { return }
        try await waiter.value { [self] in state.withLock { $0.arrivals[path]?.forget(waiter) ?? false } }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
        // Each is closed by its own thread: its number may be that of another test's socket at once.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func accepting() {
        defer { close(listener) }
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            let isStopped = state.withLock { state in
                if !state.isStopped { state.connections.insert(connection) }
                return state.isStopped
            }
            guard !isStopped else {
                close(connection)
                return
            }
            Thread { [self] in serve(connection) }.start()
        }
    }

    private func serve(_ connection: Int32) {
        defer {
            state.withLock { state in
                state.connections.remove(connection)
                close(connection)
            }
        }
        var input: [UInt8] = []
        while let head = readHead(connection, &input) {
            let path = head.split(separator: " ").dropFirst().first.map(String.init) ?? ""
            let (act, arrived) = state.withLock { state in
                state.seen.append(head)
                let acts = state.script[path] ?? [.answer(404)]
                if acts.count > 1 { state.script[path]?.removeFirst() }
                return (acts[0], state.arrivals[path, default: .init()].increment())
            }
            for waiter in arrived { waiter.finish(with: .success(())) }
            switch act {
            case .answer(let status, let fields, let body):
                skipBody(connection, head, &input)
                let lines = fields.map { "\($0)\r\n" }.joined()
                write("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(lines)\r\n\(body)", connection)
            case .close: return
            case .raw(let text):
                write(text, connection)
                return
            case .half:
                write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", connection)
                return
            case .stall:
                var byte: UInt8 = 0
                while recv(connection, &byte, 1, 0) > 0 {}
                return
            case .early(let status):
                write("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", connection)
                return
            }
        }
    }

    private func readHead(_ connection: Int32, _ input: inout [UInt8]) -> String? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = input.firstRange(of: end) {
                let head = String(decoding: input[..<range.lowerBound], as: UTF8.self)
                input.removeSubrange(..<range.upperBound)
                return head
            }
            guard readMore(connection, &input) else { return nil }
        }
    }

    private func skipBody(_ connection: Int32, _ head: String, _ input: inout [UInt8]) {
        let line = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        var left = line?.split(separator: ":").last.flatMap { Int($0.trimmingCharacters(in: .whitespaces)) } ?? 0
        while left > 0 {
            if input.isEmpty, !readMore(connection, &input) { return }
            let taken = min(left, input.count)
            input.removeFirst(taken)
            left -= taken
        }
    }

    private func readMore(_ connection: Int32, _ input: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(connection, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        input += buffer[..<count]
        return true
    }

    private func write(_ text: String, _ connection: Int32) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            #if canImport(Glibc)
                let flags = Int32(MSG_NOSIGNAL)
            #else
                let flags: Int32 = 0
            #endif
            let count = bytes[sent...].withUnsafeBytes { send(connection, $0.baseAddress, $0.count, flags) }
            guard count > 0 else { return }
            sent += count
        }
    }
}
