public import ResilienceCore

/// Checks that a `PauseStore` keeps pauses.
///
/// It uses services of names that nothing else uses, and waits for less than a second on the clock.
public struct PauseStoreConformance<C: Clock>: Sendable where C.Duration == Duration {
    private let store: any PauseStore
    private let clock: C
    private let prefix: String

    /// Creates a check of a store.
    ///
    /// - Parameters:
    ///   - store: The store, which must be reachable.
    ///   - prefix: What the names of services begin with. Default: a random text.
    ///   - clock: Time that passes as fast as the store's. Default: the continuous clock.
    public init(
        _ store: any PauseStore, prefix: String = "conformance-\(UInt64.random(in: .min ... .max))",
        clock: C = ContinuousClock()
    ) {
        (self.store, self.clock, self.prefix) = (store, clock, prefix)
    }

    /// Checks everything but what is heard of changes.
    ///
    /// - Returns: What does not hold; empty for a store that conforms.
    /// - Throws: What the store throws: it is to be reachable. `CancellationError` if the task is cancelled.
    public func violations() async throws -> [StoreViolation] {
        var found: [StoreViolation] = []
        func require(_ holds: Bool, _ rule: String, _ what: Duration) {
            if !holds { found.append(StoreViolation(rule, found: "\(what)")) }
        }
        let none = try await store.pause(prefix + "a", for: .zero)
        require(none == .zero, "A service that nobody has paused is not paused", none)
        let negative = try await store.pause(prefix + "a", for: .seconds(-5))
        require(negative == .zero, "No pause is shorter than none", negative)
        let long = try await store.pause(prefix + "a", for: .seconds(100))
        require(long > .seconds(90) && long <= .seconds(100), "A pause lasts as long as it was announced for", long)
        let short = try await store.pause(prefix + "a", for: .seconds(1))
        require(short > .seconds(90) && short <= .seconds(100), "A shorter pause does not end a longer one", short)
        let longer = try await store.pause(prefix + "a", for: .seconds(200))
        require(longer > .seconds(190) && longer <= .seconds(200), "A longer pause holds in place of a shorter", longer)
        let longest = try await store.pause(prefix + "longest", for: .seconds(10_000_000))
        require(longest <= .seconds(86_400) && longest > .seconds(86_000), "No pause is longer than a day", longest)
        for name in ["", "b", "a:", "{a}", "a\r\n", "a\u{0}", "ä", "A", String(repeating: "a", count: 1000)] {
            let other = try await store.pause(prefix + "n" + name, for: .zero)
            require(other == .zero, "Services of different names have nothing in common", other)
            _ = try await store.pause(prefix + "n" + name, for: .seconds(100))
        }
        // Before it is announced: the pause begins when the store hears of it, which may be long before it answers.
        let start = clock.now
        _ = try await store.pause(prefix + "over", for: .milliseconds(200))
        try await clock.sleep(for: .milliseconds(100))
        let half = try await store.pause(prefix + "over", for: .zero)
        require(
            half <= .milliseconds(150) && half >= .milliseconds(190) - start.duration(to: clock.now),
            "What is left of a pause becomes less as time passes", half)
        try await clock.sleep(for: .milliseconds(150))
        let over = try await store.pause(prefix + "over", for: .zero)
        require(over == .zero, "A pause ends", over)
        return found
    }
}
