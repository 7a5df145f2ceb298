import ResilienceCore
import ResilienceTesting
import Testing

@Suite struct RandomSourceTests {
    /// The first numbers of the reference implementation, https://prng.di.unimi.it/splitmix64.c.
    private static let reference: [(seed: UInt64, numbers: [UInt64])] = [
        (0, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]),
        (1_234_567, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]),
    ]

    @Test("The numbers are those of the reference implementation", arguments: reference)
    func generatesTheReferenceSequence(_ seed: UInt64, _ expected: [UInt64]) {
        var generator = SplitMix64(seed: seed)
        #expect(expected.map { _ in generator.next() } == expected)
    }

    @Test("The same seed gives the same numbers, spread evenly from 0 to 1")
    func theSameSeedGivesTheSameNumbers() {
        func numbers(_ seed: UInt64) -> [Double] {
            let source = RandomSource.seeded(seed)
            return (0..<100).map { _ in source.next() }
        }
        #expect(numbers(1) == numbers(1))
        #expect(numbers(1) != numbers(2))
        #expect(Set(numbers(1)).count == 100)
        #expect(numbers(1).allSatisfy { (0...1).contains($0) })
        let all: [Double] = (0..<100 as Range<UInt64>).flatMap(numbers)
        let mean = all.reduce(0, +) / 10_000
        #expect(abs(mean - 0.5) < 0.02)
    }

    @Test(
        "A drawn number stays from 0 to 1, and NaN is 0",
        arguments: [
            (0.25, 0.25), (0, 0), (1, 1), (-0.5, 0), (1.5, 1), (Double.infinity, 1), (-Double.infinity, 0), (.nan, 0),
        ])
    func staysFromZeroToOne(_ drawn: Double, _ expected: Double) {
        #expect(RandomSource { drawn }.next() == expected)
        #expect(RandomSource.constant(drawn).next() == expected)
    }

    @Test("The system draws different numbers from 0 to 1")
    func theSystemDrawsFromZeroToOne() {
        let numbers = (0..<1_000).map { _ in RandomSource.system.next() }
        #expect(numbers.allSatisfy { (0...1).contains($0) })
        #expect(Set(numbers).count > 900)
    }

    @Test("Tasks at the same time draw from one sequence, each number once")
    func tasksShareOneSequence() async {
        let source = RandomSource.seeded(7)
        let drawn = await withTaskGroup(of: [Double].self) { group in
            for _ in 0..<8 { group.addTask { (0..<1_000).map { _ in source.next() } } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        let alone = RandomSource.seeded(7)
        #expect(drawn.sorted() == (0..<8_000).map { _ in alone.next() }.sorted())
    }
}
