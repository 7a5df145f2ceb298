public import ResilienceCore

extension AdaptiveThrottle {
    /// How many calls a throttle rejects, and over which time it counts.
    public struct Configuration: Sendable {
        /// How many calls are let through for each that the service accepts, 1 to 1000; K in the book. With 2, one in
        /// two calls may be refused before any is rejected here, and the service sees up to twice the calls it accepts,
        /// so that the throttle soon learns when it recovers. Nearer to 1 spares the service more. Default: 2.
        public var multiplier: Double

        /// How far back calls are counted, at least 1 ns. Default: 2 minutes.
        public var window: Duration

        /// In how many equal parts the window is forgotten, 1 to 10 000. Default: 20.
        public var buckets: Int

        /// The highest probability of a rejection, 0 to 1. Default: 0.9, so that one in ten calls still finds out
        /// whether the service has recovered. The book has no such bound, which is 1.
        public var maxRejection: Double

        /// How many calls there have to be in the window for any to be rejected, 0 to 1 000 000. Default: 10. The book
        /// has no such bound, which is 0; there, after a single call that failed, the next is rejected with a
        /// probability of one half.
        public var minimumRequests: Int

        /// Which errors mean that the service did not accept a call. Others mean that it did: it had the capacity to
        /// find out that an order is unknown. Default: all.
        ///
        /// Not asked where the answer is certain. A call that was cut off because its deadline had passed was refused,
        /// for it was the service that did not answer in time. The caller's own cancellation is ``Outcome/cancelled``,
        /// and the rejection of a layer inside ``Outcome/ignored``.
        public var handles: ErrorCondition

        /// Which errors say nothing about the service. Asked before ``handles``. Default: none.
        public var ignores: ErrorCondition

        /// Creates a configuration; every part has a default.
        public init(
            multiplier: Double = 2, window: Duration = .seconds(120), buckets: Int = 20, maxRejection: Double = 0.9,
            minimumRequests: Int = 10, handles: ErrorCondition = .all, ignores: ErrorCondition = .none
        ) {
            self.multiplier = multiplier
            self.window = window
            self.buckets = buckets
            self.maxRejection = maxRejection
            self.minimumRequests = minimumRequests
            self.handles = handles
            self.ignores = ignores
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("adaptiveThrottle")
            check.require("multiplier", multiplier, in: 1...1000)
            check.require(positive: "window", window)
            check.require("buckets", buckets, in: 1...10_000)
            check.require("maxRejection", maxRejection, in: 0...1)
            check.require("minimumRequests", minimumRequests, in: 0...1_000_000)
            try check.finish()
        }
    }

    /// What a call's end means to the throttle.
    public enum Outcome: Sendable, Hashable {
        /// The service took the call on: it counts as a request and as an accept.
        case accepted
        /// The service did not: it counts as a request only.
        case refused
        /// Says nothing about the service. Only the totals count it.
        case ignored
        /// The caller gave up. Only the totals count it.
        case cancelled

        /// Whether the window counts it.
        var counts: Bool { self == .accepted || self == .refused }

        init(_ verdict: ErrorConditions.Verdict) {
            self =
                switch verdict {
                case .failure: .refused
                case .success: .accepted
                case .ignored: .ignored
                case .cancelled: .cancelled
                }
        }
    }
}

extension AdaptiveThrottle.Configuration {
    var conditions: ErrorConditions { ErrorConditions(handles: handles, ignores: ignores) }
}
