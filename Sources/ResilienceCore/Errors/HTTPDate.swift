/// A date in one of the three forms that a recipient of HTTP has to accept (RFC 9110, section 5.6.7):
///
/// - `Sun, 06 Nov 1994 08:49:37 GMT`, what is sent today;
/// - `Sunday, 06-Nov-94 08:49:37 GMT`, obsolete (RFC 850);
/// - `Sun Nov  6 08:49:37 1994`, obsolete (`asctime` of C).
///
/// Strict: letter case, widths, the length of the month and the day of the week.
struct HTTPDate {
    let secondsSince1970: Int64

    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let longWeekdays = [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter now: Seconds since the beginning of 1970, for the century of a year of two digits.
    init?(_ text: Substring.UTF8View, now: Double) {
        guard let date = Self.fixed(text) ?? Self.rfc850(text, now) ?? Self.asctime(text) else { return nil }
        self = date
    }

    private static func fixed(_ text: Substring.UTF8View) -> HTTPDate? {
        var rest = text
        guard let weekday = rest.take(oneOf: weekdays), rest.take(", "),
            let day = rest.takeNumber(digits: 2), rest.take(" "),
            let month = rest.take(oneOf: months), rest.take(" "),
            let year = rest.takeNumber(digits: 4), rest.take(" "),
            let second = rest.takeTime(), rest.take(" GMT"), rest.isEmpty
        else { return nil }
        return HTTPDate(year, month + 1, day, second: second, weekday: weekday)
    }

    private static func rfc850(_ text: Substring.UTF8View, _ now: Double) -> HTTPDate? {
        var rest = text
        guard let weekday = rest.take(oneOf: longWeekdays), rest.take(", "),
            let day = rest.takeNumber(digits: 2), rest.take("-"),
            let month = rest.take(oneOf: months), rest.take("-"),
            let year = rest.takeNumber(digits: 2), rest.take(" "),
            let second = rest.takeTime(), rest.take(" GMT"), rest.isEmpty
        else { return nil }
        // A year that seems to be more than 50 years ahead is the latest one in the past with the same two digits.
        let now = Int64(min(max(now, -2.6e11), 2.6e11))
        let today = CivilDay(daysSince1970: now.flooredQuotient(by: 86_400))
        let century = today.year.flooredQuotient(by: 100) * 100
        let inFiftyYears = CivilDay(year: today.year + 50, month: today.month, day: today.day)
        let latest = inFiftyYears.daysSince1970 * 86_400 + now - now.flooredQuotient(by: 86_400) * 86_400
        for base in [century + 100, century, century - 100] {
            let day = CivilDay(year: base + Int64(year), month: month + 1, day: day)
            guard day.daysSince1970 * 86_400 + Int64(second) <= latest else { continue }
            return HTTPDate(Int(day.year), day.month, day.day, second: second, weekday: weekday)
        }
        return nil
    }

    private static func asctime(_ text: Substring.UTF8View) -> HTTPDate? {
        var rest = text
        guard let weekday = rest.take(oneOf: weekdays), rest.take(" "),
            let month = rest.take(oneOf: months), rest.take(" "),
            let day = rest.takeNumber(digits: rest.take(" ") ? 1 : 2), rest.take(" "),
            let second = rest.takeTime(), rest.take(" "),
            let year = rest.takeNumber(digits: 4), rest.isEmpty
        else { return nil }
        return HTTPDate(year, month + 1, day, second: second, weekday: weekday)
    }

    private init?(_ year: Int, _ month: Int, _ day: Int, second: Int, weekday: Int) {
        guard day >= 1, day <= CivilDay.days(inMonth: month, of: year) else { return nil }
        let days = CivilDay(year: Int64(year), month: month, day: day).daysSince1970
        // 1 January 1970 was a Thursday.
        guard ((days + 3) % 7 + 7) % 7 == weekday else { return nil }
        secondsSince1970 = days * 86_400 + Int64(second)
    }
}

/// A day of the Gregorian calendar, also before it was introduced.
private struct CivilDay {
    let year: Int64
    let month: Int
    let day: Int

    init(year: Int64, month: Int, day: Int) {
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// Counts in eras of 400 years, which all have as many days, from 1 March of year 0.
    init(daysSince1970: Int64) {
        let days = daysSince1970 + 719_468
        let era = days.flooredQuotient(by: 146_097)
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let months = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * months + 2) / 5 + 1)
        month = Int(months < 10 ? months + 3 : months - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Counts years from March, so that the leap day is the last of its year.
    var daysSince1970: Int64 {
        let (years, months) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
        // The first 3 months of any five months from March on have 31, 30, 31, 30, 31 days: 153 together.
        let dayOfYear = Int64((153 * months + 2) / 5 + day - 1)
        let leapDays =
            years.flooredQuotient(by: 4) - years.flooredQuotient(by: 100) + years.flooredQuotient(by: 400)
        // 1 March of year 0 to 1 January 1970.
        return years * 365 + leapDays + dayOfYear - 719_468
    }

    static func days(inMonth month: Int, of year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension Substring.UTF8View {
    fileprivate mutating func take(_ text: String) -> Bool {
        guard starts(with: text.utf8) else { return false }
        removeFirst(text.utf8.count)
        return true
    }

    fileprivate mutating func take(oneOf texts: [String]) -> Int? {
        for (index, text) in texts.enumerated() where take(text) { return index }
        return nil
    }

    fileprivate mutating func takeNumber(digits: Int) -> Int? {
        var number = 0
        guard count >= digits else { return nil }
        for _ in 0..<digits {
            let digit = removeFirst()
            guard digit.isDigit else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number
    }

    /// A time of day, in seconds.
    fileprivate mutating func takeTime() -> Int? {
        guard let hour = takeNumber(digits: 2), take(":"), let minute = takeNumber(digits: 2), take(":"),
            let second = takeNumber(digits: 2)
        else { return nil }
        // 60 is a leap second.
        guard hour < 24, minute < 60, second <= 60 else { return nil }
        return hour * 3_600 + minute * 60 + second
    }
}
