public import ResilienceCore
internal import Synchronization

/// Bounds how much load retries add, for all calls that share it.
///
/// Retries help against failures that are few. When everything fails they multiply the load on what is already down:
/// three attempts at each of four layers make 81 calls of one. A budget lets retries through as long as they are few
/// compared with the calls, and then none; the last error comes back at once.
///
/// ```swift
/// let budget = try RetryBudget(.ratio(0.2))
/// let reading = try Policy("reading") { Retry.layer(.exponential(), budget: budget) }
/// let writing = try Policy("writing") { Retry.layer(.exponential(), budget: budget) }
/// ```
///
/// A ``Retry`` and a hedge use the budget they are given by themselves. Code of your own that calls a service again
/// does the same: ``deposit()`` for each call, ``tryWithdraw()`` before each further attempt, and how attempts end.
public final class RetryBudget: AttemptBudget {
    /// How tokens are earned and spent.
    public let rule: Rule

    /// The tokens, in millionths; without the reserve of a ratio. Every decision is one compare-and-exchange of it.
    private let tokens: Atomic<Int64>
    private let capacity: Int64
    private let reserve: Int64
    private let window: TokenWindow?
    private let granted = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)

    static let unit: Int64 = 1_000_000

    /// Creates a budget.
    ///
    /// - Parameters:
    ///   - rule: How tokens are earned and spent. Default: retries may be a fifth of the calls.
    ///   - clock: The time in which the tokens of a ratio expire. Default: the continuous clock.
    /// - Throws: All faults of the rule.
    public init(
        _ rule: Rule = .ratio(0.2), clock: some Clock<Duration> = ContinuousClock()
    ) throws(ConfigurationError) {
        try rule.validate()
        self.rule = rule
        switch rule.kind {
        case .ratio(_, let perSecond, let length):
            capacity = .max
            reserve = Int64(perSecond * length.inSeconds * Double(Self.unit))
            window = TokenWindow(TimeSource(clock), length: length)
            tokens = Atomic(0)
        case .throttle(let maximum, _), .quota(let maximum, _):
            capacity = Int64(maximum) * Self.unit
            reserve = 0
            window = nil
            tokens = Atomic(capacity)
        }
    }

    // MARK: Use

    /// Tells of a call, once, whatever becomes of it. Under a ratio it earns the call's share of a retry.
    public func deposit() {
        if case .ratio(let ratio, _, _) = rule.kind { settle(units(ratio)) }
    }

    /// Asks for one more attempt: a retry or a hedge.
    ///
    /// - Returns: Whether it may start. It is paid for then.
    public func tryWithdraw() -> Bool {
        expire()
        switch rule.kind {
        case .ratio: return spend(Self.unit, keeping: -reserve)
        case .throttle: return count(tokens.load(ordering: .relaxed) > capacity / 2)
        case .quota(_, let cost): return spend(Int64(cost) * Self.unit, keeping: 0)
        }
    }

    /// Gives back what ``tryWithdraw()`` took, for an attempt that did not start after all.
    public func putBack() {
        switch rule.kind {
        case .ratio: settle(Self.unit)
        case .throttle: break
        case .quota(_, let cost): earn(Int64(cost) * Self.unit)
        }
    }

    /// Tells of an attempt that succeeded: a throttle earns its ratio; a quota gets one token, or the price of the retry.
    ///
    /// - Parameter isRetry: Whether the attempt was paid for with ``tryWithdraw()``.
    public func recordSuccess(ofRetry isRetry: Bool = false) {
        switch rule.kind {
        case .ratio: break
        case .throttle(_, let ratio): earn(units(ratio))
        case .quota(_, let cost): earn(isRetry ? Int64(cost) * Self.unit : Self.unit)
        }
    }

    /// Tells of an attempt that failed in a way that may be retried: a throttle loses a token.
    public func recordFailure() {
        _ = loseToken()
    }

    /// ``recordFailure()`` and ``tryWithdraw()`` in one step, so that no two callers are let through on the same token.
    public func tryWithdrawAfterFailure() -> Bool {
        guard case .throttle = rule.kind else { return tryWithdraw() }
        return count(loseToken() > capacity / 2)
    }

    // MARK: Reading

    /// The tokens there are now, expired ones left out; a ratio's with its reserve.
    public var balance: Double {
        expire()
        return Double(tokens.load(ordering: .relaxed) + reserve) / Double(Self.unit)
    }

    /// How many attempts were let through, over the budget's life.
    public var totalGranted: Int { granted.load(ordering: .relaxed) }

    /// How many attempts were not let through, over the budget's life.
    public var totalRefused: Int { refused.load(ordering: .relaxed) }

    // MARK: Tokens

    private func units(_ share: Double) -> Int64 { Int64((share * Double(Self.unit)).rounded()) }

    /// Takes `amount` if what is left is at least `least`.
    private func spend(_ amount: Int64, keeping least: Int64) -> Bool {
        var seen = tokens.load(ordering: .relaxed)
        while seen - amount >= least {
            let (exchanged, original) = tokens.compareExchange(
                expected: seen, desired: seen - amount, ordering: .relaxed)
            if exchanged {
                window?.add(-amount)
                return count(true)
            }
            seen = original
        }
        return count(false)
    }

    /// Adds `amount`, up to the capacity. Free when that is reached, as it is while all goes well.
    private func earn(_ amount: Int64) {
        var seen = tokens.load(ordering: .relaxed)
        while seen < capacity {
            let (exchanged, original) = tokens.compareExchange(
                expected: seen, desired: min(seen + amount, capacity), ordering: .relaxed)
            if exchanged { return }
            seen = original
        }
    }

    /// A throttle's failure.
    ///
    /// - Returns: The tokens that are left.
    private func loseToken() -> Int64 {
        guard case .throttle = rule.kind else { return 0 }
        var seen = tokens.load(ordering: .relaxed)
        while seen > 0 {
            let less = max(0, seen - Self.unit)
            let (exchanged, original) = tokens.compareExchange(expected: seen, desired: less, ordering: .relaxed)
            if exchanged { return less }
            seen = original
        }
        return 0
    }

    /// Adds to a ratio's tokens, for as long as its window lasts.
    private func settle(_ amount: Int64) {
        expire()
        window?.add(amount)
        tokens.wrappingAdd(amount, ordering: .relaxed)
    }

    private func expire() {
        guard let expired = window?.expired(), expired != 0 else { return }
        tokens.wrappingSubtract(expired, ordering: .relaxed)
    }

    private func count(_ isGranted: Bool) -> Bool {
        if isGranted { granted.wrappingAdd(1, ordering: .relaxed) } else { refused.wrappingAdd(1, ordering: .relaxed) }
        return isGranted
    }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(saturatedNanoseconds) / 1e9 }
}
