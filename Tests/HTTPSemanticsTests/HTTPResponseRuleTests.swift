import Resilience
import ResilienceCore
import TestSupport
import Testing

@testable import HTTPSemantics

@Suite("What a response says")
struct HTTPResponseRuleTests {
    @Test("Statuses that another attempt may change are failures, and others are answers")
    func statuses() {
        let transient = [408, 425, 429, 500, 502, 503, 504, 520, 529, 599]
        let answers = [100, 200, 204, 301, 304, 400, 401, 403, 404, 409, 501, 505, 511, 600, 0, -1, Int.max, Int.min]
        for status in transient { #expect(HTTPStatusRule.transient.contains(status), "\(status)") }
        for status in answers { #expect(!HTTPStatusRule.transient.contains(status), "\(status)") }
        let own = HTTPStatusRule.transient.adding(404, 501).removing(500, 429)
        #expect([404, 501, 503].allSatisfy(own.contains))
        #expect(![500, 429].contains(where: own.contains))
        #expect(HTTPStatusRule.only(418).contains(418))
        #expect(!HTTPStatusRule.only(418).contains(503))
    }

    @Test("What is added is a failure and what is removed is none, whichever was said before")
    func changedStatuses() {
        let errors = Set(500...599).subtracting([501, 505, 506, 507, 508, 510, 511]).union([408, 425, 429])
        let rules: [(HTTPStatusRule, Set<Int>)] = [
            (.transient, errors), (.only(), []), (.only(200, 503), [200, 503]), (.only(418).adding(501), [418, 501]),
            (.only(418, 419).removing(418), [419]), (.only(503).removing(503).adding(503), [503]),
            (.transient.removing(500, 501), errors.subtracting([500])), (.transient.adding(), errors),
            (.transient.removing(429, 599).adding(429, 599), errors), (.transient.adding(404).removing(404), errors),
            (.transient.adding(511, 600, 404), errors.union([404, 511, 600])),
        ]
        for (rule, expected) in rules {
            #expect(Set((-1...1000).filter(rule.contains)) == expected)
        }
    }

    @Test(
        "Retry-After is read in every form that recipients have to take, and as servers send it",
        arguments: [
            ("120", 120.0), ("0", 0), ("1.5", 1.5), (" 3 ", 3), ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
            ("Sunday, 06-Nov-94 08:49:47 GMT", 10), ("Sun Nov  6 08:49:47 1994", 10),
            ("Sun, 06 Nov 1994 08:49:30 GMT", 0),
        ])
    func retryAfter(_ row: (value: String, seconds: Double)) throws {
        let rule = HTTPResponseRule(unreadable: UnreadableFields("test"))
        // 06 Nov 1994 08:49:37, by the server's own clock.
        let fields = headers(("retry-after", row.value), ("date", "Sun, 06 Nov 1994 08:49:37 GMT"))
        let failure = try #require(rule.failure(status: 503, headers: fields))
        #expect(failure.retryAfter == .seconds(row.seconds))
        #expect(failure.serverHint == .retryAfter(.seconds(row.seconds)))
        #expect(rule.unreadable.total(.retryAfter) == 0)
    }

    @Test("A date counts from the server's Date, from the given time without it, and says nothing without both")
    func dates() {
        let rule = HTTPResponseRule(unreadable: UnreadableFields("test"))
        let date = ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")
        let skewed = rule.hint(
            secondsSince1970: 1e9, headers: headers(date, ("date", "Sun, 06 Nov 1994 08:49:37 GMT")))
        #expect(skewed == .retryAfter(.seconds(10)))
        #expect(rule.hint(secondsSince1970: 784_111_777, headers: headers(date)) == .retryAfter(.seconds(10)))
        #expect(rule.hint(headers: headers(date)) == nil)
        #expect(rule.unreadable.total(.retryAfter) == 1)
    }

    @Test(
        "A date counts from a Date in the old form too, of which the century is not said, for as long as we live",
        arguments: [
            ("Friday, 01-Jan-27 00:00:00 GMT", "Fri, 01 Jan 2027 00:00:10 GMT"),
            ("Saturday, 01-Jan-50 00:00:00 GMT", "Sat, 01 Jan 2050 00:00:10 GMT"),
            ("Friday, 01-Jan-72 00:00:00 GMT", "Fri, 01 Jan 2072 00:00:10 GMT"),
            ("Saturday, 01-Jan-50 00:00:00 GMT", "Saturday, 01-Jan-50 00:00:10 GMT"),
            ("Sat, 01 Jan 2050 00:00:00 GMT", "Saturday, 01-Jan-50 00:00:10 GMT"),
            ("Fri, 01 Jan 2100 00:00:00 GMT", "Friday, 01-Jan-00 00:00:10 GMT"),
        ])
    func centuries(_ row: (date: String, retryAfter: String)) {
        let rule = HTTPResponseRule(unreadable: UnreadableFields("test"))
        let hint = rule.hint(headers: headers(("date", row.date), ("retry-after", row.retryAfter)))
        #expect(hint == .retryAfter(.seconds(10)))
    }

    @Test("What cannot be read is ignored and counted", arguments: ["soon", "-1", "1e9", "", "1,2", "+5", "é"])
    func unreadable(_ value: String) throws {
        let rule = HTTPResponseRule(unreadable: UnreadableFields("test"))
        let failure = try #require(rule.failure(status: 429, headers: headers(("Retry-After", value))))
        #expect(failure.serverHint == nil)
        #expect(rule.unreadable.total(.retryAfter) == 1)
    }

    @Test("Of several times the longest counts, and none is longer than allowed")
    func bounds() {
        let rule = HTTPResponseRule(maxHint: .seconds(60), unreadable: UnreadableFields("test"))
        let several = headers(("Retry-After", "3"), ("Retry-After", "x"), ("retry-after", "7"))
        #expect(rule.hint(headers: several) == .retryAfter(.seconds(7)))
        #expect(rule.hint(headers: headers(("Retry-After", "99999999999999999999"))) == .retryAfter(.seconds(60)))
    }

    @Test("An exhausted quota is as good as a Retry-After, which wins over it")
    func rateLimit() {
        let rule = HTTPResponseRule(unreadable: UnreadableFields("test"))
        let exhausted = ("RateLimit", #""hour";r=0;t=30, "day";r=100;t=4000"#)
        #expect(rule.hint(headers: headers(exhausted)) == .retryAfter(.seconds(30)))
        #expect(rule.hint(headers: headers(exhausted, ("Retry-After", "5"))) == .retryAfter(.seconds(5)))
        #expect(rule.hint(headers: headers(("RateLimit", #""day";r=1;t=9"#))) == nil)
        #expect(HTTPResponseRule(readsRateLimit: false).hint(headers: headers(exhausted)) == nil)
    }

    @Test("Of several exhausted quotas the one that comes back last counts, and none is longer than allowed")
    func exhausted() {
        let headers = headers(
            ("RateLimit", #""a";r=0;t=7, "b";r=0;t=30"#), ("RateLimit", #""c";r=0, "d";r=1;t=99"#), ("Retry-After", "x")
        )
        for (most, expected) in [(3600, 30), (30, 30), (29, 29), (0, 0), (-1, 0)] {
            let rule = HTTPResponseRule(maxHint: .seconds(most), unreadable: UnreadableFields("test"))
            #expect(rule.hint(headers: headers) == .retryAfter(.seconds(expected)))
            #expect(rule.unreadable.total(.retryAfter) == 1)
            #expect(rule.failure(status: 200, headers: headers) == nil)
        }
        #expect(HTTPResponseRule().hint { $0 == "ratelimit" ? [#""a";r=0"#] : [] } == nil)
        #expect(HTTPResponseRule().maxHint == .seconds(3600))
    }

    @Test("Of several Retry-After fields none is longer than allowed, and without time there is none")
    func allowed() {
        for (most, expected) in [(8, 7), (7, 7), (6, 6), (0, 0), (-1, 0)] {
            let rule = HTTPResponseRule(maxHint: .seconds(most), unreadable: UnreadableFields("test"))
            #expect(
                rule.hint(headers: headers(("retry-after", "7"), ("retry-after", "3")))
                    == .retryAfter(.seconds(expected)))
        }
    }

    @Test("429 and 503 are overload, other failures are not")
    func overload() {
        for (status, isOverload) in [(429, true), (503, true), (500, false), (504, false)] {
            #expect(HTTPFailure(status: status).isOverload == isOverload)
            #expect(ErrorCondition.overload.handles(HTTPFailure(status: status)) == isOverload)
        }
    }

    @Test("A failure whose request cannot be repeated tells layers so, and keeps what the server said")
    func unrepeatable() {
        let failure = HTTPFailure(status: 503, hint: .retryAfter(.seconds(2)), isRepeatable: false)
        #expect(failure.serverHint == .doNotRetry)
        #expect(failure.retryAfter == .seconds(2))
        #expect(failure.description == "the server answered 503; retry after 2 seconds")
    }

    @Test("Labels are few, whatever a server sends")
    func labels() {
        #expect(HTTPFailure(status: 503).label == "503")
        for status in [0, 99, 600, -1, Int.max] { #expect(HTTPFailure(status: status).label == "other") }
        #expect(errorLabel(HTTPUnrepeatableError(HTTPFailure(status: 503))) == "503")
    }

    @Test("A server's answer to a rejection has the status of its cause, and whole seconds rounded up")
    func refusals() throws {
        let full = try #require(HTTPRefusal(Refused(retryAfter: .milliseconds(1200))))
        #expect(full == HTTPRefusal(status: 503, retryAfter: .milliseconds(1200)))
        #expect(full.retryAfter == "2")
        #expect(HTTPRefusal(status: 503, retryAfter: .zero).retryAfter == "1")
        #expect(HTTPRefusal(status: 503, retryAfter: .nanoseconds(Int64.max)).retryAfter == "9223372037")
        #expect(HTTPRefusal(HTTPFailure(status: 503)) == nil)
    }
}
