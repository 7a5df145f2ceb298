#if Redis
    /// Sends commands to a Redis or Valkey server: ``RedisClient``, or any other client behind a few lines of yours.
    ///
    /// Words and texts only, so that every client fits. All members may be used from any task at once.
    public protocol RedisCommands: Sendable {
        /// Sends a command and waits for its reply, in bounded time.
        ///
        /// - Parameter words: The command and its arguments: `["GET", "greeting"]`.
        /// - Returns: What the server replied. Its errors are values, too: ``RedisReply/error(_:)``.
        /// - Throws: Any error if there is no reply: `SharedStateError` where it is known why.
        func send(_ words: [String]) async throws -> RedisReply
    }

    /// Listens to what is published on a Redis or Valkey server.
    public protocol RedisChannels: Sendable {
        /// Listens to channels until the task is cancelled.
        ///
        /// It may miss messages, while a connection is lost for example.
        ///
        /// - Parameters:
        ///   - channels: The names of the channels, at least one.
        ///   - onMessage: Called with a channel and a message, one after the other. Returns quickly.
        /// - Throws: `CancellationError` once cancelled; any other error when it cannot listen any longer.
        func subscribe(
            to channels: [String], onMessage: @escaping @Sendable (_ channel: String, _ message: String) -> Void
        ) async throws
    }

    /// What a server replies, as far as any version of the protocol has it.
    ///
    /// What only RESP3 has is told as in RESP2: a map as an array of keys and values, a set as an array, a boolean as 0
    /// or 1, a number with a fraction as its text.
    public enum RedisReply: Sendable, Hashable {
        /// Nothing.
        case null
        /// A whole number.
        case integer(Int64)
        /// A text. What is no UTF-8 in it is replaced by U+FFFD.
        case string(String)
        /// Several.
        case array([RedisReply])
        /// The server's error, which begins with its code: `NOSCRIPT No matching script.`
        case error(String)
    }
#endif
