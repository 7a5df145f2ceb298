public import ResilienceCore

extension Retry {
    /// An attempt that failed.
    public struct FailedAttempt: Sendable, CustomStringConvertible {
        /// Its number: 1 for the first.
        public let attempt: Int
        /// What it threw; `UnacceptedResultError` if its value was not accepted.
        public let error: any Error
        /// How long the call waited, or was about to wait, before it tried again; `nil` if it gave up.
        public let delay: Duration?

        /// `attempt 2 failed: connection refused; retry after 100 milliseconds`
        public var description: String {
            let next = delay.map { "; retry after \($0.sentenceForm)" } ?? ""
            return "attempt \(attempt) failed: \(error)\(next)"
        }

        /// The key under which failed attempts are reported to an `Execution`.
        package enum Key: TracedReport {
            package typealias Value = FailedAttempt

            package static func callEvent(_ failed: FailedAttempt) -> CallEvent? {
                CallEvent(failed.delay == nil ? "retry.gave_up" : "retry.attempt_failed") { details in
                    details.add("attempt", failed.attempt)
                    details.add(failed.error)
                    details.add(seconds: "delay", failed.delay)
                }
            }
        }
    }

    /// The error of a call that failed after retries, where ``Configuration/exhaustion`` asks for it.
    ///
    /// Means what its last error means: breakers, conditions and limits see that one, and its hint when to try again.
    public struct ExhaustedError: ErrorWrapper, ServerHintProviding, Sendable, CustomStringConvertible {
        /// The name of the retry.
        public let policyName: String
        /// Why there was no further attempt.
        public let reason: StopReason
        /// How many attempts there were.
        public let attempts: Int
        /// The attempts, in order; the latest 32 if there were more.
        public let failures: [FailedAttempt]
        /// The error of the last attempt.
        public let wrappedError: any Error

        /// What the last error says about trying again.
        public var serverHint: ServerHint? { ServerHint(wrappedError) }

        /// `retry "payments" gave up after 3 attempts (no attempts are left): connection refused`
        public var description: String {
            "retry \"\(policyName)\" gave up after \(attempts.ofAttempts) (\(reason)): \(wrappedError)"
        }
    }

    /// Why there was no further attempt.
    public enum StopReason: Sendable, Hashable, CaseIterable, CustomStringConvertible {
        /// ``Configuration/maxAttempts`` is reached.
        case attempts
        /// The delay would end after ``Configuration/maxDuration``.
        case duration
        /// The delay would not end before the call's deadline, or the deadline has passed.
        case deadline
        /// A rejection that is waited for, or a server under ``ServerHints/exact``, asked for more than
        /// ``Configuration/maxDelay``.
        case delay
        /// The budget is spent.
        case budget
        /// The backoff's function gave up, or threw.
        case backoff
        /// The server asked not to try again.
        case server
        /// A layer inside refused the call, and is not waited for: ``Configuration/onRejection`` does not ask for it,
        /// or the rejection names no time.
        case rejection
        /// ``Configuration/handles`` does not hold for the error.
        case notRetryable
        /// The operation may have had an effect and must not have it twice.
        case notIdempotent
        /// The caller gave up.
        case cancelled

        /// A few words for logs.
        public var description: String {
            switch self {
            case .attempts: "no attempts are left"
            case .duration: "the longest duration is reached"
            case .deadline: "the deadline is too near"
            case .delay: "the delay asked for is too long"
            case .budget: "the retry budget is spent"
            case .backoff: "the backoff says no"
            case .server: "the server asked not to retry"
            case .rejection: "a layer inside refused the call"
            case .notRetryable: "the error is not to be retried"
            case .notIdempotent: "the call is not idempotent"
            case .cancelled: "cancelled"
            }
        }

        /// Whether another attempt would have been made, had there been attempts, time or tokens.
        var isOfRetryableFailure: Bool {
            switch self {
            case .attempts, .duration, .deadline, .delay, .budget, .backoff, .server: true
            case .rejection, .notRetryable, .notIdempotent, .cancelled: false
            }
        }
    }
}

extension Int {
    /// `1 attempt`, `2 attempts`
    var ofAttempts: String { self == 1 ? "1 attempt" : "\(self) attempts" }
}
