internal import RateLimiters

/// Keys of a keyed limiter, all in use at once, for a process that looks at how its memory grows meanwhile.
///
/// Nothing else is kept: the keys are numbers, so that what each takes beside the limiter's own is known.
public struct KeyedKeys {
    /// What a key itself takes in the limiter.
    public static let bytesOfKey = MemoryLayout<UInt64>.size

    private let limiter: KeyedRateLimiter<UInt64>
    private let number: Int

    /// - Parameters:
    ///   - rule: The name of a rule. `nil` if there is no such rule.
    ///   - number: How many keys there will be.
    public init?(_ rule: String, _ number: Int) throws {
        // No permit comes back while the process lives.
        let rules: [String: RateLimiter.Rule] = [
            "tokenBucket": .tokenBucket(1, per: .seconds(86_400), burst: 10),
            "fixedWindow": .fixedWindow(10, per: .seconds(86_400)),
            "slidingWindow": .slidingWindow(10, per: .seconds(86_400)),
            "slidingLog": .slidingLog(10, per: .seconds(86_400)),
        ]
        guard let rule = rules[rule] else { return nil }
        limiter = try KeyedRateLimiter("keys", rule, maxKeys: number)
        self.number = number
    }

    /// Takes a permit of each key, and returns how many keys the limiter holds then.
    public func fill() -> Int {
        for key in 0..<UInt64(number) { _ = limiter.tryAcquire(for: key) }
        return limiter.count
    }
}
