import Foundation
import ResilienceTesting
import Testing

@testable import Retries

/// Reading what servers say.
@Suite("ServerHint", .timeLimit(.minutes(30)))
struct ServerHintTests {
    /// Sun, 06 Nov 1994 08:49:37 GMT
    private let then = 784_111_777.0

    private func read(_ value: String) -> ServerHint { .http(retryAfter: value, secondsSince1970: then) }

    @Test func seconds() {
        for (text, seconds) in [("0", 0), ("120", 120), (" 120\t", 120), ("007", 7)] as [(String, Int64)] {
            #expect(read(text) == .retryAfter(.seconds(seconds)), "\(text)")
        }
        for text in ["99999999999", "9223372037", String(repeating: "9", count: 10_000)] {
            #expect(read(text) == .retryAfter(.nanoseconds(Int64.max)))
        }
    }

    @Test func dates() {
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

    @Test(arguments: [
        "", " ", "-1", "+1", "1.5", "1e3", "12 s", "soon", "0x10", "١٢", "1,2", "120\n",
        "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Mon, 06 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Thu, 31 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 2023 00:00:00 GMT", "Thu, 29 Feb 1900 00:00:00 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 0a Nov 1994 08:49:37 GMT", "Sun",
    ])
    func unreadable(value: String) {
        #expect(read(value) == .unreadable(value))
    }

    @Test func aTimeThatIsNoNumber() {
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
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        forSeeds(0..<3000) { seed, generator in
            // From the beginning of the Gregorian calendar in Foundation to the end of the year 9999.
            let seconds = Int64.random(in: -12_200_000_000...253_402_300_799, using: &generator)
            var text = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(HTTPDate(text.utf8[...])?.secondsSince1970 == seconds, "seed \(seed): \(text)")
            // Whatever is done to the text, it is read or not.
            var bytes = Array(text.utf8)
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            text = String(decoding: bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)), as: UTF8.self)
            _ = read(text)
        }
    }

    @Test func pushback() {
        #expect(ServerHint.grpc(pushback: "0") == .retryAfter(.zero))
        #expect(ServerHint.grpc(pushback: "1500") == .retryAfter(.milliseconds(1500)))
        #expect(ServerHint.grpc(pushback: "9223372036854775807") == .retryAfter(.milliseconds(Int64.max)))
        for text in ["-1", "-9223372036854775808", "", "soon", "1.5", "9223372036854775808"] {
            #expect(ServerHint.grpc(pushback: text) == .doNotRetry, "\(text)")
        }
    }

    @Test func anErrorTellsItsHint() {
        #expect(ServerHint(failure) == nil)
        #expect(ServerHint(InjectedFailure(retryAfter: .seconds(2))) == .retryAfter(.seconds(2)))
        #expect(ServerHint(Answer(serverHint: .doNotRetry)) == .doNotRetry)
        #expect(ServerHint(Answer(serverHint: nil)) == nil)
        #expect(Answer(serverHint: .retryAfter(.seconds(2))).retryAfter == .seconds(2))
        #expect(Answer(serverHint: .doNotRetry).retryAfter == nil)
    }
}
