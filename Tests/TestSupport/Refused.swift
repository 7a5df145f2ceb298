internal import ResilienceCore

/// A rejection by a policy that the test does not have, as a limiter or a bulkhead makes it.
package struct Refused: PolicyRejection, Equatable {
    package var policyName: String
    package var reason: String
    package var retryAfter: Duration?

    package init(policyName: String = "inner", reason: String = "refused", retryAfter: Duration? = nil) {
        self.policyName = policyName
        self.reason = reason
        self.retryAfter = retryAfter
    }

    package var description: String { reason }
}
