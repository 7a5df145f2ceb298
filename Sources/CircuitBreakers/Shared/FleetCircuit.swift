public import ResilienceCore
internal import Synchronization

/// Shares the circuit of a breaker with the other nodes of a fleet: when enough of them see a service fail, all stop
/// calling it.
///
/// The breaker stays as it is and decides each call alone; no call waits for the store. Beside it, and in the
/// background, this tells a store what the breaker has counted, and opens and closes it as the fleet decides. While the
/// store cannot be reached the breaker goes by its own rules.
///
/// ```swift
/// let breaker = try CircuitBreaker("payments")
/// let fleet = try FleetCircuit(breaker, through: store)
/// try await fleet.run()  // until the task is cancelled
/// ```
///
/// The fleet's circuit is the breaker's name, so that breakers of one name on all nodes share one. After a break one
/// node probes for all.
public final class FleetCircuit: Sendable {
    /// The circuit's name, which is the breaker's.
    public var name: String { breaker.name }

    /// The node's name in the store: the one that was given, and a part that is new each time.
    public let node: String

    /// The breaker whose circuit is shared.
    public let breaker: CircuitBreaker

    let store: any CircuitStore
    let time: TimeSource
    let events: EventChannel<EventKind>
    let state: Lock<FleetCircuitState>
    private let random: RandomSource
    private let signal = FleetSignal()
    private let isRunning = Atomic(false)
    /// Whether a report of the row has not ended, also one that took too long.
    private let isBusy = Atomic(false)

    /// Connects a breaker with a fleet. Nothing happens until ``run()``.
    ///
    /// - Parameters:
    ///   - breaker: The breaker, by whose clock this goes too.
    ///   - configuration: When the fleet opens together, and how this node keeps in touch.
    ///   - store: Where the nodes meet.
    ///   - node: What to call this node in the store, such as its host. Default: no name but a random one.
    ///   - random: The randomness of delays. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public init(
        _ breaker: CircuitBreaker, _ configuration: Configuration = Configuration(), through store: any CircuitStore,
        node: String = "", random: RandomSource = .system, observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        (self.breaker, self.store, self.random) = (breaker, store, random)
        // A node that starts again counts its slots from zero: it must not be taken for the one before, nor for another
        // whose randomness has the same seed.
        let life = String(UInt64.random(in: .min ... .max), radix: 36)
        self.node = node.isEmpty ? life : "\(node)-\(life)"
        time = breaker.time
        events = EventChannel(breaker.name, observers)
        state = Lock(
            FleetCircuitState(
                circuit: breaker.name, node: self.node, configuration, random, breaker.joinFleet()))
    }

    // MARK: Running

    /// Keeps in touch with the fleet until the task is cancelled, then gives back what it holds for the fleet.
    ///
    /// - Throws: If the store is required (``Configuration/isRequired``) and cannot be reached at first, or refuses to
    ///   tell of changes, its error.
    ///   `SharedStateError` if it runs already. Not for cancellation, which is the usual end.
    public func run() async throws {
        guard !isRunning.exchange(true, ordering: .acquiringAndReleasing) else {
            throw SharedStateError.refused("the fleet circuit \"\(name)\" runs already")
        }
        breaker.fleet.link(to: signal)
        let now = time.now
        state.withLock { $0.begin(now: now) }
        defer {
            breaker.fleet.link(to: nil)
            isRunning.store(false, ordering: .releasing)
        }
        do {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await self.listen() }
                group.addTask { try await self.exchangeReports() }
            }
        } catch {
            await giveBackLease()
            if !Task.isCancelled { throw error }
        }
    }

    private func exchangeReports() async throws {
        var isFirst = true
        while true {
            switch next() {
            case .wait(let until, let wakesOnFailure):
                try await signal.wait(until: until, wakingOnFailure: wakesOnFailure, on: time)
            case .exchange(let report):
                do {
                    try await exchange(report, exclusively: true)
                } catch {
                    try Task.checkCancellation()
                    if isFirst, configuration.isRequired { throw error }
                }
                isFirst = false
            }
        }
    }

    private func next() -> FleetCircuitState.Decision {
        let hasFailed = signal.takeFailure()
        let view = breaker.fleetView
        let now = time.now
        return apply { state in
            let (step, action) = state.next(view, hasFailed: hasFailed, now: now)
            return (step, action)
        }
    }

    /// Changes what is known, posts what happened, and gives the breaker its order.
    @discardableResult
    func apply<Result: Sendable>(
        _ body: (inout FleetCircuitState) -> (Result, FleetCircuitState.Action)
    ) -> Result {
        let (result, order) = state.withLock { state in
            let (result, action) = body(&state)
            for event in action.events { events.post(event) }
            return (result, action.order)
        }
        events.deliver()
        if let order { breaker.apply(order.order, order.number) }
        return result
    }

    // MARK: The store

    /// Tells the store, within the limit, and takes in what it answers.
    ///
    /// - Parameter isExclusive: Whether this is one of a row, of which the next does not begin before one has ended
    ///   that took too long.
    @discardableResult
    func exchange(_ report: CircuitReport, exclusively isExclusive: Bool = false) async throws -> SharedCircuit {
        let sent = time.now
        do {
            let reply = try await tell(report, isExclusive)
            let view = breaker.fleetView
            let now = time.now
            apply { state in ((), state.answered(reply, to: report, sent: sent, view, now: now)) }
            return reply
        } catch {
            try Task.checkCancellation()
            let now = time.now
            apply { state in ((), state.failed(error, now: now)) }
            throw error
        }
    }

    private func tell(_ report: CircuitReport, _ isExclusive: Bool) async throws -> SharedCircuit {
        let limit = configuration.operationLimit
        if isExclusive, isBusy.exchange(true, ordering: .acquiringAndReleasing) {
            throw SharedStateError.timedOut(limit)
        }
        return try await runStoreOperation(within: limit, on: time) { [self] in
            defer { if isExclusive { isBusy.store(false, ordering: .releasing) } }
            return try await store.exchange(report)
        }
    }

    /// Hears of changes, until the task is cancelled or the store refuses, if it is required.
    private func listen() async throws {
        var isFirst = true
        try await keepListening(on: time, random, upTo: configuration.maxRetryDelay) {
            try await store.changes(of: [name]) { [weak self] name, state in self?.receive(state, of: name) }
        } ended: { error in
            if isFirst, configuration.isRequired, let error = error as? SharedStateError, case .refused = error {
                throw error
            }
            isFirst = false
            missedChanges()
        }
    }

    private func receive(_ change: SharedCircuit, of name: String) {
        guard name == self.name else { return }
        let view = breaker.fleetView
        let now = time.now
        apply { state in ((), state.received(change, view, now: now)) }
        signal.raise()
    }

    private func missedChanges() {
        state.withLock { $0.missedChanges() }
        signal.raise()
    }

    /// Gives back the lease, in a task that is not cancelled.
    private func giveBackLease() async {
        let view = breaker.fleetView
        let now = time.now
        guard let report = state.withLock({ $0.lastReport(view, now: now) }) else { return }
        await Task(executorPreference: preferredExecutor) { _ = try? await self.exchange(report) }.value
    }
}
