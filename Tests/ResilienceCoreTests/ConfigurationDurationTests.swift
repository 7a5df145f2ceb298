import Testing

@testable import ResilienceCore

/// How durations are read from a document, and written.
@Suite("Configuration: durations")
struct ConfigurationDurationTests {
    @Test(
        "what is read",
        arguments: [
            ("0s", Duration.zero), ("2s", .seconds(2)), ("250ms", .milliseconds(250)), ("1m30s", .seconds(90)),
            ("1h", .seconds(3600)), ("1d", .seconds(86_400)), ("1d2h3m4s5ms6us7ns", .nanoseconds(93_784_005_006_007)),
            ("1.5s", .milliseconds(1500)), ("0.25ms", .microseconds(250)), ("10us", .microseconds(10)),
            ("10µs", .microseconds(10)), ("10μs", .microseconds(10)), ("1ns", .nanoseconds(1)), ("-5s", .seconds(-5)),
            ("0.5ns", Duration(attoseconds: 500_000_000)), ("007s", .seconds(7)), ("1.50m", .seconds(90)),
            ("90m", .seconds(5400)), ("1m0.5s", .milliseconds(60_500)), ("-1m30s", .seconds(-90)),
            // Less than an attosecond is left out.
            ("0.00000000019ns", .zero), ("1.0000000000000000009s", .seconds(1)),
        ])
    func read(text: String, duration: Duration) {
        #expect(Duration.reading(text) == .duration(duration))
    }

    @Test(
        "what is not",
        arguments: [
            "", "-", "2", "s", "ms", "2 s", " 2s", "2s ", "2S", "2sec", "1s1m", "1s1s", "1,5s", ".5s", "1.s", "1.5.5s",
            "+2s",
            "--2s", "2s-1ms", "PT2S", "1e3s", "٢s", "2\u{301}s", "s2", "2\0s", "infinity", "nan", "0", "0x2s", "1ms1m",
            "-s",
        ])
    func refused(text: String) {
        #expect(Duration.reading(text) == .malformed)
    }

    @Test(
        "more than a duration can hold",
        arguments: [
            String(repeating: "9", count: 21) + "s", String(repeating: "9", count: 400) + "ns",
            "170141183460469231731.687303715884105728s", "99999999999999999999999999999999999999d",
            "-999999999999999999999h", "170141183460469231731s999ms",
        ])
    func tooLong(text: String) {
        #expect(Duration.reading(text) == .tooLong)
        // What comes after decides first whether it is a duration at all.
        #expect(Duration.reading(text + "x") == .malformed)
    }

    @Test(
        "what is written",
        arguments: [
            (Duration.zero, "0s"), (.seconds(2), "2s"), (.milliseconds(250), "250ms"), (.seconds(90), "1m30s"),
            (.milliseconds(1500), "1.5s"), (.seconds(3600), "1h"), (.seconds(3601), "1h1s"), (.seconds(129_600), "36h"),
            (.microseconds(1500), "1.5ms"), (.nanoseconds(1), "1ns"), (.nanoseconds(1001), "1.001us"),
            (.milliseconds(60_500), "1m0.5s"), (.seconds(-90), "-1m30s"), (.milliseconds(-1), "-1ms"),
            (Duration(attoseconds: 1), "0.000000001ns"), (.milliseconds(999), "999ms"), (.seconds(60), "1m"),
        ])
    func written(duration: Duration, text: String) {
        #expect(duration.documentText == text)
        #expect(ConfigurationValue.duration(duration) == .string(text))
        #expect(Duration.reading(text) == .duration(duration))
    }

    @Test("the longest and the shortest, and nothing")
    func limits() {
        for duration in [Duration(attoseconds: .max), Duration(attoseconds: .min + 1)] {
            #expect(Duration.reading(duration.documentText) == .duration(duration))
        }
        // One attosecond further is written, but not read: nobody waits 5 000 000 000 000 years.
        #expect(Duration.reading(Duration(attoseconds: .min).documentText) == .tooLong)
        #expect(ConfigurationValue.duration(nil) == .null)
    }

    @Test("what is written is read back: 20 000 durations of all sizes")
    func roundTrip() {
        var generator = SplitMix64(seed: 11)
        for _ in 0..<20_000 {
            let bits = Int128(truncatingIfNeeded: generator.next()) << 64 | Int128(generator.next())
            var attoseconds = bits >> Int128.random(in: 0...127, using: &generator)
            if Bool.random(using: &generator) { attoseconds -= attoseconds % 1_000_000_000 }
            if attoseconds == .min { continue }
            let duration = Duration(attoseconds: attoseconds)
            #expect(Duration.reading(duration.documentText) == .duration(duration), "\(attoseconds)")
        }
    }

    @Test("random texts never trap")
    func noise() {
        var generator = SplitMix64(seed: 12)
        let pieces = [
            "1", "9", "0", ".", "-", "h", "m", "s", "d", "us", "µ", "ns", "99999999999999999999999", "é", " ",
        ]
        var read = 0
        for _ in 0..<50_000 {
            let text = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            guard case .duration(let duration) = Duration.reading(text) else { continue }
            read += 1
            #expect(Duration.reading(duration.documentText) == .duration(duration), "\(text)")
        }
        #expect(read > 500)
    }
}
