import Testing

@testable import HTTPSemantics

@Suite("Rate limit fields")
struct HTTPRateLimitTests {
    @Test(
        "A policy that is malformed makes the field unreadable",
        arguments: [
            "a;q=1", "\"a\"", "\"a\";q", "\"a\";q=-1", "\"a\";q=\"1\"", "\"a\";q=1;w=x", "\"a\";q=1;w=-1",
            "\"a\";q=1;qu=requests", "\"a\";q=1;qu", "\"a\";q=1,", "\"a\";w=1", "1;q=1", ":YQ==:;q=1",
        ])
    func malformedPolicy(_ value: String) {
        #expect(HTTPRateLimitPolicy.parse([value]) == nil)
        #expect(HTTPRateLimitPolicy.parse([#""b";q=1"#, value]) == nil)
    }

    @Test("The partition key of a quota is read only where it is bytes, and written without what cannot stand there")
    func partitionKeys() {
        for (text, key) in [(":YQ==:", "YQ=="), ("::", ""), ("\"YQ==\"", nil), ("a", nil), ("1", nil)]
            as [(String, String?)]
        {
            #expect(
                HTTPRateLimit.parse([#""a";r=1;pk="# + text]) == [.init(name: "a", remaining: 1, partitionKey: key)])
            #expect(
                HTTPRateLimitPolicy.parse([#""a";q=1;pk="# + text]) == [.init(name: "a", quota: 1, partitionKey: key)])
        }
        for (key, text) in [("azAZ09+/=", "azAZ09+/="), (" a-b_c:;é٣\n", "abc"), ("", "")] {
            #expect(
                HTTPRateLimit.text([.init(name: "x", remaining: 1, partitionKey: key)]) == #""x";r=1;pk=:\#(text):"#)
        }
    }

    @Test("Whole seconds are rounded up, and bounded by what a field can say")
    func wholeSeconds() {
        let moment = Duration(secondsComponent: 0, attosecondsComponent: 1)
        let rows: [(Duration, Int64)] = [
            (.zero, 0), (moment, 1), (.milliseconds(999), 1), (.seconds(1), 1), (.seconds(1) + moment, 2),
            (.zero - moment, 0), (.seconds(-1), 0), (.seconds(-1) - moment, 0), (.seconds(Int64.min), 0),
            (.seconds(999_999_999_998), 999_999_999_998), (.seconds(999_999_999_999), 999_999_999_999),
            (.seconds(999_999_999_999) + moment, 999_999_999_999), (.seconds(Int64.max), 999_999_999_999),
            (.seconds(Int64.max) + moment, 999_999_999_999), (Duration(attoseconds: .max), 999_999_999_999),
            (Duration(attoseconds: .min), 0),
        ]
        for (duration, seconds) in rows {
            #expect(duration.wholeSecondsUp == seconds, "\(duration)")
            #expect(
                HTTPRateLimitPolicy.text([.init(name: "x", quota: -1, window: duration)]) == #""x";q=0;w=\#(seconds)"#)
        }
    }
}
