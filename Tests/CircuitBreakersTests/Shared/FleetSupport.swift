import CircuitBreakers
import ResilienceCore
import ResilienceTesting

/// A store that can be away, lose what it answers, answer late or never, and be emptied.
final class FaultyStore: CircuitStore {
    enum Fault: Sendable, Equatable {
        case none
        /// Every operation fails at once.
        case down(SharedStateError)
        /// What is asked is done, and the answer is lost.
        case losesReplies
        /// Nothing comes back, and those who wait are not even cancelled.
        case hangs
        /// There and back.
        case slow(Duration)
        /// Nothing is heard of changes.
        case deaf
        /// The store answers, and refuses to tell of changes.
        case refusesChanges
    }

    let inner: InMemoryCircuitStore
    private let clock: ManualClock
    private let state = Lock<(fault: Fault, reports: [CircuitReport], hanging: [Waiter<Void>])>((.none, [], []))
    /// When somebody began to listen.
    let listened = Lock<[ManualClock.Instant]>([])

    init(_ clock: ManualClock) {
        (self.clock, inner) = (clock, InMemoryCircuitStore(clock: clock))
    }

    var fault: Fault {
        get { state.withLock { $0.fault } }
        set { state.withLock { $0.fault = newValue } }
    }
    /// Everything that was asked, also without effect.
    var reports: [CircuitReport] { state.withLock { $0.reports } }
    func forget() { state.withLock { $0.reports = [] } }
    /// Those that hang fail.
    func endHanging() { state.withLock { $0.hanging.take() }.forEach { $0.finish() } }

    func exchange(_ report: CircuitReport) async throws -> SharedCircuit {
        let fault = state.withLock { state in
            state.reports.append(report)
            return state.fault
        }
        switch fault {
        case .none, .deaf, .refusesChanges: return try await inner.exchange(report)
        case .down(let error): throw error
        case .losesReplies:
            _ = try await inner.exchange(report)
            throw SharedStateError.unavailable("connection reset")
        case .hangs:
            let waiter = Waiter<Void>()
            state.withLock { $0.hanging.append(waiter) }
            try await waiter.value()
            throw SharedStateError.unavailable("connection reset")
        case .slow(let latency):
            try await clock.sleep(until: clock.now.advanced(by: latency / 2), tolerance: nil)
            let reply = try await inner.exchange(report)
            try await clock.sleep(until: clock.now.advanced(by: latency / 2), tolerance: nil)
            return reply
        }
    }

    func changes(
        of circuits: [String], onChange: @escaping @Sendable (_ circuit: String, _ state: SharedCircuit) -> Void
    ) async throws {
        listened.withLock { $0.append(clock.now) }
        if fault == .deaf { throw SharedStateError.unavailable("no subscriptions") }
        if fault == .refusesChanges { throw SharedStateError.refused("no right to the channel") }
        try await inner.changes(of: circuits) { [self] name, state in
            switch fault {
            case .none, .losesReplies, .slow: onChange(name, state)
            case .down, .hangs, .deaf, .refusesChanges: break
            }
        }
    }
}

extension Array {
    fileprivate mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}

/// One node of a fleet in virtual time.
final class FleetNode: Sendable {
    let breaker: CircuitBreaker
    let fleet: FleetCircuit
    let recorder = EventRecorder()
    private let task = Lock<Task<(any Error)?, Never>?>(nil)
    private let executor: SteppingExecutor

    init(
        _ name: String, _ configuration: CircuitBreaker.Configuration, _ store: any CircuitStore,
        _ fleetConfiguration: FleetCircuit.Configuration, clock: some Clock<Duration>, random: RandomSource,
        on executor: SteppingExecutor
    ) throws {
        breaker = try CircuitBreaker("payments", configuration, clock: clock, random: random)
        fleet = try FleetCircuit(
            breaker, fleetConfiguration, through: store, node: name, random: random, observers: [recorder])
        self.executor = executor
    }

    func start() {
        let fleet = fleet
        task.replace(
            with: Task(executorPreference: executor) {
                do {
                    try await fleet.run()
                    return nil
                } catch { return error }
            })
    }

    func cancel() { task.withLock { $0 }?.cancel() }

    /// What ended ``FleetCircuit/run()``.
    var end: (any Error)? { get async { await task.withLock { $0 }?.value } }

    /// Makes calls: `S`uccess, `F`ailure; returns how many were let through.
    @discardableResult
    func call(_ script: String) -> Int {
        var count = 0
        for letter in script {
            guard let permit = try? breaker.tryAcquirePermit() else { continue }
            permit.complete(as: letter == "F" ? .failure : .success)
            count += 1
        }
        return count
    }

    var names: [String] { recorder.names.map { String($0.dropFirst("fleet_circuit.".count)) } }
}

/// Several nodes of one fleet, on one clock, one executor and one store.
struct Fleet: Sendable {
    let clock = ManualClock()
    let executor = SteppingExecutor()
    let store: FaultyStore
    let nodes: [FleetNode]

    init(
        _ count: Int, _ configuration: FleetCircuit.Configuration = .sixFailures,
        breaker: CircuitBreaker.Configuration = .alone, starts: Bool = true
    ) throws {
        store = FaultyStore(clock)
        nodes = try (0..<count).map { [store, clock, executor] number in
            try FleetNode(
                "node\(number)", breaker, store, configuration, clock: clock,
                random: .seeded(UInt64(number)), on: executor)
        }
        if starts { start() }
    }

    func start() {
        nodes.forEach { $0.start() }
        executor.drain()
    }

    /// Lets time pass, and whatever is due in it happen.
    func pass(_ duration: Duration) { clock.advance(by: duration, running: executor) }

    func stop() {
        nodes.forEach { $0.cancel() }
        executor.drain()
    }

    /// The breakers' states.
    var states: [CircuitBreaker.State] { nodes.map(\.breaker.state) }

    /// Six failures on three nodes, or as many as there are.
    func trip() {
        for node in nodes.prefix(3) { node.call("FF") }
        executor.drain()
        pass(.milliseconds(50))
    }
}

extension FleetCircuit.Configuration {
    static let sixFailures = FleetCircuit.Configuration(
        rule: .init(trip: .failures(6), breakLength: .growing(from: .seconds(5))))
}

extension CircuitBreaker.Configuration {
    /// Opens by itself after a hundred failures in a row only, for 20 seconds; one probe.
    static let alone = CircuitBreaker.Configuration(
        trip: .consecutiveFailures(100), breakLength: .fixed(.seconds(20)), halfOpen: .init(probes: 1))
}
