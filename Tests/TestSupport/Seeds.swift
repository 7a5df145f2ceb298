package import ResilienceCore

/// Runs a test for each seed, with randomness of its own. What it throws ends the test, and is thrown on together with
/// the seed; expectations that it makes say the seed themselves.
package func forSeeds(
    _ seeds: some Sequence<UInt64>, _ body: (UInt64, inout SplitMix64) throws -> Void
) rethrows {
    for seed in seeds {
        var random = SplitMix64(seed: seed)
        do { try body(seed, &random) } catch { throw SeedError(seed: seed, error: error) }
    }
}

/// As above, for tests that wait for something.
package func forSeeds(
    _ seeds: some Sequence<UInt64>, _ body: (UInt64, inout SplitMix64) async throws -> Void
) async rethrows {
    for seed in seeds {
        var random = SplitMix64(seed: seed)
        do { try await body(seed, &random) } catch { throw SeedError(seed: seed, error: error) }
    }
}

/// An error, and the seed for which it was thrown.
package struct SeedError: Error, CustomStringConvertible {
    package let seed: UInt64
    package let error: any Error

    package var description: String { "seed \(seed): \(error)" }
}

/// What is not as expected: thrown where all that follows would differ as well.
package struct Difference: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
