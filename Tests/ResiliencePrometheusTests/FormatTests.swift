import ResilienceCore
import Testing

@testable import ResiliencePrometheus

@Suite("Text formats")
struct FormatTests {
    static let calls = MetricFamily(
        "test.calls", .counter, labels: ["name", "kind"], help: "Calls \\ \"so far\"\nby kind.")
    static let level = MetricFamily("test.level", .gauge, unit: "bytes", labels: ["name"], help: "Level.")
    static let time = MetricFamily("test.time", .histogram, labels: ["name"], help: "Time.")

    private func text(
        _ samples: [(MetricFamily, [String], MetricValue)], _ format: PrometheusExporter.Format = .text
    ) -> String {
        PrometheusExporter([Source(samples)]).page(format).description
    }

    private func histogram() throws -> MetricValue {
        let histogram = DurationHistogram(try HistogramBuckets([.microseconds(2500), .seconds(1), .seconds(90)]))
        for duration in [.milliseconds(1), .seconds(1), .seconds(2), .seconds(100)] as [Duration] {
            histogram.record(duration + .nanoseconds(1))
        }
        return .histogram(histogram.snapshot)
    }

    @Test("version 0.0.4, to the letter")
    func plainText() throws {
        let page = text([
            (Self.time, ["b"], try histogram()), (Self.level, ["b"], .number(0.5)), (Self.level, ["a"], .integer(-7)),
            (Self.calls, ["a", "x"], .integer(12_345_678_901)), (Self.calls, ["a", "y"], .integer(0)),
        ])
        #expect(
            page == #"""
                # HELP test_calls_total Calls \\ "so far"\nby kind.
                # TYPE test_calls_total counter
                test_calls_total{name="a",kind="x"} 12345678901
                test_calls_total{name="a",kind="y"} 0
                # HELP test_level_bytes Level.
                # TYPE test_level_bytes gauge
                test_level_bytes{name="b"} 0.5
                test_level_bytes{name="a"} -7
                # HELP test_time_seconds Time.
                # TYPE test_time_seconds histogram
                test_time_seconds_bucket{name="b",le="0.0025"} 1
                test_time_seconds_bucket{name="b",le="1.0"} 1
                test_time_seconds_bucket{name="b",le="90.0"} 3
                test_time_seconds_bucket{name="b",le="+Inf"} 4
                test_time_seconds_sum{name="b"} 103.001000004
                test_time_seconds_count{name="b"} 4

                """#)
    }

    @Test("OpenMetrics 1.0, to the letter")
    func openMetrics() throws {
        let page = text(
            [
                (Self.time, ["b"], try histogram()), (Self.level, ["b"], .number(.nan)),
                (Self.calls, ["a", "x"], .integer(3)),
            ], .openMetrics)
        #expect(
            page == #"""
                # HELP test_calls Calls \\ \"so far\"\nby kind.
                # TYPE test_calls counter
                test_calls_total{name="a",kind="x"} 3
                # HELP test_level_bytes Level.
                # TYPE test_level_bytes gauge
                # UNIT test_level_bytes bytes
                test_level_bytes{name="b"} NaN
                # HELP test_time_seconds Time.
                # TYPE test_time_seconds histogram
                # UNIT test_time_seconds seconds
                test_time_seconds_bucket{name="b",le="0.0025"} 1
                test_time_seconds_bucket{name="b",le="1.0"} 1
                test_time_seconds_bucket{name="b",le="90.0"} 3
                test_time_seconds_bucket{name="b",le="+Inf"} 4
                test_time_seconds_sum{name="b"} 103.001000004
                test_time_seconds_count{name="b"} 4
                # EOF

                """#)
    }

    @Test("nothing to show")
    func empty() {
        #expect(text([]).isEmpty)
        #expect(text([], .openMetrics) == "# EOF\n")
    }

    @Test(
        "label values are escaped and nothing else",
        arguments: [
            ("", #""#), (#"a"b"#, #"a\"b"#), (#"a\b"#, #"a\\b"#), ("a\nb", #"a\nb"#), (#"\n"#, #"\\n"#),
            ("Grüße 😀", "Grüße 😀"), ("\r\t", "\r\t"), ("a\u{0}b", "a\u{FFFD}b"), ("}{=,", "}{=,"), (#"""#, #"\""#),
        ])
    func escaping(value: String, escaped: String) {
        let page = text([(Self.level, [value], .integer(1))])
        #expect(
            page.utf8.elementsEqual(
                "# HELP test_level_bytes Level.\n# TYPE test_level_bytes gauge\ntest_level_bytes{name=\"\(escaped)\"} 1\n"
                    .utf8))
    }

    @Test(
        "labels that differ only in zero bytes stay apart, in whatever order",
        arguments: [
            ["\u{0}", "\u{FFFD}"], ["\u{FFFD}", "\u{0}"], ["a\u{0}", "a\u{FFFD}", "a\u{FFFD}\u{FFFD}"],
            ["\u{FFFD}\u{0}", "\u{0}\u{FFFD}", "\u{0}\u{0}", "\u{FFFD}\u{FFFD}"],
            ["\u{0}", "\u{0}\u{0}", "\u{FFFD}\u{FFFD}"],
            ["\u{0}"], ["a", "b\u{0}"],
        ], PrometheusExporter.Format.allCases)
    func zeros(names: [String], format: PrometheusExporter.Format) {
        let page = text(names.map { (Self.level, [$0], .integer(1)) }, format)
        let lines = page.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.count == names.count)
        #expect(Set(lines).count == names.count)
        #expect(!page.utf8.contains(0))
        // A name that can be shown as it is, is.
        for name in names where !name.utf8.contains(0) { #expect(page.contains("name=\"\(name)\"")) }
    }

    @Test("labels of several keys that differ only in zero bytes stay apart")
    func zerosInSeveralLabels() {
        let family = MetricFamily("test.pairs", .gauge, labels: ["name", "kind"], help: "Pairs.")
        let pairs = [
            ["a", "\u{0}"], ["a", "\u{FFFD}"], ["a\u{0}", "b"], ["a\u{FFFD}", "b"], ["a\u{FFFD}", "\u{FFFD}"],
        ]
        let lines = text(pairs.map { (family, $0, .integer(1)) }).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(Set(lines).count == pairs.count)
    }

    @Test(
        "numbers",
        arguments: [
            (.integer(.max), "9223372036854775807"), (.integer(.min), "-9223372036854775808"), (.integer(10), "10"),
            (.number(.infinity), "+Inf"), (.number(-.infinity), "-Inf"), (.number(.nan), "NaN"), (.number(0.1), "0.1"),
            (.number(-2), "-2.0"), (.number(1e300), "1e+300"), (.number(.leastNonzeroMagnitude), "5e-324"),
            (.integer(9), "9"),
        ] as [(MetricValue, String)])
    func numbers(value: MetricValue, written: String) {
        #expect(text([(Self.level, ["a"], value)]).hasSuffix("} \(written)\n"))
    }

    @Test(
        "seconds are exact",
        arguments: [
            (.zero, "0.0"), (.nanoseconds(1), "0.000000001"), (.nanoseconds(1_500_000_000), "1.5"),
            (.seconds(10), "10.0"), (.nanoseconds(Int64.max), "9223372036.854775807"),
        ] as [(Duration, String)])
    func seconds(duration: Duration, written: String) {
        let histogram = DurationHistogram()
        histogram.record(duration)
        let page = text([(Self.time, ["a"], .histogram(histogram.snapshot))])
        #expect(page.contains("test_time_seconds_sum{name=\"a\"} \(written)\n"))
    }

    @Test("sums longer than one word")
    func longSum() {
        let histogram = DurationHistogram()
        for _ in 1...3 { histogram.record(.nanoseconds(Int64.max)) }
        let page = text([(Self.time, ["a"], .histogram(histogram.snapshot))])
        #expect(page.contains("test_time_seconds_sum{name=\"a\"} 27670116110.564327421\n"))
    }

    @Test("a histogram without labels")
    func withoutLabels() throws {
        let family = MetricFamily("time", .histogram, labels: [], help: "Time.")
        let page = text([(family, [], try histogram())])
        #expect(page.contains("\ntime_seconds_bucket{le=\"1.0\"} 1\n"))
        #expect(page.contains("\ntime_seconds_sum 103.001000004\ntime_seconds_count 4\n"))
    }

    @Test("histograms with other buckets each have their own bounds")
    func otherBuckets() throws {
        let other = DurationHistogram(try HistogramBuckets([.seconds(7)]))
        let page = text([
            (Self.time, ["a"], try histogram()), (Self.time, ["b"], .histogram(other.snapshot)),
            (Self.time, ["c"], try histogram()),
        ])
        #expect(page.contains("{name=\"b\",le=\"7.0\"} 0\n"))
        #expect(page.contains("{name=\"c\",le=\"0.0025\"} 1\n"))
        #expect(!page.contains("{name=\"c\",le=\"7.0\"}"))
    }

    @Test(
        "names and keys become valid",
        arguments: [
            ("a.b-c d", "a_b_c_d_total"), ("1st", "_1st_total"), ("", "__total"), ("größe", "gr__e_total"),
            ("a:b", "a:b_total"), ("a.total", "a_total"), ("a_seconds_total", "a_seconds_total"),
        ])
    func names(name: String, written: String) {
        let family = MetricFamily(name, .counter, labels: ["a.b", "le", "__x", "1", "a:b", ""], help: "")
        let page = text([(family, [], .integer(1))])
        #expect(page.contains("\n\(written){a_b=\"\",le=\"\",_x=\"\",_1=\"\",a_b_=\"\",_=\"\"} 1\n"))
    }

    @Test("a histogram's own label is not taken by another, and the unit is not said twice")
    func reservedKey() throws {
        let family = MetricFamily("time.seconds", .histogram, labels: ["le"], help: "")
        let page = text([(family, ["x"], try histogram())])
        #expect(page.contains("\ntime_seconds_bucket{le_=\"x\",le=\"1.0\"} 1\n"))
    }

    @Test("a family whose lines another has taken is left out, and told")
    func clashes() throws {
        let families: [(MetricFamily, MetricValue)] = [
            (MetricFamily("x", .histogram, labels: ["name"], help: ""), try histogram()),
            (MetricFamily("x_seconds_count", .gauge, labels: ["name"], help: ""), .integer(1)),
            (MetricFamily("x.seconds", .gauge, labels: ["name"], help: ""), .integer(1)),
            (MetricFamily("y", .counter, labels: ["name"], help: ""), .integer(1)),
            (MetricFamily("y", .gauge, labels: ["name"], help: ""), .integer(1)),
            (MetricFamily("y_total", .gauge, labels: ["name"], help: ""), .integer(1)),
            (MetricFamily("y_", .gauge, labels: ["name"], help: ""), .integer(1)),
            (MetricFamily("y-", .gauge, labels: ["name"], help: ""), .integer(1)),
        ]
        let page = PrometheusExporter([Source(families.map { ($0, ["a"], $1) })]).page()
        #expect(page.omitted == ["y", "x_seconds_count", "x_seconds", "y_total", "y_"])
        #expect(page.description.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }.count == 3)
    }

    @Test("the order is that of the names, and of the sources")
    func order() {
        let sources = ["b", "a", "c"].map {
            Source([(Self.level, [$0], .integer(1)), (Self.calls, [$0, "x"], .integer(1))])
        }
        let lines = PrometheusExporter(sources).page().description.split(separator: "\n").filter { !$0.hasPrefix("#") }
        let names = lines.map { line in line.firstMatch(of: /name="(.)"/).map { String($0.1) } ?? "" }
        #expect(names == ["b", "a", "c", "b", "a", "c"])
        #expect(lines.prefix(3).allSatisfy { $0.hasPrefix("test_calls_total") })
    }
}
