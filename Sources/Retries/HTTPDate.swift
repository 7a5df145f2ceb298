/// A date in the form that HTTP prescribes for what is sent today, IMF-fixdate (RFC 9110, section 5.6.7):
/// `Sun, 06 Nov 1994 08:49:37 GMT`. Strict: letter case, widths, the length of the month and the day of the week.
struct HTTPDate {
    let secondsSince1970: Int64

    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    init?(_ text: Substring.UTF8View) {
        var rest = text
        guard let weekday = rest.take(oneOf: Self.weekdays), rest.take(", "),
            let day = rest.takeNumber(digits: 2), rest.take(" "),
            let month = rest.take(oneOf: Self.months), rest.take(" "),
            let year = rest.takeNumber(digits: 4), rest.take(" "),
            let hour = rest.takeNumber(digits: 2), rest.take(":"),
            let minute = rest.takeNumber(digits: 2), rest.take(":"),
            let second = rest.takeNumber(digits: 2), rest.take(" GMT"), rest.isEmpty
        else { return nil }
        // 60 is a leap second.
        guard hour < 24, minute < 60, second <= 60, day >= 1, day <= Self.days(inMonth: month + 1, of: year) else {
            return nil
        }
        let days = Self.daysSince1970(year: year, month: month + 1, day: day)
        // 1 January 1970 was a Thursday.
        guard ((days + 3) % 7 + 7) % 7 == weekday else { return nil }
        secondsSince1970 = Int64(days) * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
    }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Counts years from March, so that the leap day is the last of its year.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let (years, months) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
        // The first 3 months of any five months from March on have 31, 30, 31, 30, 31 days: 153 together.
        let dayOfYear = (153 * months + 2) / 5 + day - 1
        // Year 0 as the first: the year before it, of which only January and February of year 0 are left, is -1.
        let leapDays = years < 0 ? -1 : years / 4 - years / 100 + years / 400
        // 1 March of year 0 to 1 January 1970.
        return years * 365 + leapDays + dayOfYear - 719_468
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
}
