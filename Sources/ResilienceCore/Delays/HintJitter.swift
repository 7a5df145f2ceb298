extension Duration {
    /// A delay that was asked for, as it becomes by a `hintJitter`, 0 to 1: never shorter, and up to that share of it
    /// longer, so that callers that were told the same do not come back together.
    ///
    /// - Parameter share: The whole `hintJitter` for the longest, or what was drawn of it.
    package func prolonged(by share: Double) -> Duration { self + multipliedSaturated(by: share) }
}
