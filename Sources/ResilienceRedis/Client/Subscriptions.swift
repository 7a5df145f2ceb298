#if Redis
    internal import ResilienceCore
    internal import Retries

    /// All listeners of a client, over one connection, which exists while there are any.
    final class Subscriptions: Sendable {
        struct Listener: Sendable {
            var onMessage: @Sendable (_ channel: String, _ message: String) -> Void
            /// Called when a channel is listened to again, after messages may have been missed.
            var onGap: @Sendable (_ channel: String) -> Void
        }

        private struct Subscriber {
            var channels: Set<String>
            /// Ends by an error only.
            var end: Waiter<Void>
        }

        private struct State {
            var subscribers: [Int: Subscriber] = [:]
            /// By channel, then by subscriber.
            var listeners: [String: [Int: Listener]] = [:]
            var lastNumber = 0
            var connection: RedisConnection?
            /// How many connections there were since the first listener came.
            var connections = 0
            var task: Task<Void, Never>?
            var isClosed = false
        }

        private let settings: ConnectionSettings
        private let random: RandomSource
        private let addresses: @Sendable () -> [RedisAddress]
        private let state = Lock(State())

        /// - Parameter addresses: The servers to try, one after the other.
        init(
            _ settings: ConnectionSettings, _ random: RandomSource,
            addresses: @escaping @Sendable () -> [RedisAddress]
        ) {
            (self.settings, self.random, self.addresses) = (settings, random, addresses)
        }

        /// How many channels have listeners.
        var channelCount: Int { state.withLock { $0.listeners.count } }

        func subscribe(to channels: [String], _ listener: Listener) async throws {
            try Task.checkCancellation()
            let subscriber = Subscriber(channels: Set(channels), end: Waiter())
            guard let number = add(subscriber, listener) else {
                throw SharedStateError.unavailable("the client was closed")
            }
            defer { remove(number) }
            try await subscriber.end.value(withdraw: { true })
        }

        private func add(_ subscriber: Subscriber, _ listener: Listener) -> Int? {
            let (number, connection, new) = state.withLock { state -> (Int?, RedisConnection?, [String]) in
                guard !state.isClosed else { return (nil, nil, []) }
                state.lastNumber += 1
                let number = state.lastNumber
                var new: [String] = []
                for channel in subscriber.channels {
                    if state.listeners[channel] == nil { new.append(channel) }
                    state.listeners[channel, default: [:]][number] = listener
                }
                state.subscribers[number] = subscriber
                if state.task == nil {
                    weak let subscriptions = self
                    state.task = Task(name: "redis channels") { await Self.run { subscriptions } }
                }
                return (number, state.connection, new)
            }
            if let connection, !new.isEmpty { connection.send(["SUBSCRIBE"] + new) }
            return number
        }

        private func remove(_ number: Int) {
            let (connection, old, task) = state.withLock {
                state -> (RedisConnection?, [String], Task<Void, Never>?) in
                guard let subscriber = state.subscribers.removeValue(forKey: number) else { return (nil, [], nil) }
                var old: [String] = []
                for channel in subscriber.channels {
                    state.listeners[channel]?[number] = nil
                    if state.listeners[channel]?.isEmpty == true {
                        state.listeners[channel] = nil
                        old.append(channel)
                    }
                }
                guard state.subscribers.isEmpty else { return (state.connection, old, nil) }
                defer { (state.connection, state.connections, state.task) = (nil, 0, nil) }
                return (state.connection, [], state.task)
            }
            task?.cancel()
            if task != nil {
                connection?.close()
            } else if !old.isEmpty {
                connection?.send(["UNSUBSCRIBE"] + old)
            }
        }

        func close() {
            let (connection, task, ends) = state.withLock {
                state -> (RedisConnection?, Task<Void, Never>?, [Waiter<Void>]) in
                state.isClosed = true
                defer { (state.connection, state.task) = (nil, nil) }
                return (state.connection, state.task, state.subscribers.values.map(\.end))
            }
            task?.cancel()
            connection?.close()
            for end in ends { end.finish(with: .failure(SharedStateError.unavailable("the client was closed"))) }
        }

        private func publish(_ channel: String, _ message: String) {
            let listeners = state.withLock { state in state.listeners[channel].map { Array($0.values) } ?? [] }
            for listener in listeners { listener.onMessage(channel, message) }
        }

        private func subscribed(to channel: String) {
            let listeners = state.withLock { state -> [Listener] in
                guard state.connections > 1 else { return [] }
                return state.listeners[channel].map { Array($0.values) } ?? []
            }
            for listener in listeners { listener.onGap(channel) }
        }

        // MARK: The connection

        /// Keeps a connection until there are no listeners. Holds the subscriptions only while it works on them.
        private static func run(_ subscriptions: @Sendable () -> Subscriptions?) async {
            guard let settings = subscriptions()?.settings, let random = subscriptions()?.random else { return }
            var delays = BackoffDelays(
                settings.configuration.backoff, cap: settings.configuration.maxDelay, random: random)
            var attempt = 0
            while !Task.isCancelled {
                let begin = ContinuousClock.now
                let error = await subscriptions()?.listen(attempt)
                guard let error, !Task.isCancelled else { return }
                switch error {
                case .unavailable, .timedOut: break
                default:
                    subscriptions()?.fail(error)
                    return
                }
                attempt &+= 1
                if .now - begin > settings.configuration.maxDelay { delays.reset() }
                try? await Task.sleep(for: delays.next(after: error))
            }
        }

        /// Listens over one connection until it is lost.
        private func listen(_ attempt: Int) async -> SharedStateError {
            let addresses = addresses()
            let lost = Waiter<SharedStateError>()
            do {
                let connection = try await RedisConnection.open(
                    to: addresses[attempt % addresses.count], settings,
                    onMessage: { [weak self] in self?.publish($0, $1) },
                    onSubscribed: { [weak self] in self?.subscribed(to: $0) },
                    onClose: { lost.finish(with: .success($0)) })
                guard let channels = adopt(connection) else {
                    connection.close()
                    return .unavailable("nobody listens")
                }
                connection.send(["SUBSCRIBE"] + channels)
                return try await lost.value()
            } catch {
                return error as? SharedStateError ?? .unavailable("no connection to listen on")
            }
        }

        /// The channels to ask for, if there are listeners.
        private func adopt(_ connection: RedisConnection) -> [String]? {
            state.withLock { state in
                guard !state.isClosed, !state.listeners.isEmpty, !Task.isCancelled else { return nil }
                state.connection = connection
                state.connections += 1
                return Array(state.listeners.keys)
            }
        }

        private func fail(_ error: SharedStateError) {
            let ends = state.withLock { state -> [Waiter<Void>] in
                (state.connection, state.task) = (nil, nil)
                return state.subscribers.values.map(\.end)
            }
            for end in ends { end.finish(with: .failure(error)) }
        }
    }
#endif
