internal import ResilienceCore

extension Retry {
    /// Tells which errors are retried.
    ///
    /// Never asked about cancellation: no error is retried while the task is cancelled. A `CancellationError` in a task
    /// that is not is an error as any other: a client's own. And the rejection of a layer inside, such as an open
    /// breaker's, is retried only under ``OnRejection/waitUntilRetryAfter``, or where the condition names it:
    /// ``rejections``, and the type of a rejection in ``only(_:)``. The call then waits as it does under that.
    ///
    /// Types match as `is` does, and an `ErrorWrapper` by the error inside as well. A function is given the error inside.
    ///
    /// A value that was not accepted is retried under each of these but ``never`` and what you make with
    /// ``init(_:)``, which is asked about everything.
    public struct Condition: Sendable {
        let holds: @Sendable (any Error) -> Bool
        /// What documents call it; `nil` for what only code can say.
        private(set) var word: Word?
        /// Whether rejections that it holds for are asked for by name, and so to be waited for.
        private(set) var namesRejections = false

        /// Decides by a function of the error; of `UnacceptedResult` for a value that was not accepted.
        public init(_ holds: @escaping @Sendable (any Error) -> Bool) {
            self.init(word: nil) { holds($0.unwrapped) }
        }

        /// What documents call those that need no function.
        enum Word: String, CaseIterable {
            case standard
            case never
            case rejections
        }

        init(_ word: Word) {
            self =
                switch word {
                case .standard: .standard
                case .never: .never
                case .rejections: .rejections
                }
        }

        private init(word: Word?, _ holds: @escaping @Sendable (any Error) -> Bool) {
            self.holds = holds
            self.word = word
        }

        /// Every error.
        public static let standard = Condition(word: .standard) { _ in true }

        /// None.
        public static let never = Condition(word: .never) { _ in false }

        /// Errors by which a layer inside refused the call: an open breaker, a full bulkhead. The operation did not
        /// run, unless it uses a policy itself and threw what that refused.
        public static let rejections = Condition(word: .rejections) {
            let error = $0.unwrapped
            return error is any PolicyRejection || error is UnacceptedResult
        }.namingRejections(true)

        /// Errors of these types.
        public static func only(_ types: any Error.Type...) -> Condition {
            Condition(word: nil) { $0.isAny(of: types) || $0.unwrapped is UnacceptedResult }
                .namingRejections(types.contains { $0 is any PolicyRejection.Type })
        }

        private func namingRejections(_ namesRejections: Bool) -> Condition {
            var condition = self
            condition.namesRejections = namesRejections
            return condition
        }

        /// Errors of all types but these.
        public static func except(_ types: any Error.Type...) -> Condition {
            Condition(word: nil) { !$0.isAny(of: types) || $0.unwrapped is UnacceptedResult }
        }

        /// Errors for which a function says so.
        public static func errors(where isRetryable: @escaping @Sendable (any Error) -> Bool) -> Condition {
            Condition { $0 is UnacceptedResult || isRetryable($0) }
        }
    }
}
