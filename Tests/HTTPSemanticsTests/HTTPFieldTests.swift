import Resilience
import ResilienceCore
import TestSupport
import Testing

@testable import HTTPSemantics

@Suite("Header fields")
struct HTTPFieldTests {
    @Test("What a server writes of its limits is what a client reads")
    func rateLimitRoundTrip() {
        let limits = [
            HTTPRateLimit(name: "hour", remaining: 50, reset: .seconds(30), partitionKey: "YWJj"),
            HTTPRateLimit(name: #"a "quoted\" name"#, remaining: 0),
        ]
        #expect(
            HTTPRateLimit.text(limits) == #""hour";r=50;t=30;pk=:YWJj:, "a \"quoted\\\" name";r=0"#)
        #expect(HTTPRateLimit.parse([HTTPRateLimit.text(limits)]) == limits)
        let policies = [
            HTTPRateLimitPolicy(name: "hour", quota: 100, window: .seconds(60)),
            HTTPRateLimitPolicy(name: "busy", quota: 10, unit: .concurrentRequests, partitionKey: "eA=="),
        ]
        #expect(
            HTTPRateLimitPolicy.text(policies)
                == #""hour";q=100;w=60, "busy";q=10;qu="concurrent-requests";pk=:eA==:"#)
        #expect(HTTPRateLimitPolicy.parse([HTTPRateLimitPolicy.text(policies)]) == policies)
    }

    @Test("Times are written as whole seconds, rounded up, and numbers that fit")
    func wire() {
        #expect(HTTPRateLimit.text([.init(name: "x", remaining: -5, reset: .milliseconds(1))]) == #""x";r=0;t=1"#)
        #expect(
            HTTPRateLimit.text([.init(name: "x", remaining: .max, reset: .seconds(-3))])
                == #""x";r=999999999999999;t=0"#)
        #expect(HTTPRateLimit.text([.init(name: "é\n", remaining: 1, partitionKey: ":;x")]) == #""";r=1;pk=:x:"#)
    }

    @Test("Lines of a field make one list, and unknown parameters and units are passed over")
    func lenient() {
        #expect(
            HTTPRateLimit.parse([#""a";r=1"#, #""b";r=2;x=?1;y;z=tok/en:1"#])
                == [.init(name: "a", remaining: 1), .init(name: "b", remaining: 2)])
        #expect(
            HTTPRateLimitPolicy.parse([#""a";q=1;qu="parsecs", "b";q=2;w=3"#])
                == [.init(name: "b", quota: 2, window: .seconds(3))])
        #expect(HTTPRateLimit.parse([""]) == [])
    }

    @Test(
        "A field that is malformed is ignored as a whole",
        arguments: [
            "a;r=1", "\"a\"", "\"a\";r", "\"a\";r=-1", "\"a\";r=1.0", "\"a\";r=1,", "\"a\";r=1 \"b\";r=2", "\"a;r=1",
            "\"a\";r=1000000000000000", "\"a\\x\";r=1", "(\"a\");r=1", "\"a\";R=1", "\"a\";r=1;t=x", ",", "\"é\";r=1",
            "\"a\";r=1;pk=:a", String(repeating: "\"a\";r=1,", count: 70) + "\"a\";r=1",
            "\"a\";r=1" + String(repeating: ";x", count: 40), "\"" + String(repeating: "a", count: 9000) + "\";r=1",
        ])
    func malformed(_ value: String) {
        #expect(HTTPRateLimit.parse([value]) == nil)
        let fields = UnreadableFields("test")
        #expect(fields.rateLimits(headers(("ratelimit", value))) == nil)
        #expect(fields.total(.rateLimit) == 1)
    }

    @Test(
        "A deadline in gRPC's form is read and written",
        arguments: [
            ("1S", Duration.seconds(1)), ("1500m", .milliseconds(1500)), ("99999999H", .nanoseconds(Int64.max)),
            ("0n", .zero), ("2M", .seconds(120)), ("7u", .microseconds(7)), ("5n", .nanoseconds(5)),
        ])
    func grpcTimeout(_ row: (value: String, duration: Duration)) {
        #expect(HTTPDeadlineField.grpcTimeout.parse(row.value) == row.duration)
        let text = HTTPDeadlineField.grpcTimeout.text(for: row.duration)
        #expect(text.utf8.count <= 9)
        if row.duration < .seconds(1_000_000_000) {
            #expect(HTTPDeadlineField.grpcTimeout.parse(text) == row.duration)
        }
    }

    @Test(
        "What is no deadline in gRPC's form is none",
        arguments: ["", "S", "1", "1s", "123456789S", "-1S", "1.5S", "1 S"])
    func noGRPCTimeout(_ value: String) {
        #expect(HTTPDeadlineField.grpcTimeout.parse(value) == nil)
    }

    @Test("Blanks at both ends are left out, and none within")
    func blanks() {
        for blanks in ["", " ", "\t", "  ", " \t \t"] {
            #expect(HTTPDeadlineField.envoy.parse(blanks + "15" + blanks) == .milliseconds(15))
            #expect(blanks.isEmpty || HTTPDeadlineField.envoy.parse("1" + blanks + "5") == nil)
        }
    }

    @Test("A name has at most 256 bytes", arguments: [1, 255, 256, 257, 1_000])
    func longNames(count: Int) {
        let name = String(repeating: "x", count: count)
        #expect((try? HTTPFieldName(name))?.name == (count <= 256 ? name : nil))
    }

    @Test("gRPC's form is in the finest unit in which eight digits are enough")
    func finestUnit() {
        var unit = Duration.nanoseconds(1)
        for (letter, next, factor) in [("n", "u", 1_000), ("u", "m", 1_000), ("m", "S", 1_000), ("S", "M", 60)] {
            #expect(HTTPDeadlineField.grpcTimeout.text(for: unit * 99_999_999) == "99999999\(letter)")
            #expect(HTTPDeadlineField.grpcTimeout.text(for: unit * 100_000_000) == "\(100_000_000 / factor)\(next)")
            unit = unit * factor
        }
    }

    @Test("A time that is written is never longer than what is left, and at most a unit shorter")
    func roundsDown() throws {
        let seconds = try HTTPDeadlineField("x-timeout", .seconds)
        var random = RandomText(seed: 7)
        for _ in 0..<2000 {
            let left = Duration.nanoseconds(Int64(random.number(below: 1 << random.number(below: 62) | 1)))
            for field in [HTTPDeadlineField.grpcTimeout, .envoy, seconds] {
                let text = field.text(for: left)
                let read = try #require(field.parse(text))
                let unit: Duration? = field == .envoy ? .milliseconds(1) : field.parse("1\(text.suffix(1))")
                #expect(read <= left && left - read < (field == seconds ? .nanoseconds(1) : unit ?? .zero), "\(text)")
            }
            #expect(seconds.parse(seconds.text(for: left)) == left)
        }
        #expect(HTTPDeadlineField.envoy.text(for: .seconds(-1)) == "0")
        #expect(HTTPDeadlineField.envoy.parse("99999999999999999999") == .nanoseconds(Int64.max))
        #expect(seconds.parse("1.25") == .milliseconds(1250))
        for milliseconds in [0, 1, 1_500, 60_000] {
            #expect(HTTPDeadlineField.envoy.parse("\(milliseconds)") == .milliseconds(milliseconds))
        }
        let zeros = String(repeating: "0", count: 62)
        #expect(HTTPDeadlineField.envoy.parse(zeros + "15") == .milliseconds(15))
        #expect(HTTPDeadlineField.envoy.parse(zeros + "015") == nil)
        for value in ["", ".", "1.", "-1", "Sun, 06 Nov 1994 08:49:37 GMT"] { #expect(seconds.parse(value) == nil) }
    }

    @Test("Priorities go out and come in, as numbers and as urgencies")
    func priorities() throws {
        let number = try HTTPPriorityField("x-priority", .number)
        for priority in [Bulkhead.Priority.low, .normal, .high, .init(7), .init(-1000)] {
            #expect(number.parse(number.text(for: priority)) == priority)
        }
        #expect(number.text(for: .init(.max)) == "1000")
        let longest = "u=1,x" + String(repeating: "a", count: 251)
        #expect(HTTPPriorityField.standard.parse(longest) == .high)
        #expect(HTTPPriorityField.standard.parse(longest + "a") == nil)
        for value in ["1001", "-1001", "--1", "", "-", "1.0", "9999999999999999999999"] {
            #expect(number.parse(value) == nil)
        }
        let urgency = HTTPPriorityField.standard
        #expect(urgency.text(for: .high) == "u=1")
        #expect(urgency.text(for: .low) == "u=5")
        #expect(urgency.text(for: .init(.min)) == "u=7")
        for priority in [Bulkhead.Priority.low, .normal, .high] {
            #expect(urgency.parse(urgency.text(for: priority)) == priority)
        }
        #expect(urgency.parse("i, u=2;x, u=1") == .high)
        for value in ["i", "", "u", "u=8", "u=-1", "u=high"] { #expect(urgency.parse(value) == nil) }
    }

    @Test("A name is of the characters of a token, whatever is beside them")
    func tokens() throws {
        let characters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        #expect(try HTTPFieldName(characters).description == characters)
        for scalar in (0..<256).map({ Unicode.Scalar(UInt8($0)) }) {
            let isToken = characters.unicodeScalars.contains(scalar)
            for name in ["\(scalar)", "a\(scalar)", "\(scalar)a"] {
                #expect((try? HTTPFieldName(name))?.name == (isToken ? name : nil), "\(scalar.value)")
            }
        }
        let error = #expect(throws: ConfigurationError.self) {
            try HTTPFieldName(String(repeating: "é", count: 100), field: "x.header")
        }
        #expect(
            error?.description == "x.header: \"\(String(repeating: "é", count: 64))\" is not a header field's name")
        let plain = #expect(throws: ConfigurationError.self) { try HTTPFieldName("") }
        #expect(plain?.faults.map(\.field) == ["header"])
    }

    @Test("A name that is no token is a configuration error", arguments: ["", "a b", "a:", "é", "a\n", "(a)"])
    func names(_ name: String) {
        #expect(throws: ConfigurationError.self) { try HTTPDeadlineField(name, .seconds) }
        #expect(throws: ConfigurationError.self) { try HTTPPriorityField(name, .number) }
    }

    @Test("Of several deadlines the shortest counts, and what cannot be read is counted as such")
    func counted() throws {
        let fields = UnreadableFields("test")
        let several = headers(("grpc-timeout", "5S"), ("Grpc-Timeout", "later"), ("grpc-timeout", "2S"))
        #expect(fields.deadline(.grpcTimeout, several) == .seconds(2))
        #expect(fields.total(.deadline) == 1)
        #expect(fields.priority(.standard, headers(("priority", "u=9"))) == nil)
        #expect(fields.total(.priority) == 1)
        #expect(fields.deadline(.envoy, several) == nil)
        var metrics = MetricCollection()
        metrics.collect(fields)
        #expect(metrics.entries.first?.samples.count == UnreadableFields.Kind.allCases.count)
    }

    @Test("No parser traps, whatever it is given")
    func random() throws {
        let seed = UInt64.random(in: 1...UInt64.max)
        var texts = RandomText(seed: seed)
        let seconds = try HTTPDeadlineField("x", .seconds)
        let number = try HTTPPriorityField("x", .number)
        let rule = HTTPResponseRule(unreadable: UnreadableFields("test"))
        for _ in 0..<inputs(10_000) {
            let text = texts.next()
            if let limits = HTTPRateLimit.parse([text, texts.next()]) {
                #expect(limits.allSatisfy { $0.remaining >= 0 && $0.reset ?? .zero >= .zero }, "seed \(seed): \(text)")
                #expect(HTTPRateLimit.parse([HTTPRateLimit.text(limits)]) == limits, "seed \(seed): \(text)")
            }
            if let policies = HTTPRateLimitPolicy.parse([text]) {
                #expect(
                    HTTPRateLimitPolicy.parse([HTTPRateLimitPolicy.text(policies)]) == policies,
                    "seed \(seed): \(text)")
            }
            for field in [HTTPDeadlineField.grpcTimeout, .envoy, seconds] {
                if let time = field.parse(text) { #expect(time >= .zero, "seed \(seed): \(text)") }
            }
            if let priority = number.parse(text) { #expect(abs(priority.rawValue) <= 1000, "seed \(seed): \(text)") }
            if let priority = HTTPPriorityField.standard.parse(text) {
                #expect(abs(priority.rawValue) <= 200, "seed \(seed): \(text)")
            }
            let failure = rule.failure(
                status: 503, secondsSince1970: 1.7e9,
                headers: headers(("retry-after", text), ("date", texts.next()), ("ratelimit", texts.next())))
            if let delay = failure?.retryAfter {
                #expect(delay >= .zero && delay <= rule.maxHint, "seed \(seed): \(text)")
            }
            _ = try? HTTPFieldName(text)
        }
    }
}
