public import ResilienceCore

extension Bulkhead {
    /// The error of a call that a bulkhead did not let through.
    public struct RejectedError: PolicyRejection, Hashable {
        /// Why a call was not let through.
        public enum Cause: String, Sendable, Hashable, Codable, CaseIterable {
            /// There was no free slot, and no place in the queue.
            case full
            /// No slot was free before the longest wait was over, or the call's deadline had come.
            case timedOut
            /// The queue was full, and a call came that goes before this one.
            case displaced
        }

        /// The bulkhead's name.
        public let policyName: String

        /// Why the call was not let through.
        public let cause: Cause

        /// The limit at that time.
        public let limit: Int

        /// How long the call waited.
        public let waited: Duration

        /// Zero where there was no place: a slot may come free at any moment, and a retry waits as long as its backoff
        /// says. `nil` for a call whose wait ran out, which a retry only would queue again, and for a limit of 0.
        public var retryAfter: Duration? { cause == .timedOut || limit == 0 ? nil : .zero }

        /// Why, in a few words.
        public var reason: String {
            switch cause {
            case .full: "bulkhead is full"
            case .timedOut: "no slot of the bulkhead was free in time"
            case .displaced: "bulkhead is full, and another call goes first"
            }
        }

        /// `bulkhead "payments" is full with 32 calls`
        public var description: String {
            let subject = "bulkhead \"\(policyName)\""
            return switch cause {
            case .full where limit == 0: "\(subject) lets no calls through"
            case .full: "\(subject) is full with \(limit) call\(limit == 1 ? "" : "s")"
            case .timedOut: "\(subject) had no free slot within \(waited.sentenceForm)"
            case .displaced: "\(subject) is full, and another call goes first"
            }
        }
    }
}
