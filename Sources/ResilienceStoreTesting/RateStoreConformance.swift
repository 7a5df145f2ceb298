public import RateLimiters

/// Checks that a `RateStore` keeps quotas as `SharedQuotaRecord` does.
///
/// ```swift
/// let violations = try await RateStoreConformance(store).violations()
/// #expect(violations.isEmpty)
/// ```
///
/// It uses quotas of names that nothing else uses, and waits for about half a second on the clock. It takes what the
/// store says of time as it would a watch's: what comes within the time that passed around an exchange is right.
public struct RateStoreConformance<C: Clock>: Sendable where C.Duration == Duration {
    let store: any RateStore
    let clock: C
    let prefix: String

    /// Creates a check of a store.
    ///
    /// - Parameters:
    ///   - store: The store, which must be reachable.
    ///   - prefix: What the names of quotas begin with. Default: a random text.
    ///   - clock: Time that passes as fast as the store's. Default: the continuous clock.
    public init(
        _ store: any RateStore, prefix: String = "conformance-\(UInt64.random(in: .min ... .max))",
        clock: C = ContinuousClock()
    ) {
        (self.store, self.clock, self.prefix) = (store, clock, prefix)
    }

    /// Checks everything.
    ///
    /// - Returns: What does not hold; empty for a store that conforms.
    /// - Throws: What the store throws: it is to be reachable. `CancellationError` if the task is cancelled.
    public func violations() async throws -> [StoreViolation] {
        var found = RateStoreFindings()
        try await checkTaking(&found)
        try await checkMinimum(&found)
        try await checkOddNumbers(&found)
        try await checkNames(&found)
        try await checkAtomicity(&found)
        try await checkRefill(&found)
        try await checkReturns(&found)
        try await checkOtherRules(&found)
        return found.violations
    }

    func take(
        _ quota: String, key: String? = nil, _ rule: SharedQuotaRule, _ wanted: Int, minimum: Int = 1,
        returned: Int = 0, receipt: PermitReceipt? = nil
    ) async throws -> PermitGrant {
        try await store.take(
            PermitRequest(
                quota: prefix + quota, key: key, rule: rule, wanted: wanted, minimum: minimum, returned: returned,
                receipt: receipt))
    }
}

/// What was found, by rule.
struct RateStoreFindings {
    var violations: [StoreViolation] = []

    mutating func require(_ holds: Bool, _ rule: String, _ found: @autoclosure () -> String) {
        if !holds { violations.append(StoreViolation(rule, found: found())) }
    }
}

extension SharedQuotaRule {
    /// One an hour: none comes while a check goes on.
    static let slow = SharedQuotaRule(permits: 1, period: .seconds(3600), burst: 20)
    /// One each 10 ms.
    static let quick = SharedQuotaRule(permits: 100, period: .seconds(1), burst: 10)
}
