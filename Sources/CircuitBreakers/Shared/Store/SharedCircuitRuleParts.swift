internal import ResilienceCore

/// A rule in whole numbers, as stores apply it: the same in Swift and where the only numbers are doubles, because
/// nothing that is made of them exceeds 2^53.
///
/// Each part is brought into its range, so that a rule that was not validated does no harm.
public struct SharedCircuitRuleParts: Sendable, Hashable {
    /// What the rule looks at.
    public enum Trip: Int, Sendable, Hashable {
        /// The number of failures.
        case failures = 0
        /// The share of failures.
        case failureRate = 1
        /// The share of slow calls.
        case slowCallRate = 2
    }

    /// What the rule looks at.
    public let trip: Trip
    /// For failures how many; otherwise the share, in millionths, 1 to 1 000 000.
    public let threshold: Int64
    /// The least number of calls for a share; 0 for failures.
    public let minimumCalls: Int64
    /// How far back the fleet looks, in microseconds.
    public let window: Int64
    /// The least number of witnesses.
    public let minimumNodes: Int64
    /// The least share of witnesses among the nodes, in millionths.
    public let minimumShare: Int64
    /// The greatest share of one node, in millionths, 1 to 1 000 000.
    public let maxNodeShare: Int64
    /// The first break, in microseconds.
    public let breakLength: Int64
    /// By what a break is longer than the one before, in thousandths, 1000 to 100 000.
    public let breakFactor: Int64
    /// The longest break, in microseconds.
    public let maxBreakLength: Int64

    /// Takes a rule apart.
    public init(_ rule: SharedCircuitRule) {
        let counts = 1...SharedCircuitRecord.maxCount
        switch rule.trip {
        case .failures(let count):
            (trip, threshold, minimumCalls) = (.failures, Int64(count).clamped(to: counts), 0)
        case .failureRate(let rate, let minimumCalls):
            (trip, threshold) = (.failureRate, max(1, Self.millionths(rate)))
            self.minimumCalls = Int64(minimumCalls).clamped(to: counts)
        case .slowCallRate(let rate, let minimumCalls):
            (trip, threshold) = (.slowCallRate, max(1, Self.millionths(rate)))
            self.minimumCalls = Int64(minimumCalls).clamped(to: counts)
        }
        window = rule.window.microseconds.clamped(to: 100_000...3_600_000_000)
        minimumNodes = Int64(rule.minimumNodes).clamped(to: 1...Int64(SharedCircuitRecord.maxNodes))
        minimumShare = Self.millionths(rule.minimumShare)
        maxNodeShare = max(1, Self.millionths(rule.maxNodeShare))
        let (from, factor, upTo) = rule.breakLength.parts
        breakLength = from.microseconds.clamped(to: SharedCircuitRecord.breakLengths)
        breakFactor = factor >= 1 ? Int64((min(factor, 100) * 1000).rounded()) : 1000
        maxBreakLength = max(breakLength, upTo.microseconds.clamped(to: SharedCircuitRecord.breakLengths))
    }

    /// How long the n-th break in a row is, in microseconds: each is the one before times the factor, rounded down.
    public func breakLength(_ number: Int64) -> Int64 {
        var length = min(breakLength, maxBreakLength)
        guard breakFactor > 1000 else { return length }
        var rest = number - 1
        while rest > 0, length < maxBreakLength {
            length = min(maxBreakLength, length * breakFactor / 1000)
            rest -= 1
        }
        return length
    }

    /// A share in millionths, rounded up, unless it is a whole number of them but for the error of binary fractions.
    private static func millionths(_ share: Double) -> Int64 {
        guard share > 0 else { return 0 }
        let exact = min(share, 1) * 1_000_000
        let nearest = exact.rounded()
        return Int64(abs(exact - nearest) < 0.001 ? nearest : exact.rounded(.up))
    }
}

extension SharedCircuitRule {
    /// The rule in whole numbers, as stores apply it.
    public var parts: SharedCircuitRuleParts { SharedCircuitRuleParts(self) }
}

extension Duration {
    /// In whole microseconds, rounded down.
    package var microseconds: Int64 { saturatedNanoseconds / 1000 }
}

extension Int64 {
    func clamped(to range: ClosedRange<Int64>) -> Int64 {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
