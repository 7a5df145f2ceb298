internal import ResilienceCore
public import Synchronization

/// The totals of a fallback since it was created. Each number only grows.
public struct FallbackTotals: Sendable, Hashable, Codable {
    /// Calls that the operation answered.
    public internal(set) var succeeded = 0
    /// Calls that a step answered.
    public internal(set) var served = 0
    /// Calls that no step answered.
    public internal(set) var exhausted = 0
    /// Calls that failed with an error for which there is no fallback.
    public internal(set) var unhandled = 0
    /// Calls that the caller cancelled.
    public internal(set) var cancelled = 0
    /// The steps by name; also those that an update has removed.
    public internal(set) var steps: [String: Step] = [:]

    /// Every call.
    public var calls: Int { [succeeded, served, exhausted, unhandled, cancelled].reduce(0) { $0.addingSaturated($1) } }

    /// The sums of two totals, for example of several fallbacks. Steps of one name are added.
    public static func + (lhs: Self, rhs: Self) -> Self {
        var sum = lhs.adding(rhs)
        sum.steps = lhs.steps.merging(rhs.steps) { $0 + $1 }
        return sum
    }

    /// The totals of a step since it was created. Each number only grows.
    public struct Step: Sendable, Hashable, Codable {
        /// Calls that it answered.
        public internal(set) var succeeded = 0
        /// Calls for which its action threw an error.
        public internal(set) var failed = 0
        /// Calls for which its action threw an error after its time limit.
        public internal(set) var timedOut = 0
        /// Calls that it refused because it was full.
        public internal(set) var rejected = 0
        /// Calls for which it was not tried: not for their error, no value, or no time.
        public internal(set) var skipped = 0
        /// Calls that the caller cancelled while they ran in it.
        public internal(set) var cancelled = 0
        /// How long its actions ran, whatever became of them.
        public internal(set) var latency = Latency()

        /// Every call that came to the step.
        public var calls: Int {
            [succeeded, failed, timedOut, rejected, skipped, cancelled].reduce(0) { $0.addingSaturated($1) }
        }

        /// The sums of two; the longest time is the longer of both.
        public static func + (lhs: Self, rhs: Self) -> Self {
            var sum = lhs.adding(rhs)
            sum.latency = lhs.latency.adding(rhs.latency)
            sum.latency.longest = max(lhs.latency.longest, rhs.latency.longest)
            return sum
        }
    }

    /// How long actions ran.
    public struct Latency: Sendable, Hashable, Codable {
        /// How many ran.
        public internal(set) var count = 0
        /// All their times together, to the nanosecond.
        public internal(set) var total = Duration.zero
        /// The longest time.
        public internal(set) var longest = Duration.zero

        /// The mean time; `nil` if none ran.
        public var mean: Duration? { count == 0 ? nil : total / count }

        mutating func add(_ duration: Duration) {
            count.increment()
            // The sum of two spans of at most 292 years fits, and is cut to as much.
            let most = Duration.nanoseconds(Int64.max)
            total = min(total + min(duration, most), most)
            longest = max(longest, duration)
        }
    }
}

/// The ends of calls while they are counted. Relaxed: each is a sum, and no other memory depends on it.
@usableFromInline
final class FallbackCounters: Sendable {
    @usableFromInline let succeeded = Atomic(0)
    @usableFromInline let served = Atomic(0)
    @usableFromInline let exhausted = Atomic(0)
    @usableFromInline let unhandled = Atomic(0)
    @usableFromInline let cancelled = Atomic(0)

    var totals: FallbackTotals {
        FallbackTotals(
            succeeded: succeeded.load(ordering: .relaxed), served: served.load(ordering: .relaxed),
            exhausted: exhausted.load(ordering: .relaxed), unhandled: unhandled.load(ordering: .relaxed),
            cancelled: cancelled.load(ordering: .relaxed))
    }
}

extension FallbackTotals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.succeeded, \.served, \.exhausted, \.unhandled, \.cancelled]
    }
}

extension FallbackTotals.Step: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.succeeded, \.failed, \.timedOut, \.rejected, \.skipped, \.cancelled]
    }
}

extension FallbackTotals.Latency: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] { [\.count] }

    package static var durations: [WritableKeyPath<Self, Duration>] { [\.total] }
}
