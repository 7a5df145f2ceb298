public import ResilienceCore
internal import Synchronization

/// Tells the other nodes of a fleet that a service has asked this one to wait, and hears it from them.
///
/// ```swift
/// let pauses = try SharedPauses(through: store)
/// var configuration = HTTPPipeline.Configuration()
/// configuration.sharedPauses = pauses
/// let pipeline = try HTTPPipeline("api", configuration)
/// try await pauses.run()  // until the task is cancelled
/// ```
///
/// Pauses of one name are one on all nodes: in a pipeline, of its name and the authority. All of it is done in the
/// background: no call waits for the store, and while it is away pauses hold on the node that was asked.
public final class SharedPauses: Sendable {
    private struct State: Sendable {
        var pauses: [String: [Shared]] = [:]
        var sweepAt = 64
        var names: [String] = []
    }

    private struct Shared: Sendable {
        weak var pause: Pause?
    }

    /// How the node keeps in touch with the store.
    public let configuration: Configuration

    private let store: any PauseStore
    private let events: EventChannel<SharedStateEventKind>
    private let time: TimeSource
    private let random: RandomSource
    private let link: StoreLink
    private let state = Lock(State())
    private let hasRecovered: RecoveryFlag

    private final class RecoveryFlag: Sendable {
        let flag = Atomic(false)
    }

    /// Creates the sharing of pauses. Nothing happens until ``run()``.
    ///
    /// - Parameters:
    ///   - configuration: How the node keeps in touch with the store. Default: see there.
    ///   - store: Where nodes tell each other.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of the times at which it tries again. Default: the system's.
    ///   - observers: The observers to notify; events are of the source `pauses`.
    /// - Throws: All faults of the configuration.
    public init(
        _ configuration: Configuration = Configuration(), through store: any PauseStore,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        let time = TimeSource(clock)
        let events = EventChannel<SharedStateEventKind>("pauses", observers)
        let recovered = RecoveryFlag()
        (self.store, self.time, self.random, self.events) = (store, time, random, events)
        (self.configuration, hasRecovered) = (configuration, recovered)
        link = StoreLink(time: time, random: random, limit: configuration.operationLimit) {
            // Of nothing, and over at once: a store that can be read and not written to is still away.
            _ = try await store.pause("", for: .milliseconds(1))
        } post: { change in
            if case .recovered = change { recovered.flag.store(true, ordering: .relaxed) }
            events.post(SharedStateEventKind(change))
        } deliver: {
            events.deliver()
        }
    }

    /// Adds an observer of what is told of the store; events are of the source `pauses`.
    public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }

    /// Whether the store does not answer, or nobody has begun to ``run()`` this.
    public var isDegraded: Bool { link.isDegraded }

    /// How many names are shared, those of pauses that are gone among them until they are looked for.
    var count: Int { state.withLock { $0.pauses.count } }

    /// Shares a pause from now on, for as long as it lives.
    public func share(_ pause: Pause) {
        guard !pause.sharedName.isEmpty else { return }
        state.withLock { state in
            if state.pauses.count >= state.sweepAt {
                state.pauses = state.pauses.compactMapValues { shared in
                    let alive = shared.filter { $0.pause != nil }
                    return alive.isEmpty ? nil : alive
                }
                state.sweepAt = max(64, 2 * state.pauses.count)
            }
            state.pauses[pause.sharedName, default: []].append(Shared(pause: pause))
        }
        pause.announce { [weak self] name, delay in self?.publish(name, delay) }
        // It may be paused already.
        if !link.isAway { publish(pause.sharedName, .zero) }
    }

    /// Tells and hears, until the task is cancelled.
    ///
    /// - Throws: If the store is required and does not answer at first, its error.
    public func run() async throws(SharedStateError) {
        let result = await withTaskGroup(of: Void.self) { group -> Result<Void, SharedStateError> in
            group.addTask { await self.listen() }
            group.addTask { await self.lookAround() }
            defer { group.cancelAll() }
            do throws(SharedStateError) {
                try await link.run(isRequired: configuration.isRequired)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func listen() async {
        try? await keepListening(on: time, random) {
            publishAll()
            try await store.pauses { [weak self] name, remaining in self?.receive(name, remaining) }
        }
    }

    /// Asks for one after another, one a second: the safety net of listening.
    private func lookAround() async {
        while (try? await time.sleep(until: time.now.advanced(by: .seconds(1)))) != nil {
            if hasRecovered.flag.exchange(false, ordering: .relaxed) { publishAll() }
            let name = state.withLock { state -> String? in
                if state.names.isEmpty { state.names = Array(state.pauses.keys) }
                return state.names.popLast()
            }
            if let name, !link.isAway { publish(name, .zero) }
        }
    }

    /// Publishes what holds here, and asks what holds elsewhere.
    private func publishAll() {
        let all = state.withLock { state in state.pauses.values.flatMap { $0.compactMap(\.pause) } }
        for pause in all { publish(pause.sharedName, pause.remaining ?? .zero) }
    }

    private func publish(_ name: String, _ delay: Duration) {
        let sent = time.now
        link.perform { [store] in
            try await store.pause(name, for: delay)
        } done: { [weak self, time] result in
            // The store has told what was left at some time since.
            if case .success(let remaining) = result { self?.receive(name, remaining - sent.duration(to: time.now)) }
        }
    }

    private func receive(_ name: String, _ remaining: Duration) {
        let pauses = state.withLock { state in state.pauses[name]?.compactMap(\.pause) ?? [] }
        for pause in pauses { pause.receive(remaining) }
    }
}
