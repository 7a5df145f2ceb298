#if Hummingbird
    internal import NIOCore
    public import Resilience
    internal import Synchronization

    /// What happens in policies, as a live stream of server-sent events.
    ///
    /// ```swift
    /// let feed = try EventFeed()
    /// let resilience = try ResilienceModule("shop", observers: [feed]) { … }
    /// router.group("ops").addResilienceRoutes(for: resilience, events: feed)
    /// ```
    ///
    /// An event costs next to nothing while no client listens. But a policy posts events of its calls as soon as it has
    /// an observer; where calls are very many, observe only what is to be shown, such as the breakers.
    ///
    /// What callers bring along, such as keys of limiters, is not told, and of an error its type only.
    public final class EventFeed: PolicyObserver {
        /// The most clients that listen at once, 1 to 10 000.
        public let maxSubscribers: Int
        /// How many events wait for a client that reads slowly, 1 to 100 000. When there are more, the oldest are
        /// dropped, and the client is told how many.
        public let capacity: Int
        /// Whether events of single calls are told, too, and not only changes and what failed.
        public let includesCalls: Bool
        /// How often something is sent if nothing happens: so a client is noticed that has gone.
        public let heartbeat: Duration

        let time: TimeSource
        private let subscribers = Lock<[ObjectIdentifier: Subscriber]>([:])
        private let count = Atomic(0)

        /// Creates a feed.
        ///
        /// - Parameters:
        ///   - maxSubscribers: The most clients that listen at once, 1 to 10 000. Default: 16.
        ///   - capacity: How many events wait for a client that reads slowly, 1 to 100 000. Default: 256.
        ///   - includesCalls: Whether events of single calls are told, too. Default: `false`.
        ///   - heartbeat: How often something is sent if nothing happens, 1 ns to 292 years. Default: 15 seconds.
        ///   - clock: The time it measures. Default: the continuous clock.
        /// - Throws: All faults, each with its value and range.
        public init(
            maxSubscribers: Int = 16, capacity: Int = 256, includesCalls: Bool = false,
            heartbeat: Duration = .seconds(15), clock: some Clock<Duration> = ContinuousClock()
        ) throws(ConfigurationError) {
            var check = ConfigurationCheck("eventFeed")
            check.require("maxSubscribers", maxSubscribers, in: 1...10_000)
            check.require("capacity", capacity, in: 1...100_000)
            check.require(positive: "heartbeat", heartbeat)
            try check.finish()
            self.maxSubscribers = maxSubscribers
            self.capacity = capacity
            self.includesCalls = includesCalls
            self.heartbeat = heartbeat
            time = TimeSource(clock)
        }

        /// How many clients listen.
        public var subscriberCount: Int { count.load(ordering: .relaxed) }

        /// Tells the clients of an event.
        public func observe(_ event: some PolicyEvent) {
            guard subscriberCount > 0, includesCalls || EventSubject(of: event) != .call else { return }
            let frame = ByteBuffer(string: eventFrame(of: event))
            for subscriber in subscribers.withLock({ Array($0.values) }) { subscriber.send(frame) }
        }

        /// Adds a client; `nil` if there are as many as there may be.
        func subscribe() -> Subscriber? {
            let subscriber = Subscriber(capacity: capacity)
            return subscribers.withLock { subscribers in
                guard subscribers.count < maxSubscribers else { return nil }
                subscribers[ObjectIdentifier(subscriber)] = subscriber
                count.store(subscribers.count, ordering: .relaxed)
                return subscriber
            }
        }

        func remove(_ subscriber: Subscriber) {
            subscriber.finish()
            subscribers.withLock { subscribers in
                subscribers[ObjectIdentifier(subscriber)] = nil
                count.store(subscribers.count, ordering: .relaxed)
            }
        }

        /// A client that listens.
        final class Subscriber: Sendable {
            let frames: AsyncStream<ByteBuffer>
            private let continuation: AsyncStream<ByteBuffer>.Continuation
            private let dropped = Atomic(0)

            init(capacity: Int) {
                (frames, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(capacity))
            }

            func send(_ frame: ByteBuffer) {
                if case .dropped = continuation.yield(frame) { dropped.wrappingAdd(1, ordering: .relaxed) }
            }

            /// Sees to it that something is sent, unless events wait anyhow.
            func beat() { send(ByteBuffer(string: ":\n\n")) }

            func finish() { continuation.finish() }

            /// How many events were dropped since it was asked last.
            func takeDropped() -> Int { dropped.exchange(0, ordering: .relaxed) }
        }
    }

    /// An event in the format of server-sent events.
    func eventFrame(of event: some PolicyEvent) -> String {
        let details = EventDetails(event)
        var members: [String: ConfigurationValue] = [
            "source": .string(event.source), "severity": .string("\(event.severity)"),
        ]
        for (key, value) in details.values { members[key] = ConfigurationValue(value) }
        if let error = details.error { members["error"] = .string("\(type(of: error))") }
        // A name of the user's own event must not end the line.
        let name = String(event.name.map { $0.isNewline ? " " : $0 })
        return "event: \(name)\ndata: \(ConfigurationValue.object(members))\n\n"
    }

    extension ConfigurationValue {
        fileprivate init(_ value: EventDetails.Value) {
            self =
                switch value {
                case .text(let text): .string(text)
                case .integer(let number): .integer(number)
                case .number(let number): .number(number)
                case .flag(let flag): .boolean(flag)
                }
        }
    }
#endif
