/// Which statuses are failures: the service, and not the request, is to blame, and the same request may succeed later.
///
/// Any other status (200, 404, 409) is an answer: the breaker counts a success, and nothing is retried.
public struct HTTPStatusRule: Sendable, Hashable {
    private var client: Set<Int>
    private var permanentServerErrors: Set<Int>
    private var includesServerErrors: Bool

    /// 408, 425, 429, and every status from 500 on but 501, 505, 506, 507, 508, 510 and 511, which another attempt
    /// does not change.
    public static let transient = HTTPStatusRule(
        client: [408, 425, 429], permanentServerErrors: [501, 505, 506, 507, 508, 510, 511],
        includesServerErrors: true)

    /// These statuses and no others.
    public static func only(_ statuses: Int...) -> HTTPStatusRule {
        HTTPStatusRule(client: Set(statuses), permanentServerErrors: [], includesServerErrors: false)
    }

    /// These statuses too.
    public func adding(_ statuses: Int...) -> HTTPStatusRule {
        var rule = self
        rule.client.formUnion(statuses)
        rule.permanentServerErrors.subtract(statuses)
        return rule
    }

    /// All but these statuses.
    public func removing(_ statuses: Int...) -> HTTPStatusRule {
        var rule = self
        rule.client.subtract(statuses)
        rule.permanentServerErrors.formUnion(statuses)
        return rule
    }

    /// Whether a status is a failure.
    public func contains(_ status: Int) -> Bool {
        if client.contains(status) { return true }
        return includesServerErrors && (500...599).contains(status) && !permanentServerErrors.contains(status)
    }
}
