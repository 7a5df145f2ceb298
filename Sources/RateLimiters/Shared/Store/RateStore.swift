/// Where the nodes of a fleet take permits from one quota.
///
/// The rule is a token bucket, kept as the instant at which it would be full (the generic cell rate algorithm, ITU-T
/// I.371): one number for each key. ``SharedQuotaRecord`` has it as a pure value, for stores that can hold one and
/// change it in one step. A store over a network has it as a script.
///
/// All members may be used from any task at once. An operation must answer or throw in bounded time.
public protocol RateStore: Sendable {
    /// Takes permits, as many as there are and as were asked for. One atomic step.
    ///
    /// - Throws: `SharedStateError`. A quota that was never used is full, and no error.
    func take(_ request: PermitRequest) async throws -> PermitGrant
}
