public import ResilienceCore

extension Timeout {
    /// The error of a call that took longer than its limit.
    ///
    /// Not a `PolicyRejection`: the call was made, and its service did not answer in time, so that a breaker outside of
    /// the timeout counts a failure.
    public struct Exceeded: OverloadError, Sendable, CustomStringConvertible {
        /// The name of the timeout.
        public let timeout: String

        /// The limit that was reached. Zero or less if there was no time left to begin with.
        public let limit: Duration

        /// What the operation threw when it was cancelled: a `CancellationError`, or its client's own error. `nil` if
        /// the operation did not run, or was abandoned.
        public let underlying: (any Error)?

        /// `"timeout" exceeded its limit of 2 seconds`
        public var description: String {
            limit > .zero
                ? "\"\(timeout)\" exceeded its limit of \(limit.sentenceForm)"
                : "\"\(timeout)\" had no time left to begin"
        }
    }
}
