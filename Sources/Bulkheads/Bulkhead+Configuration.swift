public import ResilienceCore

extension Bulkhead {
    /// How many calls may run at once, and what becomes of the others.
    ///
    /// By default, 25 calls, as in resilience4j, and no queue: what does not fit is rejected at once.
    public struct Configuration: Sendable {
        /// How many calls may run at once. Default: 25.
        public var limit: Limit

        /// Where calls wait that find no free slot. Default: ``Queue/none``.
        public var queue: Queue

        /// Shares of the limit for named partitions, each 0 to 1, together at most 1. What they leave belongs to the
        /// calls without a partition. Default: no partitions.
        public var partitions: [String: Double]

        /// Whether a partition may take more than its share while slots are free. Otherwise its share is all it gets,
        /// and what it leaves unused stays unused. Default: `true`.
        public var partitionsBorrow: Bool

        /// Creates a configuration; every part has a default.
        public init(
            limit: Limit = .fixed(25), queue: Queue = .none, partitions: [String: Double] = [:],
            partitionsBorrow: Bool = true
        ) {
            self.limit = limit
            self.queue = queue
            self.partitions = partitions
            self.partitionsBorrow = partitionsBorrow
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("bulkhead")
            limit.check(&check)
            queue.check(&check)
            for (name, share) in partitions.sorted(by: { $0.key < $1.key }) {
                check.require("partitions".step(name), share, in: 0...1)
            }
            let sum = partitions.values.reduce(0, +)
            // Sums of decimal fractions miss the whole by a little. One that is no number has been reported above.
            check.require(!(sum > 1 + 1e-9), "partitions", "a sum of \(sum)", "is above 1")
            try check.finish()
        }
    }

    /// Where calls wait that find no free slot.
    ///
    /// A call that waits costs no thread, and a cancelled one leaves at once. Higher priorities are served first
    /// (``Priority``). A full queue keeps the calls that would be served first: a call that comes to it is rejected,
    /// unless it would be served before a waiting call, which is then rejected in its place.
    public struct Queue: Sendable, Hashable {
        /// How many calls may wait at once, 0 to 1 000 000. 0 for no queue.
        public var capacity: Int

        /// How long a call may wait, at least 1 ns; a call whose deadline comes sooner waits until that. `nil` for no
        /// other bound than the deadline. Default: 1 s.
        public var maxWait: Duration?

        /// Which of the calls of one priority is served first. Default: the oldest.
        public var order: Order

        /// Creates a queue.
        public init(capacity: Int, maxWait: Duration? = .seconds(1), order: Order = .oldestFirst) {
            self.capacity = capacity
            self.maxWait = maxWait
            self.order = order
        }

        /// No call waits.
        public static let none = Queue(capacity: 0)

        func check(_ check: inout ConfigurationCheck) {
            check.require("queue.capacity", capacity, in: 0...1_000_000)
            if let maxWait { check.require(positive: "queue.maxWait", maxWait) }
        }
    }

    /// Which of the calls that wait is served first, of those with the same priority.
    public enum Order: String, Sendable, Hashable, Codable, CaseIterable {
        /// First come, first served.
        case oldestFirst
        /// Last come, first served. Under lasting overload the newest calls are those whose callers still wait: they
        /// are answered in time, where first come, first served answers all of them late.
        case newestFirst
    }
}
