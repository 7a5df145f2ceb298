public import ResilienceCore

extension AdaptiveThrottle {
    /// How many calls a throttle rejects, and over which time it counts.
    public struct Configuration: Sendable {
        /// How many calls are let through for each that the service accepts, 1 to 1000; K in the book. With 2, one in two
        /// calls may be refused before any is rejected here, and the service sees up to twice the calls it accepts, so
        /// that the throttle soon learns when it recovers. Nearer to 1 spares the service more. Default: 2.
        public var multiplier: Double

        /// How far back calls are counted, at least 1 ns. Default: 2 minutes.
        public var window: Duration

        /// In how many equal parts the window is forgotten, 1 to 10 000. Default: 20.
        public var buckets: Int

        /// The highest probability of a rejection, 0 to 1. Default: 0.9, so that one in ten calls still finds out whether
        /// the service has recovered. The book has no such bound, which is 1.
        public var maximumRejection: Double

        /// How many calls there have to be in the window for any to be rejected, 0 to 1 000 000. Default: 10. The book
        /// has no such bound, which is 0; there, after a single call that failed, the next is rejected with a
        /// probability of one half.
        public var minimumRequests: Int

        /// Which errors mean that the service did not accept a call. Default: ``Classifier/standard``.
        public var classifier: Classifier

        /// Creates a configuration; every part has a default.
        public init(
            multiplier: Double = 2, window: Duration = .seconds(120), buckets: Int = 20, maximumRejection: Double = 0.9,
            minimumRequests: Int = 10, classifier: Classifier = .standard
        ) {
            self.multiplier = multiplier
            self.window = window
            self.buckets = buckets
            self.maximumRejection = maximumRejection
            self.minimumRequests = minimumRequests
            self.classifier = classifier
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("adaptiveThrottle")
            check.require("multiplier", multiplier, in: 1...1000)
            check.require(positive: "window", window)
            check.require("buckets", buckets, in: 1...10_000)
            check.require("maximumRejection", maximumRejection, in: 0...1)
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
    }

    /// Tells which errors mean that the service did not accept a call.
    ///
    /// Never asked about the caller's own cancellation: a `CancellationError`, or any error while the task is cancelled,
    /// is ``Outcome/cancelled``; unless the call's deadline has passed, for then it was the service that did not answer
    /// in time, and the outcome is ``Outcome/refused``.
    public struct Classifier: Sendable {
        let outcome: @Sendable (any Error) -> Outcome

        /// Classifies by a function. It runs outside the throttle's lock.
        public init(_ outcome: @escaping @Sendable (any Error) -> Outcome) {
            self.outcome = outcome
        }

        /// Every error is a refusal, save the rejection of a layer inside (`PolicyRejection`), which is ignored.
        public static let standard = Classifier { $0 is any PolicyRejection ? .ignored : .refused }

        /// As ``standard``, but errors for which `isRefusal` is false mean that the service took the call on: it had the
        /// capacity to find out that the order is unknown.
        public static func refusals(where isRefusal: @escaping @Sendable (any Error) -> Bool) -> Classifier {
            Classifier { error in
                let outcome = standard.outcome(error)
                return outcome == .refused && !(error is UnacceptedResult) && !isRefusal(error) ? .accepted : outcome
            }
        }

        func classify(_ error: any Error, _ context: Context?) -> Outcome {
            if Task.isCancelled || error is CancellationError {
                return context?.isPastDeadline == true ? .refused : .cancelled
            }
            return outcome(error)
        }
    }
}
