/// The upper bounds by which a histogram sorts durations.
public struct HistogramBuckets: Sendable, Hashable {
    /// The bounds, increasing. A duration is in the first bucket whose bound it does not exceed; there is one more
    /// bucket for those above the last.
    public let bounds: [Duration]

    /// 1, 2.5, 5, 10, 25, 50, 100, 250 and 500 milliseconds, 1, 2.5, 5 and 10 seconds.
    public static let standard = HistogramBuckets(
        checked: [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000].map { .microseconds(Int($0 * 1000)) })

    /// Creates buckets with these bounds.
    ///
    /// - Parameter bounds: 1 to 100 durations of at least 1 ns, each longer than the one before.
    /// - Throws: All faults of the bounds.
    public init(_ bounds: [Duration]) throws(ConfigurationError) {
        var check = ConfigurationCheck("buckets")
        check.require("count", bounds.count, in: 1...100)
        for (index, bound) in bounds.enumerated() { check.require(positive: "\(index)", bound) }
        for (index, pair) in zip(bounds, bounds.dropFirst()).enumerated() {
            check.require(
                pair.0.saturatedNanoseconds < pair.1.saturatedNanoseconds, "\(index + 1)", "\(pair.1)",
                "is not above \(pair.0)")
        }
        try check.finish()
        self.init(checked: bounds)
    }

    /// Creates buckets each of which is wider than the one before by a factor.
    ///
    /// - Parameters:
    ///   - first: The first bound, at least 1 ns.
    ///   - factor: What each bound is multiplied by to get the next, 1.01 to 1000. Default: 2.
    ///   - count: How many bounds there are, 1 to 100.
    /// - Throws: All faults.
    public static func exponential(
        from first: Duration, factor: Double = 2, count: Int
    ) throws(ConfigurationError) -> HistogramBuckets {
        var check = ConfigurationCheck("buckets")
        check.require(positive: "first", first)
        check.require("factor", factor, in: 1.01...1000)
        check.require("count", count, in: 1...100)
        try check.finish()
        return try HistogramBuckets((0..<count).map { first.multipliedSaturated(by: factor.raised(to: $0)) })
    }

    private init(checked bounds: [Duration]) {
        self.bounds = bounds
    }
}
