internal import ResilienceCore

/// The most recent latencies, and exact percentiles of them. A pure value.
///
/// Kept in the order of arrival and in order of length: a latency costs two binary searches and moving part of an array
/// of machine words, a percentile one look.
struct LatencyWindow {
    private(set) var capacity: Int
    /// In the order of arrival; once full, starting at `oldest` and going round.
    private var recent: [Int64] = []
    private var oldest = 0
    private var sorted: [Int64] = []

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { sorted.count }

    mutating func record(_ latency: Duration) {
        let latency = max(0, latency.saturatedNanoseconds)
        if recent.count < capacity {
            recent.append(latency)
        } else {
            sorted.remove(at: firstIndex(notBelow: recent[oldest]))
            recent[oldest] = latency
            oldest = (oldest + 1) % capacity
        }
        sorted.insert(latency, at: firstIndex(notBelow: latency))
    }

    /// The least latency that at least this share of them does not exceed (nearest rank); `nil` if there are none.
    func percentile(_ share: Double) -> Duration? {
        guard !sorted.isEmpty else { return nil }
        // A share of 0.07 of 100 is 7, not the 7.000000000000001 that the multiplication gives.
        let rank = (share * Double(sorted.count) - 1e-9).rounded(.up)
        return .nanoseconds(sorted[min(sorted.count, max(1, Int(rank))) - 1])
    }

    /// Changes the capacity and keeps the latest.
    mutating func resize(to capacity: Int) {
        guard capacity != self.capacity else { return }
        let inOrder = recent[oldest...] + recent[..<oldest]
        self = LatencyWindow(capacity: capacity)
        for latency in inOrder.suffix(self.capacity) { record(.nanoseconds(latency)) }
    }

    private func firstIndex(notBelow latency: Int64) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < latency { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
