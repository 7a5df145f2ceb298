extension Int64 {
    @inlinable
    package func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }

    @inlinable
    package func subtractingSaturated(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}

extension Int {
    /// Adds one, and stays at the largest value once there.
    @inlinable
    package mutating func increment() {
        let (sum, overflow) = addingReportingOverflow(1)
        if !overflow { self = sum }
    }

    @inlinable
    package func addingSaturated(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}

extension Double {
    /// A whole power, by squaring; infinity if it does not fit.
    package func raised(to exponent: Int) -> Double {
        var result = 1.0
        var square = self
        var rest = Swift.max(0, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }
}

extension Duration {
    /// The duration in whole nanoseconds, rounded toward zero; at the limits of the type if it does not fit.
    ///
    /// What clocks measure is whole nanoseconds, and dividing a multiple of 10^9 = 2^9 · 5^9 takes a shift and one
    /// multiplication by the inverse of 5^9 modulo 2^64. Whether it was one, and fits, shows when it is multiplied
    /// back.
    @inlinable
    package var saturatedNanoseconds: Int64 {
        let attoseconds = attoseconds
        let quotient = Int64(truncatingIfNeeded: attoseconds >> 9) &* Self.inverseOfOddPart
        if Int128(quotient) &* 1_000_000_000 == attoseconds { return quotient }
        return Self.dividedNanoseconds(ofAttoseconds: attoseconds)
    }

    /// 5^9 times this is 1 modulo 2^64.
    @inlinable static var inverseOfOddPart: Int64 { -8_194_354_213_138_031_507 }

    /// Any duration: rounds toward zero, and saturates.
    @usableFromInline
    static func dividedNanoseconds(ofAttoseconds attoseconds: Int128) -> Int64 {
        if attoseconds >= 0 { return nanoseconds(ofAttoseconds: attoseconds.magnitude) }
        guard attoseconds > Int128(Int64.min) * 1_000_000_000 else { return .min }
        return -nanoseconds(ofAttoseconds: attoseconds.magnitude)
    }

    /// Divides by 10^9 = 2^9 · 5^9 with two 64-bit divisions by a constant, which compile to multiplications: a
    /// 128-bit division would cost more than reading the clock.
    private static func nanoseconds(ofAttoseconds attoseconds: UInt128) -> Int64 {
        guard attoseconds < UInt128(Int64.max) * 1_000_000_000 else { return .max }
        let shifted = attoseconds >> 9
        let high = UInt64(truncatingIfNeeded: shifted >> 42)
        let low = UInt64(truncatingIfNeeded: shifted) & 0x3FF_FFFF_FFFF
        let quotient = (high / 1_953_125) << 42 + ((high % 1_953_125) << 42 | low) / 1_953_125
        return Int64(truncatingIfNeeded: quotient)
    }

    /// A product that stays within what a `TimeSource.Instant` can hold; zero for a factor that is not a number.
    package func multipliedSaturated(by factor: Double) -> Duration {
        let product = Double(saturatedNanoseconds) * factor
        guard product == product else { return .zero }
        if product >= 0x1p63 { return .nanoseconds(Int64.max) }
        if product <= -0x1p63 { return .nanoseconds(Int64.min) }
        return .nanoseconds(Int64(product))
    }

    /// Seconds with at most three decimals, without Foundation: "4.2 seconds", "1 second", "250 milliseconds".
    package var sentenceForm: String {
        let nanoseconds = saturatedNanoseconds
        let magnitude = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        func number(_ unit: UInt64, _ name: String) -> String {
            let (whole, rest) = magnitude.quotientAndRemainder(dividingBy: unit)
            var fraction = String(rest / (unit / 1000))
            fraction = String(repeating: "0", count: 3 - fraction.count) + fraction
            while fraction.hasSuffix("0") { fraction.removeLast() }
            let text = fraction.isEmpty ? "\(whole)" : "\(whole).\(fraction)"
            return "\(sign)\(text) \(name)\(text == "1" ? "" : "s")"
        }
        return switch magnitude {
        case 0: "0 seconds"
        case ..<1_000: "\(sign)\(magnitude) nanosecond\(magnitude == 1 ? "" : "s")"
        case ..<1_000_000: number(1_000, "microsecond")
        case ..<1_000_000_000: number(1_000_000, "millisecond")
        default: number(1_000_000_000, "second")
        }
    }

    /// The same for one line of a description: "10s", "250ms", "1.5s".
    package var shortForm: String {
        let parts = sentenceForm.split(separator: " ")
        guard parts.count == 2 else { return sentenceForm }
        let units = ["second": "s", "millisecond": "ms", "microsecond": "µs"]
        let unit = parts[1].hasSuffix("s") ? String(parts[1].dropLast()) : String(parts[1])
        return "\(parts[0])\(units[unit] ?? "ns")"
    }
}
