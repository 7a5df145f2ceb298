/// Delays that grow by the same factor each time.
package struct ExponentialGrowth: Sendable, Hashable {
    /// The first.
    package let from: Duration
    /// By how much each is longer than the one before, at least 1.
    package let factor: Double

    package init(from: Duration, factor: Double) {
        self.from = from
        self.factor = factor
    }

    /// `from · factor^(n−1)`, saturating.
    ///
    /// - Parameter number: Which of them, from 1 on.
    package func delay(_ number: Int) -> Duration {
        from.multipliedSaturated(by: factor.raised(to: number - 1))
    }
}

extension ConfigurationCheck {
    /// A factor by which something grows.
    package mutating func require(growth field: String, _ factor: Double) {
        require(factor >= 1 && factor.isFinite, field, "\(factor)", "is not a number of at least 1")
    }
}
