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
public final class RetryBudget: AttemptBudget, LayeredBudget {
    /// The tokens, in millionths; without the reserve of a ratio. Every decision is one compare-and-exchange of it.
    let tokens: Atomic<Int64>
    let parameters: Parameters
    let settings: Lock<Configuration>
    let window: TokenWindow
    let granted = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    /// Whether a document has made it in the place of a retry, which is the only one to have it then.
    private let isOfOneRetry = Atomic<Bool>(false)

    static let unit: Int64 = 1_000_000

    /// Creates a budget.
    ///
    /// - Parameters:
    ///   - configuration: How tokens are earned and spent. Default: retries may be a fifth of the calls.
    ///   - clock: The time in which the tokens of a ratio expire. Default: the continuous clock.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ configuration: Configuration = .ratio(0.2), clock: some Clock<Duration> = ContinuousClock()
    ) throws(ConfigurationError) {
        try self.init(configuration, time: TimeSource(clock))
    }

    package init(_ configuration: Configuration, time: TimeSource) throws(ConfigurationError) {
        try configuration.validate()
        settings = Lock(configuration)
        parameters = Parameters(configuration)
        tokens = Atomic(configuration.initialTokens)
        window = TokenWindow(time, length: configuration.window)
    }

    func belongToOneRetry() { isOfOneRetry.store(true, ordering: .relaxed) }

    /// Whether tokens of a budget that only one retry has are used up: another budget would have all of them.
    var isOwnAndUsed: Bool {
        isOfOneRetry.load(ordering: .relaxed)
            && tokens.load(ordering: .relaxed) < settings.withLock { $0 }.initialTokens
    }

    // MARK: Use

    /// Tells of a call, once, whatever becomes of it. Under a ratio it earns the call's share of a retry.
    public func deposit() {
        if kind == Parameters.ratio { adjust(by: parameters.share.load(ordering: .relaxed)) }
    }

    /// Asks for one more attempt: a retry or a hedge.
    ///
    /// - Returns: Whether it may start. It is paid for then.
    public func tryWithdraw() -> Bool {
        expire()
        return switch kind {
        case Parameters.ratio: spend(Self.unit, keeping: -parameters.reserve.load(ordering: .relaxed))
        case Parameters.throttle: count(tokens.load(ordering: .relaxed) > capacity / 2)
        default: spend(parameters.cost.load(ordering: .relaxed), keeping: 0)
        }
    }

    /// Gives back what ``tryWithdraw()`` took, for an attempt that did not start after all.
    public func putBack() {
        switch kind {
        case Parameters.ratio: adjust(by: Self.unit)
        case Parameters.throttle: break
        default: earn(parameters.cost.load(ordering: .relaxed))
        }
    }

    /// Tells of an attempt that succeeded: a throttle earns its ratio; a quota gets one token, or the price of the
    /// retry.
    ///
    /// - Parameter isRetry: Whether the attempt was paid for with ``tryWithdraw()``.
    public func recordSuccess(ofRetry isRetry: Bool = false) {
        switch kind {
        case Parameters.ratio: break
        case Parameters.throttle: earn(parameters.share.load(ordering: .relaxed))
        default: earn(isRetry ? parameters.cost.load(ordering: .relaxed) : Self.unit)
        }
    }

    /// Tells of an attempt that failed in a way that may be retried: a throttle loses a token.
    public func recordFailure() {
        _ = loseToken()
    }

    /// ``recordFailure()`` and ``tryWithdraw()`` in one step, so that no two callers are let through on the same token.
    public func tryWithdrawAfterFailure() -> Bool {
        guard kind == Parameters.throttle else { return tryWithdraw() }
        return count(loseToken() > capacity / 2)
    }

    package func tryWithdrawAfterInnerFailure() -> Bool {
        guard kind == Parameters.throttle else { return tryWithdraw() }
        var seen = tokens.load(ordering: .relaxed)
        while seen - Self.unit > capacity / 2 {
            let (exchanged, original) = tokens.compareExchange(
                expected: seen, desired: seen - Self.unit, ordering: .relaxed)
            if exchanged { return count(true) }
            seen = original
        }
        return count(false)
    }

    package func recordInnerSuccessOfRetry() {
        guard kind != Parameters.ratio, kind != Parameters.throttle else { return }
        earn(max(0, parameters.cost.load(ordering: .relaxed) - Self.unit))
    }

    // MARK: Tokens

    /// The tokens, in millionths, as they are shared with others.
    var sharedTokens: Int64 { tokens.load(ordering: .relaxed) }

    /// Moves the tokens, within zero and the capacity.
    ///
    /// - Returns: By how much they have moved.
    func move(by amount: Int64) -> Int64 {
        var seen = tokens.load(ordering: .relaxed)
        while true {
            let new = min(max(0, seen.addingSaturated(amount)), capacity)
            let (exchanged, original) = tokens.compareExchange(expected: seen, desired: new, ordering: .relaxed)
            if exchanged { return new - seen }
            seen = original
        }
    }

    private var kind: UInt8 { parameters.kind.load(ordering: .relaxed) }

    private var capacity: Int64 { parameters.capacity.load(ordering: .relaxed) }

    /// Takes `amount` if what is left is at least `least`.
    private func spend(_ amount: Int64, keeping least: Int64) -> Bool {
        var seen = tokens.load(ordering: .relaxed)
        while seen - amount >= least {
            let (exchanged, original) = tokens.compareExchange(
                expected: seen, desired: seen - amount, ordering: .relaxed)
            if exchanged {
                if kind == Parameters.ratio { window.add(-amount) }
                return count(true)
            }
            seen = original
        }
        return count(false)
    }

    /// Adds `amount`, up to the capacity. Free when that is reached, as it is while all goes well.
    private func earn(_ amount: Int64) {
        let capacity = capacity
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
        guard kind == Parameters.throttle else { return 0 }
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
    private func adjust(by amount: Int64) {
        expire()
        window.add(amount)
        tokens.wrappingAdd(amount, ordering: .relaxed)
    }

    func expire() {
        guard kind == Parameters.ratio else { return }
        let expired = window.expired()
        guard expired != 0 else { return }
        tokens.wrappingSubtract(expired, ordering: .relaxed)
    }

    private func count(_ isGranted: Bool) -> Bool {
        if isGranted { granted.wrappingAdd(1, ordering: .relaxed) } else { refused.wrappingAdd(1, ordering: .relaxed) }
        return isGranted
    }
}
