import Foundation
package import ResilienceCore

/// How many random inputs a test of many draws: `count` in optimised code; in debug builds, which are run over and
/// over, a fifth; a fiftieth beside the thread sanitizer, for which one thread has nothing to find. At least one.
/// `RESILIENCE_INPUTS=5` draws five times as many, in each of them.
package func inputs(_ count: Int) -> Int {
    #if THREAD_SANITIZER
        let divisor = 50
    #elseif DEBUG
        let divisor = 5
    #else
        let divisor = 1
    #endif
    return max(1, count * factor / divisor)
}

/// As many seeds.
package func seeds(_ count: Int, from first: UInt64 = 0) -> Range<UInt64> { first..<first + UInt64(inputs(count)) }

/// The arguments of a test that takes long for each: in optimised code all of them, else the first, or as many as are
/// asked for.
package func part<Value>(of values: [Value]) -> [Value] { Array(values.prefix(inputs(values.count))) }

private let factor = max(1, ProcessInfo.processInfo.environment["RESILIENCE_INPUTS"].flatMap { Int($0) } ?? 1)

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
