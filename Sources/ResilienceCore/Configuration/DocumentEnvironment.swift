/// What names in a configuration document stand for, and the time of what a document makes.
public struct DocumentEnvironment: Sendable {
    /// The budgets that retries and hedges can share, by name.
    public var budgets: [String: any AttemptBudget]

    /// The clock of a budget that a document declares in place. Default: the continuous clock.
    public var clock: any Clock<Duration>

    /// Creates an environment; every part has a default.
    public init(
        budgets: [String: any AttemptBudget] = [:], clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.budgets = budgets
        self.clock = clock
    }

    /// The name of a budget, if it has one here.
    public func name(of budget: any AttemptBudget) -> String? {
        guard type(of: budget) is AnyClass else { return nil }
        return budgets.filter { $0.value as AnyObject === budget as AnyObject }.keys.min()
    }
}

extension CodingUserInfoKey {
    /// The key under which a decoder or encoder is given a ``DocumentEnvironment``.
    public static let documentEnvironment = CodingUserInfoKey(rawValue: "resilience.documentEnvironment")
}

extension ConfigurationReader {
    /// The budget of a name.
    public func budget() -> (any AttemptBudget)? {
        findings.notes?.note(.text, at: path)
        guard case .string(let name) = value else {
            refuse("is not the name of a budget")
            return nil
        }
        if let budget = environment.budgets[name] { return budget }
        refuse("is the name of no budget\(NearMiss.question(for: name, among: environment.budgets.keys))")
        return nil
    }
}
