internal import ResilienceCore

extension CircuitBreaker {
    /// What a call's end means to the breaker. Slow calls are told by their duration, beside this.
    public enum Outcome: Sendable, Hashable {
        /// The service works.
        case success
        /// The service does not.
        case failure
        /// Says nothing about the service, such as an error of the caller's own making. Counted, but neither way.
        case ignored
        /// The caller gave up. Neither way, and a probe's place is free again.
        case cancelled
    }

    /// Tells which errors count as failures.
    ///
    /// Asked about errors of the service and its client. Not asked is a classifier about the caller's own cancellation (any
    /// error while its task is cancelled), which is ``Outcome/cancelled``; about a call that was cut off because its
    /// deadline had passed, which is a failure, for it was the service that did not answer in time; nor about the rejection
    /// of a layer inside (`PolicyRejection`), which is ignored: a full bulkhead says nothing about the service.
    ///
    /// Of an error that stands for another (`ErrorWrapper`), such as that of a retry that gave up, the one inside decides.
    public struct Classifier: Sendable {
        let outcome: @Sendable (any Error) -> Outcome

        private init(asking outcome: @escaping @Sendable (any Error) -> Outcome) {
            self.outcome = outcome
        }

        /// Classifies by a function. Of wrappers, the error inside decides unless the function knows the wrapper.
        public init(_ outcome: @escaping @Sendable (any Error) -> Outcome) {
            self.init(asking: { $0.judged(by: outcome) })
        }

        /// Every error is a failure.
        public static let standard = Classifier(asking: { _ in .failure })

        /// As ``standard``, but errors of some types are ignored, as `is` tells: subclasses too, and errors bridged to them.
        public static func ignoring(_ types: any Error.Type...) -> Classifier {
            Classifier(asking: { $0.isAny(of: types) ? .ignored : .failure })
        }

        /// As ``standard``, but errors for which `isFailure` is false are ignored. Of wrappers, the error inside
        /// decides unless the function knows the wrapper.
        public static func failures(where isFailure: @escaping @Sendable (any Error) -> Bool) -> Classifier {
            Classifier(asking: { $0.judged { $0 is UnacceptedResult || isFailure($0) ? .failure : .ignored } })
        }

        func classify(_ error: any Error, _ context: Context?) -> Outcome {
            switch CallEnd(error, in: context) {
            case .rejected: .ignored
            case .cancelled: .cancelled
            case .expired: .failure
            case .failed: outcome(error)
            }
        }
    }
}
