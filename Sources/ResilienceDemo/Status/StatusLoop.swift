#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the status server's thread does: waits in `poll` for connections, requests, the stop and the end of patience.
struct StatusLoop {
    private let socket: Int32
    private let mailbox: Mailbox<StatusServer.Message>
    private let routes: any Routes
    private let limits: StatusServer.Limits
    private var connections: [Int: StatusConnection] = [:]
    private var nextConnection = 0

    init(
        socket: Int32, mailbox: Mailbox<StatusServer.Message>, routes: any Routes, limits: StatusServer.Limits
    ) {
        self.socket = socket
        self.mailbox = mailbox
        self.routes = routes
        self.limits = limits
    }

    mutating func run() {
        while true {
            let (isPosted, isAsked, ready) = waitForEvents()
            if isPosted, stopIfAsked() { return }
            for identity in ready { update(identity) { $0.proceed($1, now: $2) } }
            let now = ContinuousClock.now
            for (identity, connection) in connections where connection.deadline <= now {
                update(identity) { $0.expire($1, now: $2) }
            }
            if isAsked { acceptConnections() }
        }
    }

    private func waitForEvents() -> (isPosted: Bool, isAsked: Bool, ready: [Int]) {
        let identities = Array(connections.keys)
        var entries = [mailbox.reader, socket].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        for identity in identities {
            guard let connection = connections[identity] else { continue }
            entries.append(pollfd(fd: connection.descriptor, events: connection.events, revents: 0))
        }
        let timeout = Self.timeout(of: connections.values.lazy.map(\.deadline), now: .now)
        // Interrupted by a signal, nothing is known; the loop asks again.
        guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return (false, false, []) }
        let ready = zip(entries.dropFirst(2), identities).filter { $0.0.revents != 0 }.map(\.1)
        return (entries[0].revents != 0, entries[1].revents != 0, ready)
    }

    /// Milliseconds until the next of some deadlines, rounded up, for `poll`; -1 for no limit.
    static func timeout(of deadlines: some Sequence<ContinuousClock.Instant>, now: ContinuousClock.Instant) -> Int32 {
        guard let deadline = deadlines.min() else { return -1 }
        // Saturated far from the ends of the type.
        let wait = min(now.duration(to: deadline), .seconds(3_600)).microseconds
        return Int32(clamping: max(0, (wait + 999) / 1000))
    }

    private mutating func stopIfAsked() -> Bool {
        let messages = mailbox.takeAll()
        guard !messages.isEmpty else { return false }
        for connection in connections.values { Socket.reset(connection.descriptor) }
        connections = [:]
        close(socket)
        mailbox.close()
        for message in messages { message.refuse() }
        return true
    }

    private mutating func acceptConnections() {
        while let descriptor = Socket.acceptConnection(at: socket) {
            if connections.count >= max(1, limits.connections) { dropMostSilent() }
            connections[nextConnection] = StatusConnection(descriptor, limits: limits, now: .now)
            nextConnection += 1
        }
    }

    /// So that a client that opens connections and leaves them does not keep others out.
    private mutating func dropMostSilent() {
        guard let most = connections.min(by: { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }) else {
            return
        }
        drop(most.key)
    }

    /// Changes a connection, and drops it if it is over.
    private mutating func update(
        _ identity: Int,
        _ change: (inout StatusConnection, any Routes, ContinuousClock.Instant) -> Bool
    ) {
        guard var connection = connections[identity] else { return }
        let goesOn = change(&connection, routes, .now)
        connections[identity] = connection
        if !goesOn { drop(identity) }
    }

    private mutating func drop(_ identity: Int) {
        if let connection = connections.removeValue(forKey: identity) { close(connection.descriptor) }
    }
}
