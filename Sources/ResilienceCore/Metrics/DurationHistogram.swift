internal import Synchronization

/// Durations, counted in buckets: lock-free, and of constant size.
///
/// Any number of tasks may record and read at once. Recording is two atomic additions.
public final class DurationHistogram: @unchecked Sendable {
    // Unchecked: the pointers never change, what `cells` points to are atomics, and what `limits` points to is
    // constant.

    /// The bounds of the buckets.
    public let buckets: HistogramBuckets

    private let limits: UnsafeMutablePointer<Int64>
    private let count: Int

    /// The number of durations in each bucket, then the nanoseconds of all: low word, high word.
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>

    /// Creates a histogram without durations.
    public init(_ buckets: HistogramBuckets = .standard) {
        self.buckets = buckets
        count = buckets.bounds.count
        limits = .allocate(capacity: count)
        for (index, bound) in buckets.bounds.enumerated() {
            (limits + index).initialize(to: bound.saturatedNanoseconds)
        }
        cells = .allocate(capacity: count + 3)
        for index in 0..<count + 3 { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count + 3)
        cells.deallocate()
        limits.deallocate()
    }

    /// Adds a duration; a negative one counts as zero.
    public func record(_ duration: Duration) {
        record(nanoseconds: duration.saturatedNanoseconds)
    }

    func record(nanoseconds: Int64) {
        var bucket = 0
        while bucket < count, nanoseconds > limits[bucket] { bucket &+= 1 }
        cells[bucket].wrappingAdd(1, ordering: .relaxed)
        let amount = UInt64(max(0, nanoseconds))
        let (before, after) = cells[count &+ 1].wrappingAdd(amount, ordering: .relaxed)
        // Once in 584 years of calls, which a thousand concurrent ones spend in seven months.
        if after < before { cells[count &+ 2].wrappingAdd(1, ordering: .relaxed) }
    }

    /// The durations so far.
    ///
    /// The number of all is the sum of the buckets as they were read, and so always agrees with them; and neither ever
    /// decreases, because no bucket does. Of a call that is recorded during the reading, the sum may know already
    /// and the buckets not yet, or the other way round: no ratio of the two is off by more than such calls.
    public var snapshot: Snapshot {
        let counts = [Int](unsafeUninitializedCapacity: count + 1) { buffer, initialized in
            for index in 0...count { buffer[index] = Int(clamping: cells[index].load(ordering: .relaxed)) }
            initialized = count + 1
        }
        let high = cells[count + 2].load(ordering: .relaxed)
        let low = cells[count + 1].load(ordering: .relaxed)
        return Snapshot(buckets: buckets, counts: counts, nanoseconds: UInt128(high) << 64 | UInt128(low))
    }

    /// The durations of a histogram at one moment.
    public struct Snapshot: Sendable, Hashable {
        /// The bounds of the buckets.
        public let buckets: HistogramBuckets
        /// How many durations are in each bucket; the last is for those above all bounds. Not cumulative.
        public let counts: [Int]
        /// The sum of all durations, in nanoseconds.
        package let nanoseconds: UInt128

        /// Both together; `nil` if the buckets differ.
        package func adding(_ other: Snapshot) -> Snapshot? {
            guard buckets == other.buckets else { return nil }
            let sum = nanoseconds.addingReportingOverflow(other.nanoseconds)
            return Snapshot(
                buckets: buckets, counts: zip(counts, other.counts).map { $0.addingSaturated($1) },
                nanoseconds: sum.overflow ? .max : sum.partialValue)
        }

        /// How many durations there are.
        public var count: Int { counts.reduce(0) { $0.addingSaturated($1) } }

        /// The sum of all durations, to the nanosecond; the longest there is if it does not fit.
        public var sum: Duration {
            // The longest that tells its seconds as an `Int64`.
            let bounded = min(nanoseconds, UInt128(Int64.max) * 1_000_000_000 + 999_999_999)
            return Duration(attoseconds: Int128(bounded) * 1_000_000_000)
        }
    }
}
