/// How long to wait before a store that failed is tried again: at first 100 ms, then twice as long each time, up to a
/// longest delay; less a random part of up to half, so that nodes that lost it together do not come back together.
package struct StoreRetryDelay: Sendable {
    private static let growth = ExponentialGrowth(from: .milliseconds(100), factor: 2)
    /// The longest delay where none is configured.
    package static let longest = Duration.seconds(10)

    private var failures = 0

    package init() {}

    /// The delay after one more failure.
    ///
    /// - Parameters:
    ///   - longest: What it does not exceed, the first one included.
    ///   - random: From 0, for half of it, to 1.
    package mutating func next(upTo longest: Duration = Self.longest, random: Double) -> Duration {
        failures.increment()
        let whole = min(Self.growth.delay(failures), longest)
        return whole.multipliedSaturated(by: 0.5 + 0.5 * random)
    }

    /// The store works: the next failure is the first.
    package mutating func reset() { failures = 0 }
}
