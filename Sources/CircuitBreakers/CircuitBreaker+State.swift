extension CircuitBreaker {
    /// The state of a breaker. Its raw value is how machines read it: in documents, snapshots, metrics and traces.
    public enum State: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
        /// Calls go through and are counted.
        case closed
        /// Calls are rejected until the break is over.
        case open
        /// A few probes go through; other calls are rejected.
        case halfOpen = "half_open"
        /// Forced open: calls are rejected until the state is changed by hand.
        case isolated
        /// Calls go through and only the totals count them.
        case disabled
        /// Calls go through and are counted; what would have opened the breaker is only reported.
        case observing

        /// The state in a sentence: `half-open` for ``halfOpen``, otherwise the case's name.
        public var description: String { self == .halfOpen ? "half-open" : rawValue }
    }
}
