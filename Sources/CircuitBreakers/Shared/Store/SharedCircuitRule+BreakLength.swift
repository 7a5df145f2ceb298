internal import ResilienceCore

extension SharedCircuitRule {
    /// How long a fleet's breaks are. Without jitter, because one node probes for all.
    public struct BreakLength: Sendable, Hashable {
        enum Kind: Sendable, Hashable {
            case fixed(Duration)
            case growing(from: Duration, factor: Double, upTo: Duration)
        }

        let kind: Kind

        /// Always the same, 1 ms to 24 hours.
        public static func fixed(_ length: Duration) -> BreakLength { BreakLength(kind: .fixed(length)) }

        /// `from · factor^(n−1)` the n-th time in a row that the circuit opens without having closed, at most `upTo`.
        ///
        /// - Parameters:
        ///   - from: The first length, 1 ms to 24 hours. Default: 5 s.
        ///   - factor: By how much a break is longer than the one before, 1 to 100, to the thousandth. Default: 2.
        ///   - upTo: The longest, at least `from`, at most 24 hours. Default: 60 s.
        public static func growing(
            from: Duration = .seconds(5), factor: Double = 2, upTo: Duration = .seconds(60)
        ) -> BreakLength {
            BreakLength(kind: .growing(from: from, factor: factor, upTo: upTo))
        }

        /// The parts of what grows; what is fixed grows by nothing.
        var parts: (from: Duration, factor: Double, upTo: Duration) {
            switch kind {
            case .fixed(let length): (length, 1, length)
            case .growing(let from, let factor, let upTo): (from, factor, upTo)
            }
        }

        func check(_ check: inout ConfigurationCheck, _ field: String) {
            let (from, factor, upTo) = parts
            let longest = Duration.seconds(86_400)
            let isFixed = if case .fixed = kind { true } else { false }
            check.require(
                isFixed ? field : "\(field).from", from, in: .milliseconds(1)...longest, "1 ms...24 hours")
            if isFixed { return }
            check.require("\(field).factor", factor, in: 1...100)
            check.require(
                upTo >= from && upTo <= longest, "\(field).upTo", "\(upTo)",
                "is outside \(field).from (\(from))...24 hours")
        }

        /// A text is a fixed length, an object a growing one.
        mutating func read(_ reader: ConfigurationReader) {
            if case .string = reader.value {
                if let length = reader.duration() { self = .fixed(length) }
                return
            }
            reader.object { object in
                let base = if case .growing = kind { self } else { Self.growing() }
                var (from, factor, upTo) = base.parts
                object.read("from", &from)
                object.read("factor", &factor)
                object.read("upTo", &upTo)
                self = .growing(from: from, factor: factor, upTo: upTo)
            }
        }

        var document: ConfigurationValue {
            switch kind {
            case .fixed(let length): .duration(length)
            case .growing(let from, let factor, let upTo):
                ["from": .duration(from), "factor": .number(factor), "upTo": .duration(upTo)]
            }
        }
    }
}
