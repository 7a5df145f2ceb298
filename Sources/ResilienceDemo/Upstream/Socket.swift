#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Closes a descriptor; a name that methods called `close` do not hide.
func closeDescriptor(_ descriptor: Int32) {
    close(descriptor)
}

/// A system call that failed.
struct SocketError: Error, Equatable, CustomStringConvertible {
    let call: String
    let code: Int32

    init(_ call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// The system's sockets, non-blocking and of IPv4.
enum Socket {
    enum Input: Equatable {
        case bytes([UInt8])
        case nothingYet
        case closed
    }

    /// The loopback address.
    static let loopback: UInt32 = 0x7F00_0001

    /// An IPv4 address in its four numbers, as one; `nil` if the text is none.
    static func address(_ text: String) -> UInt32? {
        var address = in_addr()
        guard inet_pton(AF_INET, text, &address) == 1 else { return nil }
        return UInt32(bigEndian: address.s_addr)
    }

    /// A socket bound to a port of an address; port 0 lets the system choose.
    ///
    /// As long as it does not listen, connections to the port are refused, and no other program is given the port.
    static func bound(to port: UInt16, of host: UInt32 = loopback) throws -> Int32 {
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { throw SocketError("socket") }
        do {
            try configure(descriptor)
            // Also while connections to the socket that had the port before are not forgotten yet.
            try set(SO_REUSEADDR, of: descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = host.bigEndian
            let result = withSockaddr(&address) { bind(descriptor, $0, $1.pointee) }
            guard result == 0 else { throw SocketError("bind") }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    static func startListening(_ descriptor: Int32) throws {
        guard listen(descriptor, 512) == 0 else { throw SocketError("listen") }
    }

    static func port(of descriptor: Int32) throws -> UInt16 {
        var address = sockaddr_in()
        let result = withSockaddr(&address) { getsockname(descriptor, $0, $1) }
        guard result == 0 else { throw SocketError("getsockname") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The next connection that waits at a listening socket, if there is one.
    static func acceptConnection(at listener: Int32) -> Int32? {
        let descriptor = retrying { accept(listener, nil, nil) }
        guard descriptor >= 0 else { return nil }
        do {
            try configure(descriptor)
        } catch {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    static func read(from descriptor: Int32) -> Input {
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = retrying { recv(descriptor, &buffer, buffer.count, 0) }
        if count > 0 { return .bytes(Array(buffer[..<count])) }
        return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? .nothingYet : .closed
    }

    /// How many bytes were sent, 0 if there is no room just now; `nil` if the connection is gone.
    static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int? {
        #if canImport(Darwin)
            let flags: Int32 = 0
        #else
            let flags = Int32(MSG_NOSIGNAL)
        #endif
        let count = bytes.withUnsafeBytes { bytes in
            retrying { send(descriptor, bytes.baseAddress, bytes.count, flags) }
        }
        if count >= 0 { return count }
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : nil
    }

    /// A connection to a port of this machine.
    static func connected(to port: UInt16) throws -> Int32 {
        let descriptor = try bound(to: 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = loopback.bigEndian
        let result = withSockaddr(&address) { connect(descriptor, $0, $1.pointee) }
        guard result == 0 || errno == EINPROGRESS, wait(for: Int16(POLLOUT), at: descriptor) else {
            closeDescriptor(descriptor)
            throw SocketError("connect")
        }
        return descriptor
    }

    /// Waits until there is something to read, or to accept, or the connection is over. False if the descriptor is
    /// none.
    static func waitForInput(_ descriptor: Int32) -> Bool { wait(for: Int16(POLLIN), at: descriptor) }

    private static func wait(for events: Int16, at descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        return retrying { poll(&entry, 1, -1) } == 1 && entry.revents & (events | Int16(POLLIN)) != 0
    }

    /// Ends a connection in both directions. A thread that waits at it is woken.
    static func endBoth(_ descriptor: Int32) {
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Tells the other side that nothing more comes. It may still send.
    static func endOutput(_ descriptor: Int32) {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes a connection so that the other side sees a reset instead of an orderly end.
    static func reset(_ descriptor: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }

    /// Two ends of a pipe, for waking a thread that polls.
    static func wakePipe() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SocketError("pipe") }
        do {
            for end in ends { try setFlags(end) }
        } catch {
            for end in ends { close(end) }
            throw error
        }
        return (ends[0], ends[1])
    }

    /// Lets the process have as many descriptors as it needs, where the usual limit is 256, as on macOS.
    static func raiseDescriptorLimit() {
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < 2048 else { return }
        limit.rlim_cur = min(2048, limit.rlim_max)
        setrlimit(resource, &limit)
    }

    /// Wakes the thread that polls the other end. A full pipe does so, too.
    static func wake(_ writer: Int32) {
        var byte: UInt8 = 1
        _ = retrying { systemWrite(writer, &byte, 1) }
    }

    /// Takes all bytes out of a pipe.
    static func drain(_ reader: Int32) {
        var buffer = [UInt8](repeating: 0, count: 64)
        while retrying({ systemRead(reader, &buffer, buffer.count) }) > 0 {}
    }

    /// Repeats a system call for as long as a signal interrupts it.
    static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result != -1 || errno != EINTR { return result }
        }
    }

    private static func configure(_ descriptor: Int32) throws {
        try setFlags(descriptor)
        #if canImport(Darwin)
            try set(SO_NOSIGPIPE, of: descriptor)
        #endif
    }

    private static func setFlags(_ descriptor: Int32) throws {
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { throw SocketError("fcntl") }
    }

    private static func set(_ option: Int32, of descriptor: Int32) throws {
        var on: Int32 = 1
        guard setsockopt(descriptor, SOL_SOCKET, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw SocketError("setsockopt")
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

// The names of these are taken within `Socket`.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
