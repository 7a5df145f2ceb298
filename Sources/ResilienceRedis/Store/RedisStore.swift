#if Redis
    internal import CircuitBreakers
    internal import RateLimiters
    internal import ResilienceCore

    /// What a fleet shares, on a Redis or Valkey server or a cluster of them: version 5 of Redis or newer.
    ///
    /// ```swift
    /// let store = RedisStore(try RedisClient("redis://cache.internal:6379"))
    /// ```
    ///
    /// Each exchange is one script, one round trip and one key. The server's clock counts, and every key has a time to
    /// live: nothing is left behind. What was written by a newer version of this library is not touched:
    /// `SharedStateError.incompatibleVersion`.
    public struct RedisStore: Sendable {
        /// The version of what is kept.
        static let version = 1

        let commands: any RedisCommands
        let channels: (any RedisChannels)?
        let keys: RedisKeys
        let operationLimit: Duration
        /// The server's clock in a test's place, in microseconds.
        var now: (@Sendable () -> Int64)?

        /// Creates a store over a client of this library.
        ///
        /// - Parameters:
        ///   - client: Sends the commands, each within its own ``RedisClient/Configuration/operationLimit``.
        ///   - prefix: What the names of all keys and channels begin with: for several fleets on one server. Any text.
        public init(_ client: RedisClient, prefix: String = "resilience") {
            self.init(commands: client, channels: client, prefix: prefix, operationLimit: .zero)
        }

        /// Creates a store over any other client.
        ///
        /// - Parameters:
        ///   - commands: Sends the commands.
        ///   - channels: Listens to what is published. `nil`: changes are seen when nodes ask, from time to time.
        ///   - prefix: What the names of all keys and channels begin with: for several fleets on one server. Any text.
        ///   - operationLimit: How long a command may take, above zero. Default: 100 ms.
        public init(
            commands: any RedisCommands, channels: (any RedisChannels)?, prefix: String = "resilience",
            operationLimit: Duration = .milliseconds(100)
        ) {
            (self.commands, self.channels) = (commands, channels)
            keys = RedisKeys(prefix: prefix)
            self.operationLimit = operationLimit
        }

        /// Asks whether the server is there and does what is needed: scripts that read the clock, write and
        /// publish.
        ///
        /// For a start that fails where a fleet's state is required.
        ///
        /// - Throws: `SharedStateError`; `CancellationError` if the task is cancelled.
        public func check() async throws {
            if let client = commands as? RedisClient { try await client.connect() }
            guard case .integer(1) = try await run(.check, keys.check, [keys.pauses]).first else {
                throw SharedStateError.malformed("the reply of a script")
            }
        }

        // MARK: Scripts

        /// Runs a script on a key.
        ///
        /// - Returns: The elements of its reply.
        /// - Throws: `SharedStateError`, or `CancellationError`.
        func run(_ script: RedisScript, _ key: String, _ arguments: [String]) async throws -> [RedisReply] {
            let rest = ["1", key, "\(Self.version)", now.map { "\($0())" } ?? ""] + arguments
            var reply = try await send(["EVALSHA", script.sha1] + rest)
            if case .error(let text) = reply, text.hasPrefix("NOSCRIPT") || text.hasPrefix("(Redis) NOSCRIPT") {
                reply = try await send(["EVAL", script.text] + rest)
            }
            switch reply {
            case .error(let text): throw SharedStateError(reply: text)
            case .array(let elements):
                if elements.count == 2, case .string("VERSION") = elements[0], case .integer(let found) = elements[1] {
                    throw SharedStateError.incompatibleVersion(found: Int(clamping: found), known: Self.version)
                }
                return elements
            default: throw SharedStateError.malformed("the reply of a script")
            }
        }

        private func send(_ words: [String]) async throws -> RedisReply {
            if commands is RedisClient { return try await commands.send(words) }
            let waiter = Waiter<RedisReply>()
            let commands = commands
            let task = Task(name: "redis command") {
                do {
                    waiter.finish(with: .success(try await commands.send(words)))
                } catch {
                    waiter.finish(with: .failure(Self.known(error)))
                }
            }
            let limit = operationLimit
            let timer = TimeSource.continuous.schedule(at: TimeSource.continuous.now.advanced(by: limit)) {
                waiter.finish(with: .failure(SharedStateError.timedOut(limit)))
                task.cancel()
            }
            defer { timer.cancel() }
            return try await waiter.value(withdraw: {
                task.cancel()
                return true
            })
        }

        /// Of another client's error only the type is told: what it says may hold anything.
        static func known(_ error: any Error) -> any Error {
            if error is SharedStateError || error is CancellationError { return error }
            return SharedStateError.unavailable("the client failed with \(type(of: error))")
        }

        /// Listens to channels.
        ///
        /// - Parameter onGap: Called with a channel of which messages may have been missed, where the client can tell.
        func listen(
            to names: [String], onMessage: @escaping @Sendable (String, String) -> Void,
            onGap: @escaping @Sendable (String) -> Void = { _ in }
        ) async throws {
            guard let channels else { throw SharedStateError.unavailable("this client has no channels") }
            do {
                if let client = channels as? RedisClient {
                    try await client.subscribe(to: names, onMessage: onMessage, onGap: onGap)
                } else {
                    try await channels.subscribe(to: names, onMessage: onMessage)
                }
            } catch {
                throw Self.known(error)
            }
            try Task.checkCancellation()
            throw SharedStateError.unavailable("the channels have ended")
        }
    }

    /// The elements of a reply or message, one after the other.
    struct ReplyReader {
        private var rest: ArraySlice<RedisReply>

        init(_ elements: [RedisReply]) {
            rest = elements[...]
        }

        mutating func integer() throws -> Int64 {
            guard case .integer(let number) = rest.popFirst() else { throw Self.malformed }
            return number
        }

        mutating func number() throws -> Int { Int(clamping: try integer()) }

        mutating func duration() throws -> Duration { .microseconds(max(0, try integer())) }

        mutating func text() throws -> String {
            guard case .string(let text) = rest.popFirst() else { throw Self.malformed }
            return text
        }

        private static let malformed = SharedStateError.malformed("the reply of a script")
    }
#endif
