public import ResilienceCore
internal import Synchronization

/// Shares the tokens of a retry budget with the other nodes of a fleet: a service that fails one node's calls is
/// spared the retries of all.
///
/// ```swift
/// let budget = try RetryBudget(.throttle())
/// let shared = try SharedRetryBudget("search", budget, through: store)
/// try await shared.run()  // until the task is cancelled
/// ```
///
/// The budget stays as it is and decides each retry alone, by the tokens it knows of. In the background this tells the
/// store what was earned and spent, and puts the fleet's tokens in the place of the node's. What is on its way when the
/// store does not answer is told no second time, so that nothing counts twice.
///
/// For budgets by ``RetryBudget/Configuration/throttle(maxTokens:tokenRatio:)`` and
/// ``RetryBudget/Configuration/quota(_:cost:)``. A share of the calls holds for a fleet if it holds on each node, and
/// is refused here; only its `minimumPerSecond` adds up.
public final class SharedRetryBudget: Sendable {
    /// The budget's name at the store, the same on all nodes, and in events.
    public let name: String

    /// The budget.
    public let budget: RetryBudget

    /// How the node keeps in touch with the store.
    public let configuration: Configuration

    private let store: any BudgetStore
    private let time: TimeSource
    private let link: StoreLink
    private let events: EventChannel<SharedStateEventKind>
    private let state: Lock<State>

    private struct State: Sendable {
        /// The tokens of the fleet as the node knew them last, in its own budget.
        var known: Int64
        var isBusy = false
        var quietTicks = 0
    }

    /// Connects a budget with a fleet. Nothing happens until ``run()``.
    ///
    /// - Parameters:
    ///   - name: The budget's name at the store, the same on all nodes, and in events.
    ///   - budget: The budget; of all nodes by the same rule.
    ///   - configuration: How the node keeps in touch with the store. Default: see there.
    ///   - store: Where the nodes keep the tokens.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of the times at which it tries again. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration, and that the budget is a share of the calls.
    public init(
        _ name: String, _ budget: RetryBudget, _ configuration: Configuration = Configuration(),
        through store: any BudgetStore, clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        var check = ConfigurationCheck("sharedRetryBudget")
        check.require(
            budget.sharedCapacity != nil, "budget", "a share of the calls",
            "holds for a fleet by itself, and has no tokens to share")
        configuration.add(to: &check)
        try check.finish()
        (self.name, self.budget, self.configuration, self.store) = (name, budget, configuration, store)
        let time = TimeSource(clock)
        self.time = time
        let events = EventChannel<SharedStateEventKind>(name, observers)
        self.events = events
        let known = budget.sharedTokens
        state = Lock(State(known: known))
        link = StoreLink(time: time, random: random, limit: configuration.operationLimit) { [weak budget] in
            guard let budget, let capacity = budget.sharedCapacity else { return }
            _ = try await store.exchange(
                BudgetReport(budget: name, change: 0, capacity: capacity, known: budget.sharedTokens))
        } post: {
            events.post(SharedStateEventKind($0))
        } deliver: {
            events.deliver()
        }
    }

    /// Adds an observer of what is told of the store.
    public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }

    /// Whether the store does not answer, or ``run()`` was never called.
    public var isDegraded: Bool { link.isDegraded }

    /// Tells and hears, until the task is cancelled.
    ///
    /// - Throws: If the store is required and does not answer at first, its error.
    public func run() async throws(SharedStateError) {
        let result = await withTaskGroup(of: Void.self) { group -> Result<Void, SharedStateError> in
            group.addTask { [self] in
                while (try? await time.sleep(until: time.now.advanced(by: configuration.tick))) != nil {
                    self.exchange()
                }
            }
            defer { group.cancelAll() }
            do throws(SharedStateError) {
                try await link.run(isRequired: configuration.isRequired) { [self] in
                    guard let report = report(isLast: true) else { return }
                    _ = try? await store.exchange(report)
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func exchange() {
        guard !link.isAway, let report = report(isLast: false) else { return }
        link.perform { [store] in
            try await store.exchange(report)
        } done: { [self] result in
            take(try? result.get())
        }
    }

    /// What to tell; `nil` if nothing.
    private func report(isLast: Bool) -> BudgetReport? {
        guard let capacity = budget.sharedCapacity else { return nil }
        let tokens = budget.sharedTokens
        return state.withLock { state in
            let change = tokens - state.known
            state.quietTicks += 1
            guard !state.isBusy, change != 0 || state.quietTicks >= 10 && !isLast else { return nil }
            state.quietTicks = 0
            state.isBusy = true
            let known = state.known
            // Told once, whatever comes of it.
            state.known = tokens
            return BudgetReport(budget: name, change: change, capacity: capacity, known: known)
        }
    }

    private func take(_ balance: Int64?) {
        state.withLock { state in
            state.isBusy = false
            guard let balance else { return }
            // What was earned and spent since is told next time, and stays.
            let moved = budget.move(by: balance - state.known)
            state.known += moved
        }
    }
}

extension RetryBudget {
    /// The most tokens, in millionths; `nil` of a budget that has none to share.
    var sharedCapacity: Int64? {
        switch configuration.kind {
        case .ratio: nil
        case .throttle(let maxTokens, _): Int64(maxTokens) * Self.unit
        case .quota(let tokens, _): Int64(tokens) * Self.unit
        }
    }
}
