/// Counts durations in buckets that grow with the value, so that a percentile is at most 3.2 % too high.
///
/// Two histograms can be added. From 1 µs to over an hour; what is outside counts in the first or last bucket.
struct LatencyHistogram: Sendable, Equatable {
    /// Buckets for each doubling; below twice this many microseconds every value has its own.
    private static let perDoubling = 32
    private static let doublings = 27

    private var counts = [Int](repeating: 0, count: perDoubling * (doublings + 1))
    private(set) var count = 0
    private(set) var longest = Duration.zero

    mutating func record(_ duration: Duration) {
        let duration = max(.zero, duration)
        counts[Self.bucket(duration.microseconds)] += 1
        count += 1
        longest = max(longest, duration)
    }

    mutating func add(_ other: LatencyHistogram) {
        guard other.count > 0 else { return }
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        longest = max(longest, other.longest)
    }

    /// The duration that a share of the values, 0 to 1, does not exceed; `nil` if there are none.
    func percentile(_ share: Double) -> Duration? {
        guard count > 0 else { return nil }
        let rank = min(count, max(1, Int((share * Double(count)).rounded(.up))))
        var seen = 0
        for (index, inBucket) in counts.enumerated() {
            seen += inBucket
            if seen >= rank { return min(.microseconds(Self.highest(in: index)), longest) }
        }
        return longest
    }

    private static func bucket(_ microseconds: Int64) -> Int {
        let value = Int(clamping: microseconds)
        guard value >= 2 * perDoubling else { return value }
        let doubling = Int.bitWidth - value.leadingZeroBitCount - 1 - perDoubling.trailingZeroBitCount
        guard doubling < doublings else { return perDoubling * (doublings + 1) - 1 }
        return doubling * perDoubling + value >> doubling
    }

    private static func highest(in bucket: Int) -> Int64 {
        guard bucket >= 2 * perDoubling else { return Int64(bucket) }
        let doubling = bucket / perDoubling - 1
        let lowest = (bucket - doubling * perDoubling) << doubling
        return Int64(lowest + 1 << doubling - 1)
    }
}

extension Duration {
    /// Whole microseconds, saturating.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds.magnitude < 1_000_000_000_000 else { return seconds < 0 ? .min : .max }
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    var seconds: Double { Double(microseconds) / 1_000_000 }
}
