/// Randomness as strategies see it: numbers from 0 to 1.
///
/// Injected where something is drawn (jitter), so that tests decide what is drawn.
public struct RandomSource: Sendable {
    private let draw: @Sendable () -> Double

    /// Draws from a function, which may be called from several tasks at once. Results are clamped to 0…1.
    public init(_ draw: @escaping @Sendable () -> Double) {
        self.draw = draw
    }

    /// The system's generator.
    public static let system = RandomSource { Double.random(in: 0...1) }

    /// Always the same number.
    public static func constant(_ value: Double) -> RandomSource {
        RandomSource { value }
    }

    /// A reproducible sequence (SplitMix64): the same seed gives the same numbers.
    public static func seeded(_ seed: UInt64) -> RandomSource {
        let generator = SharedGenerator(SplitMix64(seed: seed))
        return RandomSource { generator.next() }
    }

    /// The next number, from 0 to 1.
    public func next() -> Double {
        let value = draw()
        return value >= 0 ? min(value, 1) : 0
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

private final class SharedGenerator: Sendable {
    private let generator: Lock<SplitMix64>

    init(_ generator: SplitMix64) {
        self.generator = Lock(generator)
    }

    func next() -> Double {
        generator.withLock { Double.random(in: 0...1, using: &$0) }
    }
}
