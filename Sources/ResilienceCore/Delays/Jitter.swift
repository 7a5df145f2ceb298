/// How a delay is varied, so that clients that failed together do not come back together: that of a backoff, or the
/// break of a circuit breaker.
///
/// A delay that has reached its limit, such as `maxDelay`, is varied downwards from there: clients stay spread at the
/// limit too. What would be above is drawn from what is left below, not cut, so that nothing gathers at the limit.
public struct Jitter: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case none
        case ratio(Double)
        case full
        case equal
        case decorrelated
    }

    let kind: Kind

    /// Delays as they are.
    public static let none = Jitter(kind: .none)

    /// Anything from zero to the delay. Spreads best, and puts the least load on what is recovering (Brooker,
    /// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    public static let full = Jitter(kind: .full)

    /// Anything from half of the delay to the whole.
    public static let equal = Jitter(kind: .equal)

    /// Anything from the first delay to three times the one before (Brooker, as above). Grows by itself, also on a
    /// constant backoff. What came before is remembered for each call of its own, so that this is for backoffs alone. A
    /// first delay above half of `maxDelay` counts as that half.
    public static let decorrelated = Jitter(kind: .decorrelated)

    /// The delay ± `ratio` of it, 0 to 1; but never above its limit.
    public static func ratio(_ ratio: Double) -> Jitter {
        Jitter(kind: .ratio(ratio))
    }

    /// What decorrelated jitter knows about a call.
    package struct Memory: Sendable {
        private(set) var first: Duration?
        private(set) var previous: Duration?

        /// The bounds to draw from, for a backoff that says `delay`.
        mutating func bounds(_ delay: Duration, cap: Duration) -> ClosedRange<Duration> {
            // At least half of the cap is left to draw from, also where the first delay has reached it.
            let lower = first ?? min(delay, cap.multipliedSaturated(by: 0.5))
            first = lower
            let upper = min((previous ?? lower).multipliedSaturated(by: 3), cap)
            return lower...max(lower, upper)
        }

        mutating func remember(_ delay: Duration) { previous = delay }

        package init() {}
    }

    /// Varies a delay that is not negative and at most `cap`; the result is so too.
    package func vary(_ delay: Duration, cap: Duration, _ memory: inout Memory, _ random: RandomSource) -> Duration {
        switch kind {
        case .none: return delay
        case .ratio(let ratio):
            let shortest = delay.multipliedSaturated(by: 1 - ratio).clamped(to: .zero...cap)
            let longest = min(delay.multipliedSaturated(by: 1 + ratio), cap)
            return shortest + (longest - shortest).multipliedSaturated(by: random.next())
        case .full: return delay.multipliedSaturated(by: random.next())
        case .equal:
            let half = delay.multipliedSaturated(by: 0.5)
            return (half + half.multipliedSaturated(by: random.next())).clamped(to: .zero...delay)
        case .decorrelated:
            let bounds = memory.bounds(delay, cap: cap)
            let span = bounds.upperBound - bounds.lowerBound
            let drawn = (bounds.lowerBound + span.multipliedSaturated(by: random.next())).clamped(to: bounds)
            memory.remember(drawn)
            return drawn
        }
    }

    /// The same for delays that each are by themselves.
    package func vary(_ delay: Duration, cap: Duration, _ random: RandomSource) -> Duration {
        var memory = Memory()
        return vary(delay, cap: cap, &memory, random)
    }

    /// Finds what is wrong with it.
    ///
    /// - Parameter remembers: Whether delays come one after another, so that each may depend on the one before.
    package func check(_ check: inout ConfigurationCheck, _ field: String, remembers: Bool) {
        switch kind {
        case .none, .full, .equal: break
        case .ratio(let ratio): check.require(field, ratio, in: 0...1)
        case .decorrelated:
            check.require(remembers, field, "decorrelated", "is for delays that follow one another")
        }
    }
}

extension Duration {
    package func clamped(to bounds: ClosedRange<Duration>) -> Duration {
        min(max(self, bounds.lowerBound), bounds.upperBound)
    }
}
