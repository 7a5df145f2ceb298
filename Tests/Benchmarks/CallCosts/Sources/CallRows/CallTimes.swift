/// What a call of a row takes, in nanoseconds, for one caller and for each of two at once.
public struct CallTimes: Sendable {
    /// The fastest, the median and the slowest of some samples.
    public struct Spread: Sendable {
        /// The least.
        public let fastest: Double
        /// The middle one.
        public let median: Double
        /// The most.
        public let slowest: Double

        init(_ samples: [Double]) {
            let sorted = samples.sorted()
            fastest = sorted[0]
            median = sorted[sorted.count / 2]
            slowest = sorted[sorted.count - 1]
        }
    }

    /// A call of one caller alone.
    public let one: Spread
    /// A call of each of two callers at once.
    public let two: Spread

    /// Measures a row: nine samples of about 20 ms for one caller, and nine of about twice that for two.
    public static func measure(_ row: Row) async throws -> CallTimes {
        let one = try row.prepared()
        var count = 100
        while try await time(one, count) * Double(count) < 20_000_000 { count *= 2 }
        let two = try row.withTwoCallers().prepared()
        // It takes the second caller a while to be woken.
        _ = try await time(two, count)
        return CallTimes(one: try await spread(one, count), two: try await spread(two, 2 * count))
    }

    private static func spread(_ loop: Row.Loop, _ count: Int) async throws -> Spread {
        var samples: [Double] = []
        for _ in 1...9 { samples.append(try await time(loop, count)) }
        return Spread(samples)
    }

    /// Nanoseconds a call.
    private static func time(_ loop: Row.Loop, _ count: Int) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        try await loop(count)
        return (clock.now - start) / .nanoseconds(count)
    }
}
