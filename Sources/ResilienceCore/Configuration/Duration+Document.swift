/// Durations as documents write them.
///
/// One or more numbers with a unit each, from the larger to the smaller: `1h30m`, `1m30s`, `2s`, `250ms`, `1.5s`. Units
/// are `d`, `h`, `m`, `s`, `ms`, `us` (or `µs`) and `ns`. A minus sign stands before the whole. No spaces, and no
/// number without a unit.
extension Duration {
    enum Reading: Equatable {
        case duration(Duration)
        /// Not in that form.
        case malformed
        /// More than the type can hold.
        case tooLong
    }

    static func reading(_ text: String) -> Reading {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative { rest.removeFirst() }
        guard !rest.isEmpty else { return .malformed }
        var units = unitsOfDocuments[...]
        var total: Int128 = 0
        var isTooLong = false
        while !rest.isEmpty {
            let whole = rest.takeDigits()
            var fraction = Substring()
            if rest.first == "." {
                rest.removeFirst()
                fraction = rest.takeDigits()
                guard !fraction.isEmpty else { return .malformed }
            }
            let name = rest.prefix { !$0.isASCIIDigit }
            guard !whole.isEmpty, let place = units.firstIndex(where: { $0.names.contains(String(name)) }) else {
                return .malformed
            }
            rest.removeFirst(name.count)
            let unit = units[place].attoseconds
            units = units[(place + 1)...]
            guard let part = attoseconds(whole, fraction, unit) else {
                isTooLong = true
                continue
            }
            let (sum, overflow) = total.addingReportingOverflow(part)
            total = sum
            isTooLong = isTooLong || overflow
        }
        return isTooLong ? .tooLong : .duration(Duration(attoseconds: isNegative ? -total : total))
    }

    /// A number of some unit, digits that make less than an attosecond left out; `nil` if it does not fit.
    private static func attoseconds(_ whole: Substring, _ fraction: Substring, _ unit: Int128) -> Int128? {
        var number: Int128 = 0
        for digit in whole.utf8 {
            let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            let (sum, carried) = tens.addingReportingOverflow(Int128(digit - UInt8(ascii: "0")))
            guard !carried else { return nil }
            number = sum
        }
        var part: Int128 = 0
        var place = unit
        for digit in fraction.utf8 {
            place /= 10
            guard place > 0 else { break }
            part += place * Int128(digit - UInt8(ascii: "0"))
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        let (sum, carried) = product.addingReportingOverflow(part)
        return overflow || carried ? nil : sum
    }

    /// The exact duration, in the form of ``ConfigurationValue/duration(_:)``.
    var documentText: String {
        var rest = attoseconds.magnitude
        guard rest > 0 else { return "0s" }
        var text = attoseconds < 0 ? "-" : ""
        let second: UInt128 = 1_000_000_000_000_000_000
        guard rest >= second else {
            let unit: (UInt128, String) =
                rest >= second / 1_000
                ? (second / 1_000, "ms")
                : rest >= second / 1_000_000 ? (second / 1_000_000, "us") : (second / 1_000_000_000, "ns")
            return text + Self.decimal(rest, unit.0) + unit.1
        }
        for (unit, name) in [(3_600 * second, "h"), (60 * second, "m")] where rest >= unit {
            text += "\(rest / unit)\(name)"
            rest %= unit
        }
        return rest == 0 ? text : text + Self.decimal(rest, second) + "s"
    }

    private static func decimal(_ value: UInt128, _ unit: UInt128) -> String {
        var text = "\(value / unit)"
        var rest = value % unit
        var place = unit
        if rest > 0 { text += "." }
        while rest > 0 {
            place /= 10
            text += "\(rest / place)"
            rest %= place
        }
        return text
    }
}

private let unitsOfDocuments: [(names: [String], attoseconds: Int128)] = [
    (["d"], 86_400_000_000_000_000_000_000),
    (["h"], 3_600_000_000_000_000_000_000),
    (["m"], 60_000_000_000_000_000_000),
    (["s"], 1_000_000_000_000_000_000),
    (["ms"], 1_000_000_000_000_000),
    // The sign for micro is in Unicode twice.
    (["us", "\u{B5}s", "\u{3BC}s"], 1_000_000_000_000),
    (["ns"], 1_000_000_000),
]

extension Substring {
    fileprivate mutating func takeDigits() -> Substring {
        let digits = prefix(while: \.isASCIIDigit)
        removeFirst(digits.count)
        return digits
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { self >= "0" && self <= "9" && isASCII }
}
