extension ManualClock {
    /// A moment on a manual clock.
    public struct Instant: InstantProtocol, CustomStringConvertible {
        /// The time since the clock's start.
        public let offset: Duration

        /// Creates the moment at some time after the clock's start; by default the start.
        public init(offset: Duration = .zero) {
            self.offset = offset
        }

        /// The moment later by a duration, saturating at the limits of `Duration`.
        public func advanced(by duration: Duration) -> Instant {
            let (sum, overflow) = offset.attoseconds.addingReportingOverflow(duration.attoseconds)
            return Instant(offset: Duration(attoseconds: overflow ? (duration < .zero ? .min : .max) : sum))
        }

        /// The time from this moment to another, negative if the other is earlier.
        public func duration(to other: Instant) -> Duration {
            let (difference, overflow) = other.offset.attoseconds.subtractingReportingOverflow(offset.attoseconds)
            return Duration(attoseconds: overflow ? (offset < .zero ? .max : .min) : difference)
        }

        /// Whether one moment is before another.
        public static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }

        /// The time since the clock's start: `2.5 seconds`.
        public var description: String { offset.description }
    }
}
