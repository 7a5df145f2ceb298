public import ResilienceCore

extension Pause {
    /// The rejection of a call that cannot wait for the end of a pause.
    public struct PausedError: PolicyRejection, Hashable {
        /// The name of the pause.
        public let policyName: String

        /// The time until the pause is over.
        public let retryAfter: Duration?

        /// Why, in a few words.
        public var reason: String { "the service has asked to wait" }

        /// `pause "api" holds calls back; retry after 2 seconds`
        public var description: String {
            "pause \"\(policyName)\" holds calls back" + (retryAfter.map { "; retry after \($0.sentenceForm)" } ?? "")
        }
    }
}
