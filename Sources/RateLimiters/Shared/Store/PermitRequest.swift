/// What a node asks of a quota.
public struct PermitRequest: Sendable, Hashable {
    /// The quota's name: the same on all nodes. Any text.
    public var quota: String

    /// The key within a keyed quota. Any text. `nil` for a quota without keys.
    public var key: String?

    /// The rule, as this node has it.
    public var rule: SharedQuotaRule

    /// How many permits are wanted, 0 or more.
    public var wanted: Int

    /// The least that is of use, 0 to ``wanted``: fewer are not taken.
    public var minimum: Int

    /// Permits of one grant that were taken and not used, to be given back first. Given back at most once, also if no
    /// answer comes: if the node is not sure, they are lost.
    public var returned: Int

    /// The receipt of the grant that ``returned`` were taken with. `nil`: nothing is given back.
    public var receipt: PermitReceipt?

    /// Creates a request.
    public init(
        quota: String, key: String? = nil, rule: SharedQuotaRule, wanted: Int, minimum: Int = 1, returned: Int = 0,
        receipt: PermitReceipt? = nil
    ) {
        (self.quota, self.key, self.rule) = (quota, key, rule)
        (self.wanted, self.minimum) = (wanted, minimum)
        (self.returned, self.receipt) = (returned, receipt)
    }
}
