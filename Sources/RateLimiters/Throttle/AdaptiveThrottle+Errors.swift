public import ResilienceCore

extension AdaptiveThrottle {
    /// The error of a call that a throttle rejected.
    public struct RejectedError: PolicyRejection, Hashable {
        /// The throttle's name.
        public let policyName: String

        /// The probability with which the throttle rejected calls at that moment, above 0 to 1.
        public let probability: Double

        /// Always `nil`: the next call may be let through, and it is not known when the service recovers.
        public var retryAfter: Duration? { nil }

        /// Why, in a few words.
        public var reason: String { "adaptive throttle sheds load" }

        /// `adaptive throttle "payments" rejects calls with a probability of 0.198`
        public var description: String {
            "adaptive throttle \"\(policyName)\" rejects calls with a probability of \(probability.inThousandths)"
        }
    }
}

extension Double {
    /// With at most three decimals. Not for numbers that are large or none.
    fileprivate var inThousandths: Double { (self * 1000).rounded() / 1000 }
}
