#if Hummingbird
    internal import HTTPSemantics
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
            var remaining = options.timeLimit
            for field in options.deadlines {
                guard let client = unreadable.deadline(field, fields.lines) else { continue }
                arrival.isBoundByClient = true
                arrival.isLate = arrival.isLate || client <= .zero
                remaining = min(remaining ?? client, client)
            }
            if let remaining {
                arrival.hasDeadline = true
                arrival.context.shortenDeadline(to: time.now.advanced(by: remaining), on: time)
            }
            if let priority = options.priority.flatMap({ unreadable.priority($0, fields.lines) }) {
                arrival.priority = priority
                arrival.context[Bulkhead.Priority.self] = priority
            }
            return arrival
        }
    }

    extension HTTPFields {
        /// The values of a field, one for each line.
        fileprivate func lines(_ name: String) -> [String] {
            HTTPField.Name(name).map { self[values: $0] } ?? []
        }
    }
#endif
