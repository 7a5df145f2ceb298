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
