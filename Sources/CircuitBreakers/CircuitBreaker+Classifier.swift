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
    /// Never asked about the caller's own cancellation: a `CancellationError`, or any error while the task is
    /// cancelled, is ``Outcome/cancelled``; unless the call's deadline has passed, for then it was the service that did
    /// not answer in time, and the outcome is a failure.
    public struct Classifier: Sendable {
        let outcome: @Sendable (any Error) -> Outcome

        /// Classifies by a function.
        public init(_ outcome: @escaping @Sendable (any Error) -> Outcome) {
            self.outcome = outcome
        }

        /// Every error is a failure, save the rejection of a layer inside (``PolicyRejection``), which is ignored: a
        /// full bulkhead says nothing about the service.
        public static let standard = Classifier { $0 is any PolicyRejection ? .ignored : .failure }

        /// As ``standard``, but errors of some types are ignored.
        public static func ignoring(_ types: any Error.Type...) -> Classifier {
            Classifier { error in
                types.contains { type(of: error) == $0 } ? .ignored : standard.outcome(error)
            }
        }

        /// As ``standard``, but errors for which `isFailure` is false are ignored.
        public static func failures(where isFailure: @escaping @Sendable (any Error) -> Bool) -> Classifier {
            Classifier { error in
                let outcome = standard.outcome(error)
                return outcome == .failure && !(error is UnacceptedResult) && !isFailure(error) ? .ignored : outcome
            }
        }

        func classify(_ error: any Error, _ context: Context?) -> Outcome {
            if Task.isCancelled || error is CancellationError {
                return context?.isPastDeadline == true ? .failure : .cancelled
            }
            return outcome(error)
        }
    }
}
