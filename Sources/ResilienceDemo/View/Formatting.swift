extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }

    func rightAligned(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }

    var withoutTrailingSpace: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension Duration {
    /// For a cell of a table: "<1 ms", "402 ms", "1.25 s", "12.5 s", "301 s".
    var cell: String {
        let milliseconds = (seconds * 1000).rounded()
        return switch seconds {
        case ..<0.001: self == .zero ? "0 ms" : "<1 ms"
        case _ where milliseconds < 1000: "\(Int(milliseconds)) ms"
        case _ where seconds < 9.995: "\(seconds.text(decimals: 2)) s"
        case _ where seconds < 99.95: "\(seconds.text(decimals: 1)) s"
        default: "\(seconds.text(decimals: 0)) s"
        }
    }

    /// A moment since the start: "4.0 s".
    var moment: String { "\(seconds.text(decimals: 1)) s" }
}

extension Double {
    /// Rounded, with a fixed number of decimals.
    func text(decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (magnitude * scale).rounded()
        guard let digits = Int(exactly: scaled) else { return "\(self)" }
        let sign = self < 0 && digits != 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(digits) }
        let (whole, fraction) = digits.quotientAndRemainder(dividingBy: Int(scale))
        let zeros = String(repeating: "0", count: decimals - String(fraction).count)
        return "\(sign)\(whole).\(zeros)\(fraction)"
    }

    /// A share of 1 as "53 %".
    var percent: String { "\((self * 100).text(decimals: 0)) %" }
}

extension Optional where Wrapped == Duration {
    /// The duration, or a dash where there is none.
    var cell: String { self?.cell ?? "-" }
}
