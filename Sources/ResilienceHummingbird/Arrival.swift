#if Hummingbird
    internal import HTTPTypes
    public import Resilience

    /// What a request said about itself when it came.
    struct Arrival: Sendable {
        /// With the deadline and the priority of the request.
        var context: CallContext
        /// Whether there is a deadline, the client's or the server's.
        var hasDeadline = false
        /// Whether the client gave one. It has gone by then, and so needs no body either.
        var isBoundByClient = false
        /// Whether the client's deadline had passed already.
        var isLate = false
        var priority: Bulkhead.Priority?

        /// Runs a handler, for which the priority is ``RequestPriority/current``.
        @concurrent
        func withPriority<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
            guard let priority else { return try await body() }
            return try await RequestPriority.$current.withValue(priority) { try await body() }
        }
    }

    /// The priority of the request that the current task works for.
    public enum RequestPriority {
        /// As the request's header says, for what the handler calls in turn; `nil` if it has none.
        ///
        /// ```swift
        /// let urgent = payments.setting(Bulkhead.Priority.self, to: RequestPriority.current ?? .normal)
        /// ```
        @TaskLocal public static var current: Bulkhead.Priority?
    }

    extension ServerGuards {
        /// Reads the fields of a request.
        func arrival(of fields: HTTPFields) -> Arrival {
            var arrival = Arrival(context: rootContext)
            if let limit = options.timeLimit {
                arrival.context.shortenDeadline(to: time.now.advanced(by: limit), on: time)
                arrival.hasDeadline = true
            }
            return arrival
        }
    }
#endif
