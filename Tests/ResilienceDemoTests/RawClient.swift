import Foundation

/// A blocking connection, for what URLSession cannot show: requests back to back, broken ones, resets.
struct RawClient {
    enum Input: Equatable {
        case text(String)
        case closed
        case failed(Int32)
    }

    struct Failure: Error {
        let code: Int32
    }

    private let descriptor: Int32

    /// A connection that is there already.
    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    init(port: UInt16) throws {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let descriptor = descriptor
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close()
            throw Failure(code: code)
        }
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Foundation.send(descriptor, bytes, bytes.count, 0)
    }

    func receive() -> Input {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 { return .failed(errno) }
        return count == 0 ? .closed : .text(String(decoding: buffer[..<count], as: UTF8.self))
    }

    /// What arrives, as far as it ends in `end`; `nil` if the connection ends before.
    func receive(until end: String) -> String? {
        var result = ""
        while !result.hasSuffix(end) {
            guard case .text(let text) = receive() else { return nil }
            result += text
        }
        return result
    }

    /// What arrives until the connection ends.
    func receiveAll() -> String {
        var result = ""
        while case .text(let text) = receive() { result += text }
        return result
    }

    func close() {
        _ = Foundation.close(descriptor)
    }
}
