#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One connection of the status server: what has come, what is to be sent, and how long it may take.
struct StatusConnection {
    enum Stage: Equatable {
        /// A request is read.
        case reading
        /// An answer is sent. Nothing is read meanwhile, so that a client which only sends is held back.
        case answering(closes: Bool)
        /// The last answer has been sent. What still comes is dropped, for closing on it could cost the client the
        /// answer.
        case closing
    }

    let descriptor: Int32
    let limits: StatusServer.Limits
    private(set) var stage = Stage.reading
    /// When the present stage has taken too long.
    private(set) var deadline: ContinuousClock.Instant
    private var parser = HTTPRequestParser()
    private var output: ArraySlice<UInt8> = []

    init(_ descriptor: Int32, limits: StatusServer.Limits, now: ContinuousClock.Instant) {
        self.descriptor = descriptor
        self.limits = limits
        deadline = now.advanced(by: limits.requestTime)
    }

    /// How many bytes wait to be read as a request.
    var bufferedCount: Int { parser.bufferedCount }

    /// What `poll` is to wait for.
    var events: Int16 {
        if case .answering = stage { Int16(POLLOUT) } else { Int16(POLLIN) }
    }

    /// Does what it can. Returns false if the connection is over.
    mutating func proceed(_ routes: any Routes, now: ContinuousClock.Instant) -> Bool {
        if stage == .reading || stage == .closing {
            switch Socket.read(from: descriptor) {
            case .nothingYet: return true
            case .closed: return false
            case .bytes(let bytes): if stage == .reading { parser.append(bytes) }
            }
        }
        return advance(routes, now: now)
    }

    /// Ends a stage that has taken too long. Returns false if the connection is over.
    mutating func expire(_ routes: any Routes, now: ContinuousClock.Instant) -> Bool {
        // A request that was begun is answered; a connection on which nothing was asked is just closed.
        guard stage == .reading, bufferedCount > 0 else { return false }
        begin(HTTPResponse(status: 408, keepsAlive: false), now: now)
        return advance(routes, now: now)
    }

    /// Answers the requests that are here, until something has to be waited for. Returns false if the connection is
    /// over.
    private mutating func advance(_ routes: any Routes, now: ContinuousClock.Instant) -> Bool {
        while true {
            switch stage {
            case .closing: return true
            case .reading:
                switch parser.next() {
                case .needsMore: return true
                case .invalid(let status): begin(HTTPResponse(status: status, keepsAlive: false), now: now)
                case .request(let request):
                    var response = routes.answer(request)
                    response.keepsAlive = request.keepsAlive
                    response.sendsBody = request.method != "HEAD"
                    begin(response, now: now)
                }
            case .answering(let closes):
                while !output.isEmpty {
                    guard let count = Socket.write(output, to: descriptor) else { return false }
                    if count == 0 { return true }
                    output = output.dropFirst(count)
                }
                if closes { Socket.endOutput(descriptor) }
                stage = closes ? .closing : .reading
                deadline = now.advanced(by: closes ? limits.closingTime : limits.requestTime)
            }
        }
    }

    private mutating func begin(_ response: HTTPResponse, now: ContinuousClock.Instant) {
        output = response.bytes[...]
        stage = .answering(closes: !response.keepsAlive)
        deadline = now.advanced(by: limits.answerTime)
    }
}
