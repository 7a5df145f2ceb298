#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the server's thread does: waits in `poll` for connections, requests, messages and the end of work.
struct UpstreamLoop {
    private struct Connection {
        let descriptor: Int32
        var parser = HTTPRequestParser()
        var output: ArraySlice<UInt8> = []
        /// The request that is worked on. Further ones on the same connection wait for its answer.
        var current: HTTPRequest?
        var closesAfterOutput = false
    }

    private let port: UInt16
    private let mailbox: Mailbox<Upstream.Message>
    private let seed: UInt64
    private var behaviour = UpstreamBehaviour(isListening: false)
    /// Bound to the port all the time, so that no other program gets it; listening only while the port is open.
    private var socket: Int32?
    private var isListening = false
    private var connections: [Int: Connection] = [:]
    private var nextConnection = 0
    private var pool: WorkerPool

    init(port: UInt16, reservation: Int32, mailbox: Mailbox<Upstream.Message>, seed: UInt64, workers: Int) {
        self.port = port
        socket = reservation
        self.mailbox = mailbox
        self.seed = seed
        pool = WorkerPool(workers: workers)
    }

    mutating func run() {
        while true {
            finishWork()
            for (event, source) in waitForEvents() {
                switch source {
                case .mailbox: guard handleMessages() else { return }
                case .port: acceptConnections()
                case .connection(let identity):
                    if event & Int16(POLLOUT) != 0 { flush(identity) }
                    if event & ~Int16(POLLOUT) != 0 { receive(identity) }
                }
            }
        }
    }

    private enum Source {
        case mailbox
        case port
        case connection(Int)
    }

    /// What has happened, and where. By the time one is handled, another may have closed its source.
    private func waitForEvents() -> [(event: Int16, source: Source)] {
        var entries = [pollfd(fd: mailbox.reader, events: Int16(POLLIN), revents: 0)]
        var sources = [Source.mailbox]
        if isListening, let socket {
            entries.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0))
            sources.append(.port)
        }
        for (identity, connection) in connections {
            let events = connection.output.isEmpty ? POLLIN : POLLIN | POLLOUT
            entries.append(pollfd(fd: connection.descriptor, events: Int16(events), revents: 0))
            sources.append(.connection(identity))
        }
        // Interrupted by a signal, nothing is known; the loop asks again.
        guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return [] }
        return zip(entries, sources).filter { $0.0.revents != 0 }.map { ($0.0.revents, $0.1) }
    }

    /// Milliseconds until the next worker is done, rounded up; -1 for no limit.
    private var timeout: Int32 {
        guard let end = pool.nextEnd else { return -1 }
        let wait = ContinuousClock.now.duration(to: end).microseconds
        return Int32(clamping: max(0, (wait + 999) / 1000))
    }

    /// Returns whether to go on.
    private mutating func handleMessages() -> Bool {
        for message in mailbox.takeAll() {
            switch message {
            case .behave(let behaviour, let continuation):
                continuation.resume(with: Result { try behave(behaviour) })
            case .stop(let continuation):
                closePort()
                mailbox.close()
                continuation.resume()
                return false
            }
        }
        return true
    }

    private mutating func behave(_ behaviour: UpstreamBehaviour) throws {
        self.behaviour = behaviour
        if isListening && !behaviour.isListening { closePort() }
        if socket == nil { socket = try Socket.bound(to: port) }
        if !isListening && behaviour.isListening, let socket {
            try Socket.startListening(socket)
            isListening = true
        }
    }

    /// Like a process that dies: connections are reset, work is forgotten.
    private mutating func closePort() {
        for connection in connections.values { Socket.reset(connection.descriptor) }
        connections = [:]
        pool.clear()
        if let socket { close(socket) }
        socket = nil
        isListening = false
    }

    private mutating func acceptConnections() {
        guard isListening, let socket else { return }
        while let descriptor = Socket.acceptConnection(at: socket) {
            connections[nextConnection] = Connection(descriptor: descriptor)
            nextConnection += 1
        }
    }

    private mutating func receive(_ identity: Int) {
        guard let descriptor = connections[identity]?.descriptor else { return }
        switch Socket.read(from: descriptor) {
        case .nothingYet: return
        case .closed: drop(identity)
        case .bytes(let bytes):
            connections[identity]?.parser.append(bytes)
            handleRequests(identity)
        }
    }

    /// Starts the next request of a connection, unless one is being worked on.
    private mutating func handleRequests(_ identity: Int) {
        while var connection = connections[identity], connection.current == nil, !connection.closesAfterOutput {
            let result = connection.parser.next()
            switch result {
            case .needsMore:
                connections[identity] = connection
                return
            case .invalid(let status):
                connections[identity] = connection
                send(HTTPResponse(status: status, keepsAlive: false), to: identity)
            case .request(let request):
                connection.current = request
                connections[identity] = connection
                route(request, identity)
            }
        }
        // A client that sends and sends without waiting for answers.
        if let buffered = connections[identity]?.parser.bufferedCount, buffered > HTTPRequestParser.longestBody {
            drop(identity)
        }
    }

    private mutating func route(_ request: HTTPRequest, _ identity: Int) {
        guard request.method == "GET" || request.method == "HEAD" else {
            return send(HTTPResponse(status: 405, headers: [("Allow", "GET, HEAD")]), to: identity)
        }
        let path = request.path.prefix { $0 != "?" }
        guard path.hasPrefix("/orders/"), let order = UInt64(path.dropFirst("/orders/".count)) else {
            return send(HTTPResponse(status: 404, body: "not found\n"), to: identity)
        }
        let query = request.path.dropFirst(path.count)
        let number = query.hasPrefix("?request=") ? UInt64(query.dropFirst("?request=".count)) : nil
        let fate = behaviour.fate(ofRequest: number ?? order, seed: seed)
        pool.add(WorkerPool.Job(connection: identity, order: order, fate: fate))
    }

    private mutating func finishWork() {
        repeat {
            let finished = pool.step(now: .now)
            for job in finished {
                answer(job)
                // The next request of the connection may be here already.
                handleRequests(job.connection)
            }
        } while pool.canStartWork
    }

    private mutating func answer(_ job: WorkerPool.Job) {
        let identity = job.connection
        switch job.fate.answer {
        case .ok: send(HTTPResponse(status: 200, body: "order \(job.order)\n"), to: identity)
        case .unavailable:
            send(HTTPResponse(status: 503, body: "try again later\n", headers: [("Retry-After", "1")]), to: identity)
        case .reset: drop(identity)
        }
    }

    private mutating func send(_ response: HTTPResponse, to identity: Int) {
        guard var connection = connections[identity] else { return }
        var response = response
        if let request = connection.current {
            response.keepsAlive = response.keepsAlive && request.keepsAlive
            response.sendsBody = request.method != "HEAD"
        }
        connection.output += response.bytes
        connection.current = nil
        connection.closesAfterOutput = !response.keepsAlive
        connections[identity] = connection
        flush(identity)
    }

    private mutating func flush(_ identity: Int) {
        guard var connection = connections[identity] else { return }
        while !connection.output.isEmpty {
            guard let count = Socket.write(connection.output, to: connection.descriptor) else { return drop(identity) }
            if count == 0 { break }
            connection.output = connection.output.dropFirst(count)
        }
        connections[identity] = connection
        if connection.output.isEmpty, connection.closesAfterOutput { end(identity) }
    }

    /// Closes a connection in good order.
    private mutating func end(_ identity: Int) {
        if let connection = connections.removeValue(forKey: identity) { close(connection.descriptor) }
    }

    /// Closes a connection at once; work that was begun for it goes on, for nothing.
    private mutating func drop(_ identity: Int) {
        if let connection = connections.removeValue(forKey: identity) { Socket.reset(connection.descriptor) }
    }
}
