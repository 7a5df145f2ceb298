import ResilienceCore
import TestSupport
import Testing

@Suite struct SaturationTests {
    private static let edges: [Int64] = [.min, .min + 1, -2, -1, 0, 1, 2, .max - 1, .max]

    private func clamped(_ value: Int128) -> Int64 { Int64(clamping: value) }

    @Test("Sums and differences stay in range")
    func sumsAndDifferencesStayInRange() {
        for a in Self.edges {
            for b in Self.edges {
                #expect(a.addingSaturated(b) == clamped(Int128(a) + Int128(b)), "\(a) + \(b)")
                #expect(a.subtractingSaturated(b) == clamped(Int128(a) - Int128(b)), "\(a) - \(b)")
                #expect(Int(a).addingSaturated(Int(b)) == Int(clamped(Int128(a) + Int128(b))), "\(a) + \(b)")
            }
        }
    }

    @Test("A counter stays at its largest value")
    func aCounterStaysAtItsLargestValue() {
        var counter = Int.max - 1
        counter.increment()
        #expect(counter == .max)
        counter.increment()
        #expect(counter == .max)
        counter = -1
        counter.increment()
        #expect(counter == 0)
    }

    @Test("Nanoseconds are those of a 128-bit division, for every size of duration")
    func nanosecondsAreThoseOfA128BitDivision() {
        func check(_ attoseconds: Int128, _ seed: String) {
            let expected = clamped(attoseconds / 1_000_000_000)
            let actual = Duration(attoseconds: attoseconds).saturatedNanoseconds
            if actual != expected { Issue.record("\(attoseconds) as: \(actual) ns, expected \(expected); \(seed)") }
        }
        let nanosecond: Int128 = 1_000_000_000
        var centers: [Int128] = [0, nanosecond, 1 << 42, 1 << 51, 1 << 63, 1 << 64, 1 << 93, 1 << 94]
        centers += [Int128(Int64.max), Int128(Int64.max) * nanosecond, Int128(Int64.min) * nanosecond]
        centers += [1_953_125 << 42, 1_953_125 << 51, nanosecond << 42, nanosecond << 51]
        for center in centers {
            for offset in [-nanosecond - 1, -nanosecond, -nanosecond + 1, -1, 0, 1, nanosecond - 1, nanosecond] {
                check(center + offset, "edge")
                check(-(center + offset), "edge")
            }
        }
        check(.max, "edge")
        check(.min, "edge")
        check(.min + 1, "edge")
        forSeeds(0..<20) { seed, random in
            for _ in 0..<1_000 {
                // Every number of bits is as likely as any other.
                let bits = Int128.random(in: .min ... .max, using: &random)
                check(bits >> Int128.random(in: 0...127, using: &random), "seed \(seed)")
                // What clocks measure: whole nanoseconds, of every size, also more than fit.
                let nanoseconds = bits >> Int128.random(in: 31...127, using: &random)
                for offset in [-1, 0, 1] as [Int128] { check(nanoseconds * nanosecond + offset, "seed \(seed)") }
            }
        }
    }

    @Test("Products stay in range, and NaN gives zero")
    func productsStayInRange() {
        #expect(Duration.seconds(2).multipliedSaturated(by: 1.5) == .seconds(3))
        #expect(Duration.seconds(-2).multipliedSaturated(by: 0.5) == .seconds(-1))
        #expect(Duration.nanoseconds(3).multipliedSaturated(by: 0.5) == .nanoseconds(1))
        #expect(Duration.seconds(2).multipliedSaturated(by: 0) == .zero)
        #expect(Duration.seconds(2).multipliedSaturated(by: .nan) == .zero)
        #expect(Duration.zero.multipliedSaturated(by: .infinity) == .zero)
        let (largest, smallest) = (Duration.nanoseconds(Int64.max), Duration.nanoseconds(Int64.min))
        #expect(Duration.seconds(2).multipliedSaturated(by: .infinity) == largest)
        #expect(Duration.seconds(2).multipliedSaturated(by: -.infinity) == smallest)
        #expect(Duration.seconds(-2).multipliedSaturated(by: 1e300) == smallest)
        #expect(largest.multipliedSaturated(by: 1) == largest)
        #expect(smallest.multipliedSaturated(by: 1) == smallest)
        #expect(Duration(attoseconds: .max).multipliedSaturated(by: 1) == largest)
        #expect(Duration.nanoseconds(1).multipliedSaturated(by: 0x1p62) == .nanoseconds(1 << 62))
    }

    @Test("a whole power is the product of as many factors", arguments: [2, 3, 0.5, 1.01, -2, 10, 1, 0])
    func powers(base: Double) {
        var product = 1.0
        for exponent in 0..<70 {
            #expect(abs(base.raised(to: exponent) - product) <= abs(product) * 1e-12, "\(exponent)")
            product *= base
        }
        #expect(base.raised(to: -3) == 1)
        #expect(10.0.raised(to: 400) == .infinity && 2.0.raised(to: .max) == .infinity)
    }

    private static let forms: [(duration: Duration, sentence: String, short: String)] = [
        (.zero, "0 seconds", "0s"),
        (.nanoseconds(1), "1 nanosecond", "1ns"),
        (.nanoseconds(999), "999 nanoseconds", "999ns"),
        (.nanoseconds(-1), "-1 nanosecond", "-1ns"),
        (.nanoseconds(1_000), "1 microsecond", "1µs"),
        (.nanoseconds(1_500), "1.5 microseconds", "1.5µs"),
        (.nanoseconds(999_999), "999.999 microseconds", "999.999µs"),
        (.milliseconds(1), "1 millisecond", "1ms"),
        (.milliseconds(250), "250 milliseconds", "250ms"),
        (.microseconds(1_050), "1.05 milliseconds", "1.05ms"),
        (.nanoseconds(1_000_001), "1 millisecond", "1ms"),
        (.seconds(1), "1 second", "1s"),
        (.seconds(-1), "-1 second", "-1s"),
        (.milliseconds(-1_500), "-1.5 seconds", "-1.5s"),
        (.milliseconds(4_200), "4.2 seconds", "4.2s"),
        (.milliseconds(1_001), "1.001 seconds", "1.001s"),
        (.microseconds(4_200_900), "4.2 seconds", "4.2s"),
        (.seconds(10), "10 seconds", "10s"),
        (.seconds(3_600), "3600 seconds", "3600s"),
        (Duration(attoseconds: 1), "0 seconds", "0s"),
        (Duration(attoseconds: .min), "-9223372036.854 seconds", "-9223372036.854s"),
    ]

    @Test("A duration is told as people write it", arguments: forms)
    func readsAsPeopleWriteIt(_ duration: Duration, _ sentence: String, _ short: String) {
        #expect(duration.sentenceForm == sentence)
        #expect(duration.shortForm == short)
    }
}
