import Foundation
import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore
@testable import Retries

/// Reading what servers say.
@Suite("ServerHint", .timeLimit(.minutes(30)))
struct ServerHintTests {
    /// Sun, 06 Nov 1994 08:49:37 GMT
    private let then = 784_111_777.0

    private func read(_ value: String) -> ServerHint { .http(retryAfter: value, secondsSince1970: then) }

    @Test("a time after which to try again is a number of seconds, however large")
    func seconds() {
        for (text, seconds) in [("0", 0), ("120", 120), (" 120\t", 120), ("007", 7)] as [(String, Int64)] {
            #expect(read(text) == .retryAfter(.seconds(seconds)), "\(text)")
        }
        for text in ["99999999999", "9223372037", String(repeating: "9", count: 10_000)] {
            #expect(read(text) == .retryAfter(.nanoseconds(Int64.max)))
        }
    }

    @Test("seconds may have decimals")
    func decimals() {
        let texts = [
            ("1.5", 1_500), ("0.25", 250), ("2.0", 2_000), (" 0.001 ", 1), ("3.0009999999999", 3_000), ("0.0", 0),
        ]
        for (text, milliseconds) in texts {
            guard case .retryAfter(let delay) = read(text) else {
                Issue.record("\(text) is not read")
                continue
            }
            #expect(delay.saturatedNanoseconds / 1_000_000 == Int64(milliseconds), "\(text)")
        }
        #expect(read("1.1234567894") == .retryAfter(.nanoseconds(1_123_456_789)))
        #expect(read(String(repeating: "9", count: 500) + ".5") == .retryAfter(.nanoseconds(Int64.max)))
        #expect(read("0." + String(repeating: "3", count: 10_000)) == .retryAfter(.nanoseconds(333_333_333)))
    }

    @Test("the two obsolete forms of dates, which RFC 9110 makes a recipient accept")
    func obsoleteDates() {
        for text in ["Sunday, 06-Nov-94 08:51:37 GMT", "Sun Nov  6 08:51:37 1994"] {
            #expect(read(text) == .retryAfter(.seconds(120)), "\(text)")
        }
        #expect(read("Mon Nov 14 08:49:37 1994") == .retryAfter(.seconds(8 * 86_400)))
        #expect(read("Sat Nov  5 08:49:37 1994") == .retryAfter(.zero))
    }

    @Test(
        "a year of two digits is at most 50 years ahead",
        arguments: [
            // In 1994: 44 is 50 years ahead, 45 and what is later in 44 are in the past.
            (784_111_777.0, "Sunday, 06-Nov-44 08:49:37 GMT", 2_362_034_977),
            (784_111_777, "Monday, 06-Nov-44 08:49:38 GMT", -793_725_022),
            (784_111_777, "Saturday, 31-Dec-05 00:00:00 GMT", 1_135_987_200),
            (784_111_777, "Wednesday, 01-Nov-95 00:00:00 GMT", 815_184_000),
            // In 2026 and in 2080.
            (1_795_730_400, "Friday, 31-Dec-99 00:00:00 GMT", 946_598_400),
            (1_795_730_400, "Monday, 06-Nov-34 00:00:00 GMT", 2_046_384_000),
            (3_471_292_800, "Friday, 01-Jan-06 00:00:00 GMT", 4_291_747_200),
        ] as [(Double, String, Int64)])
    func twoDigitYears(now: Double, text: String, expected: Int64) {
        #expect(HTTPDate(text.utf8[...], now: now)?.secondsSince1970 == expected)
    }

    @Test("property: 10 000 random texts of what dates and numbers are made of are read or not, and never trap")
    func garbage() {
        let parts = [
            "Sun", "Sunday", "Mon", ", ", " ", "  ", "-", ".", ":", "06", "6", "94", "1994", "9999", "0000", "Nov",
            "Feb",
            "29", "31", "08:49:37", "24:00:00", "GMT", "+", "e", "\u{0}", "é", "١", "\n", "99999999999999999999",
        ]
        let times = [0, then, -.greatestFiniteMagnitude, .greatestFiniteMagnitude, .nan, .infinity, 1e18, -1e18]
        forSeeds(seeds(10_000)) { seed, generator in
            let count = Int.random(in: 0...14, using: &generator)
            var text = (0..<count).map { _ in parts.randomElement(using: &generator) ?? "" }.joined()
            if seed % 3 == 0 {
                text = String(
                    decoding: text.utf8.map { _ in UInt8.random(in: 0...255, using: &generator) }, as: UTF8.self)
            }
            let hint = ServerHint.http(
                retryAfter: text, secondsSince1970: times.randomElement(using: &generator) ?? 0)
            if case .retryAfter(let delay) = hint { #expect(delay >= .zero, "seed \(seed): \(text)") }
            if case .unreadable(let value) = hint { #expect(value == text, "seed \(seed)") }
            _ = ServerHint.grpc(pushback: text)
        }
    }

    @Test("a year of two digits is at most 50 years ahead, to the second")
    func years() {
        // 1994-11-06 08:49:37
        let then = 784_111_777.0
        func read(_ text: String, _ now: Double) -> ServerHint { .http(retryAfter: text, secondsSince1970: now) }
        // exactly 50 years: 2044-11-06 is a Sunday
        #expect(read("Sunday, 06-Nov-44 08:49:37 GMT", then) == .retryAfter(.seconds(2_362_034_977 - 784_111_777)))
        #expect(read("Sunday, 06-Nov-44 08:49:36 GMT", then) == .retryAfter(.seconds(2_362_034_976 - 784_111_777)))
        // a second more: 1944-11-06, a Monday
        #expect(read("Monday, 06-Nov-44 08:49:38 GMT", then) == .retryAfter(.zero))
        #expect(read("Monday, 07-Nov-44 00:00:00 GMT", then) == .unreadable("Monday, 07-Nov-44 00:00:00 GMT"))
        #expect(read("Tuesday, 07-Nov-44 00:00:00 GMT", then) == .retryAfter(.zero))
        // across the century: now 1999-12-31 23:59:59 → 01-Jan-00
        #expect(read("Saturday, 01-Jan-00 00:00:09 GMT", 946_684_799) == .retryAfter(.seconds(10)))
        // now in 2000, year 99 is past
        #expect(read("Friday, 31-Dec-99 23:59:59 GMT", 946_684_800) == .retryAfter(.zero))
        // leap day 2000 and 29 Feb from a leap now
        #expect(read("Tuesday, 29-Feb-00 00:00:00 GMT", 951_782_390) == .retryAfter(.seconds(10)))
        #expect(read("Thursday, 29-Feb-24 00:00:10 GMT", 1_709_164_800) == .retryAfter(.seconds(10)))
    }

    @Test("a time at which to try again is a date, also with a leap second or day, and at once if it has passed")
    func dates() {
        #expect(read("Sun, 06 Nov 1994 08:49:37 GMT") == .retryAfter(.zero))
        #expect(read("Sun, 06 Nov 1994 08:51:37 GMT") == .retryAfter(.seconds(120)))
        #expect(read(" Mon, 07 Nov 1994 08:49:37 GMT ") == .retryAfter(.seconds(86_400)))
        // Passed.
        #expect(read("Sat, 05 Nov 1994 08:49:37 GMT") == .retryAfter(.zero))
        #expect(read("Sat, 01 Jan 0000 00:00:00 GMT") == .retryAfter(.zero))
        // Farther than a duration reaches here.
        #expect(read("Fri, 31 Dec 9999 23:59:59 GMT") == .retryAfter(.nanoseconds(Int64.max)))
        // A leap second, a leap day.
        #expect(
            ServerHint.http(retryAfter: "Sat, 31 Dec 2016 23:59:60 GMT", secondsSince1970: 1_483_228_799)
                == .retryAfter(.seconds(1)))
        #expect(
            ServerHint.http(retryAfter: "Tue, 29 Feb 2000 00:00:00 GMT", secondsSince1970: 951_782_399.5)
                == .retryAfter(.milliseconds(500)))
    }

    @Test(
        "what is neither seconds nor a date is unreadable",
        arguments: [
            "", " ", "-1", "+1", ".5", "1.", "1..5", "1.5.2", "1.-5", "1.5s", "1 .5", "-1.5", "1e3", "12 s", "soon",
            "0x10", "١٢", "1,2", "120\n",
            "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT+1",
            "Mon, 06 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
            "Thu, 31 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 2023 00:00:00 GMT", "Thu, 29 Feb 1900 00:00:00 GMT",
            "Monday, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 6-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37", "Tuesday, 31-Nov-94 08:49:37 GMT",
            "Mon Nov  6 08:49:37 1994", "Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 1994 GMT",
            "Sun Nov  a 08:49:37 1994",
            "Sun Nov  6 08:49:37 94", "Sun Nov  0 08:49:37 1994", "Sun, 0a Nov 1994 08:49:37 GMT", "Sun",
        ])
    func unreadable(value: String) {
        #expect(read(value) == .unreadable(value))
    }

    @Test("without a time that is a number no date can be read, and seconds can")
    func noTime() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        for now in [Double.nan, .infinity, -.infinity] {
            #expect(ServerHint.http(retryAfter: date, secondsSince1970: now) == .unreadable(date))
            #expect(ServerHint.http(retryAfter: "3", secondsSince1970: now) == .retryAfter(.seconds(3)))
        }
        #expect(
            ServerHint.http(retryAfter: date, secondsSince1970: -.greatestFiniteMagnitude)
                == .retryAfter(.nanoseconds(Int64.max)))
        #expect(ServerHint.http(retryAfter: date, secondsSince1970: .greatestFiniteMagnitude) == .retryAfter(.zero))
    }

    @Test("property: dates are read as Foundation writes them, and nothing traps")
    func dateProperty() throws {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        let obsolete = DateFormatter()
        obsolete.locale = formatter.locale
        obsolete.timeZone = formatter.timeZone
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        forSeeds(seeds(3_000)) { seed, generator in
            // From the beginning of the Gregorian calendar in Foundation to the end of the year 9999.
            let seconds = Int64.random(in: -12_200_000_000...253_402_300_799, using: &generator)
            var text = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(HTTPDate(text.utf8[...], now: 0)?.secondsSince1970 == seconds, "seed \(seed): \(text)")
            obsolete.dateFormat = "EEE MMM d HH:mm:ss yyyy"
            var old = obsolete.string(from: Date(timeIntervalSince1970: Double(seconds)))
            if old.utf8.count == 23 { old.insert(" ", at: old.index(old.startIndex, offsetBy: 8)) }
            #expect(HTTPDate(old.utf8[...], now: 0)?.secondsSince1970 == seconds, "seed \(seed): \(old)")
            // The date is within 50 years of the moment at which it is read.
            obsolete.dateFormat = "EEEE, dd-MMM-yy HH:mm:ss 'GMT'"
            old = obsolete.string(from: Date(timeIntervalSince1970: Double(seconds)))
            let distance = Int64.random(in: -1_500_000_000...1_500_000_000, using: &generator)
            #expect(
                HTTPDate(old.utf8[...], now: Double(seconds + distance))?.secondsSince1970 == seconds,
                "seed \(seed): \(old)")
            // Whatever is done to the text, it is read or not.
            var bytes = Array(text.utf8)
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            text = String(decoding: bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)), as: UTF8.self)
            _ = read(text)
        }
    }

    @Test("a pushback is milliseconds, and what is none says not to try again")
    func pushback() {
        #expect(ServerHint.grpc(pushback: "0") == .retryAfter(.zero))
        #expect(ServerHint.grpc(pushback: "1500") == .retryAfter(.milliseconds(1500)))
        #expect(ServerHint.grpc(pushback: "9223372036854775807") == .retryAfter(.milliseconds(Int64.max)))
        for text in ["-1", "-9223372036854775808", "", "soon", "1.5", "9223372036854775808"] {
            #expect(ServerHint.grpc(pushback: text) == .doNotRetry, "\(text)")
        }
    }

    @Test("an error tells its hint")
    func error() {
        #expect(ServerHint(failure) == nil)
        #expect(ServerHint(InjectedFailure(retryAfter: .seconds(2))) == .retryAfter(.seconds(2)))
        #expect(ServerHint(Answer(serverHint: .doNotRetry)) == .doNotRetry)
        #expect(ServerHint(Answer(serverHint: nil)) == nil)
        #expect(Answer(serverHint: .retryAfter(.seconds(2))).retryAfter == .seconds(2))
        #expect(Answer(serverHint: .doNotRetry).retryAfter == nil)
    }

    @Test("blanks at both ends, of any number, are left out", arguments: 0...4)
    func blanks(count: Int) {
        for blank in [" ", "\t", " \t", "\t "] {
            let blanks = String(repeating: blank, count: count)
            #expect(read(blanks + "120" + blanks) == .retryAfter(.seconds(120)))
            #expect(read("1" + blanks + "2").delay == (count == 0 ? .seconds(12) : nil))
        }
    }

    @Test("a month has no day 0", arguments: ["Mon, 31 Oct", "Tue, 00 Nov", "Mon, 00 Nov", "Sun, 00 Jan"])
    func dayZero(day: String) {
        let isRead = secondsSince1970(ofHTTPDate: "\(day) 1994 08:49:37 GMT", now: then) != nil
        #expect(isRead == !day.contains("00"))
    }

    @Test("a year of two digits is at most fifty years ahead, to the second, on any day of the year")
    func fiftyYearsAhead() {
        // With the last day of February and the first of March, between which the calendar begins its years.
        let days = [("15-Jan", 14), ("28-Feb", 58), ("01-Mar", 60), ("30-Nov", 334), ("15-Dec", 349), ("31-Dec", 365)]
        let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        for (day, number) in days {
            // Noon of that day in 2000.
            let now = 946_684_800.0 + Double(number) * 86_400 + 43_200
            for (time, year) in [("12:00:00", 2050), ("12:00:01", 1950)] {
                // Only one day of the week is right.
                let read = weekdays.compactMap {
                    secondsSince1970(ofHTTPDate: "\($0), \(day)-50 \(time) GMT", now: now)
                }
                #expect(read.count == 1 && read.allSatisfy { ($0 > 0) == (year == 2050) }, "\(day) \(time)")
            }
        }
    }
}
