public import ResilienceCore

extension Bulkhead {
    /// How important a call is: of the calls that wait, the highest priority is served first.
    ///
    /// ```swift
    /// let urgent = bulkhead.setting(Bulkhead.Priority.self, to: .high)
    /// ```
    ///
    /// A priority is read where a call finds no free slot; a call that runs is never stopped for another. As long as
    /// calls of a higher priority wait, none of a lower one is served: what bounds its wait is the queue's
    /// ``Queue/maxWait``. Calls that are to get a part of the slots in any case need a partition.
    public struct Priority: Sendable, Hashable, Comparable, Codable, ContextKey {
        /// What the context holds under this key.
        public typealias Value = Priority

        /// The higher, the more important. Any number; ``normal`` is 0.
        public let rawValue: Int

        /// Creates a priority with a custom value.
        public init(_ rawValue: Int) {
            self.rawValue = rawValue
        }

        /// For what can wait: -100.
        public static let low = Priority(-100)
        /// For calls that do not say: 0.
        public static let normal = Priority(0)
        /// For calls that someone waits for: 100.
        public static let high = Priority(100)

        /// Whether one is less important than another.
        public static func < (lhs: Priority, rhs: Priority) -> Bool { lhs.rawValue < rhs.rawValue }
    }

    /// A named share of the slots, for the calls of one tenant or kind.
    ///
    /// Made by ``Bulkhead/partition(_:)``, for calls through the bulkhead alone. In a policy, the context says which
    /// partition a call belongs to: `policy.setting(Bulkhead.Partition.self, to: "gold")`.
    ///
    /// A free slot may be taken by any partition, also beyond its share. When none is free, the next goes to a call
    /// whose partition has less than its share, before all others. So a partition that asks for no more than its
    /// share gets it as soon as calls of the partitions that borrowed have ended; with
    /// ``Configuration/partitionsBorrow`` `false`, at once.
    public struct Partition: Strategy, ContextKey {
        /// What the context holds under this key: the partition's name.
        public typealias Value = String

        /// The bulkhead whose slots it shares.
        public let bulkhead: Bulkhead

        /// The partition's name. If the configuration has none of that name, calls belong to what the shares leave.
        public let name: String

        /// The context of a call that goes through this partition alone.
        public var rootContext: Context { bulkhead.rootContext }

        /// The number of slots that the share guarantees: rounded by the largest remainders, so that those of all
        /// partitions add up.
        public var guaranteed: Int { read { state, part in state.parts[part].guaranteed } }

        /// The slots in use.
        public var inUse: Int { read { state, part in state.inUse(part) } }

        /// How many calls wait.
        public var waiting: Int { read { state, part in state.parts[part].line.count } }

        /// Runs the rest of a call when there is a slot for it.
        ///
        /// - Throws: ``RejectedError`` if there is none; `CancellationError` if the caller cancelled while waiting;
        ///   otherwise what `next` threw.
        public nonisolated(nonsending) func execute(
            _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
        ) async throws {
            var admission = try bulkhead.admitAtOnce()
            if !admission.isGranted {
                admission = try await bulkhead.admit(context, name)
                if bulkhead.marksCalls { return try await bulkhead.executeMarked(admission, context, next) }
            }
            do {
                try await next(context)
            } catch {
                bulkhead.failed(admission, error, context)
                throw error
            }
            bulkhead.succeeded(admission)
        }

        /// This partition as one layer: `Bulkhead(payments/gold)`.
        public var layers: [LayerDescription] {
            [LayerDescription(pattern: "Bulkhead", detail: "\(bulkhead.name)/\(name)", strategy: self)]
        }

        /// Adds an observer of the bulkhead's events.
        public func addObserver(_ observer: any PolicyObserver) { bulkhead.addObserver(observer) }

        /// Adds what the bulkhead measures; once, where several of its partitions are layers.
        public func collect(into metrics: inout MetricCollection) { metrics.collect(bulkhead) }

        private func read(_ value: (borrowing State, Int) -> Int) -> Int {
            bulkhead.withState { state in value(state, state.part(name)) }
        }
    }

    /// A partition, by name.
    public func partition(_ name: String) -> Partition {
        Partition(bulkhead: self, name: name)
    }
}
