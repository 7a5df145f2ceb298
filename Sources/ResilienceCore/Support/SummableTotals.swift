/// Totals that can be added number by number: those of several policies, or of one and of what it replaced.
package protocol SummableTotals {
    /// The numbers, of which each is a sum of its own.
    static var numbers: [WritableKeyPath<Self, Int>] { get }

    /// The spans of time. Default: there are none.
    static var durations: [WritableKeyPath<Self, Duration>] { get }
}

extension SummableTotals {
    package static var durations: [WritableKeyPath<Self, Duration>] { [] }

    /// The sums; what would be larger than the largest number is that. Spans end at 292 years.
    package func adding(_ other: Self) -> Self {
        var sum = self
        for path in Self.numbers { sum[keyPath: path] = self[keyPath: path].addingSaturated(other[keyPath: path]) }
        for path in Self.durations {
            let (one, another) = (self[keyPath: path].saturatedNanoseconds, other[keyPath: path].saturatedNanoseconds)
            sum[keyPath: path] = .nanoseconds(one.addingSaturated(another))
        }
        return sum
    }
}
