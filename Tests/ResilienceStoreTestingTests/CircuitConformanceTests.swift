import CircuitBreakers
import ResilienceCore
import ResilienceStoreTesting
import ResilienceTesting
import Testing

@Suite struct CircuitConformanceTests {
    @Test("The store in memory passes all checks", arguments: [UInt64(1), 2, 3])
    func inMemory(seed: UInt64) async {
        let clock = ManualClock()
        let store = InMemoryCircuitStore(clock: clock)
        let violations = await CircuitStoreConformance(store, seed: seed) { clock.advance(by: $0) }.violations()
        #expect(violations.isEmpty)
    }

    @Test("Each store that is broken in its own way is caught", arguments: BrokenStore.Fault.allCases)
    func broken(fault: BrokenStore.Fault) async {
        let clock = ManualClock()
        let store = BrokenStore(fault, clock)
        let patience: Duration = fault.isHeard ? .seconds(5) : .zero
        let violations = await CircuitStoreConformance(store, seed: 1, patience: patience) { clock.advance(by: $0) }
            .violations()
        #expect(violations.contains { $0.rule.hasPrefix(fault.violated) })
    }
}

/// A store that is like the one in memory, but for one thing.
final class BrokenStore: CircuitStore {
    enum Fault: CaseIterable, Sendable {
        /// Its answers come, and its counts do not stay.
        case forgets
        /// Counts are added instead of merged: what comes twice counts twice.
        case addsDuplicates
        /// Slots of all ages are new.
        case ignoresAge
        /// Nodes are not told apart.
        case mixesNodes
        /// Circuits are not told apart where they differ in case or punctuation.
        case mixesCircuits
        /// What a node knows is not adopted.
        case ignoresKnown
        /// Anyone who says that the service works is believed.
        case believesAnybody
        /// The lease is given to each who asks.
        case leasesToAll
        /// A break ends at once.
        case hasNoBreaks
        /// A lease never ends.
        case hasEndlessLeases
        /// One bad node weighs what it has counted.
        case hasNoWeights
        /// Who has nothing to tell was not there.
        case overlooksSilentNodes
        /// A number of nodes is not asked for.
        case hasNoQuorum
        /// It says that it knows each node.
        case neverEmpty
        /// A store that knows nothing is an error.
        case failsWhenEmpty
        /// Nothing is told.
        case isDeaf
        /// All is told.
        case tellsAll
        /// Counts are read, and written later.
        case isNotAtomic
        /// Cancelled, it returns.
        case returnsWhenCancelled

        /// The rule that it breaks, beside others.
        var violated: String {
            switch self {
            case .forgets, .isNotAtomic: "Exchanges of several nodes at once"
            case .addsDuplicates, .ignoresKnown, .hasNoWeights, .hasNoQuorum: "Reports are merged, weighed and judged"
            case .overlooksSilentNodes: "Nodes that are there and silent"
            case .ignoresAge: "What is older than the window"
            case .mixesNodes, .mixesCircuits: "Circuits and nodes of any names"
            case .believesAnybody, .hasEndlessLeases: "A lease ends"
            case .leasesToAll: "One of several nodes"
            case .hasNoBreaks: "A break lasts"
            case .neverEmpty, .failsWhenEmpty: "A circuit that nobody has used"
            case .isDeaf, .tellsAll: "Changes of the phase"
            case .returnsWhenCancelled: "Listening ends"
            }
        }

        /// Whether changes of the right circuit are told, so that there is something to wait for.
        var isHeard: Bool { ![.isDeaf, .mixesCircuits, .isNotAtomic].contains(self) }
    }

    private let fault: Fault
    private let inner: InMemoryCircuitStore
    private let clock: ManualClock
    private let added = Lock<[String: Int]>([:])
    private let records = Lock<[String: SharedCircuitRecord]>([:])

    init(_ fault: Fault, _ clock: ManualClock) {
        (self.fault, self.clock) = (fault, clock)
        inner = InMemoryCircuitStore(clock: clock)
    }

    func exchange(_ report: CircuitReport) async throws -> SharedCircuit {
        var report = report
        switch fault {
        case .forgets: inner.removeAll()
        case .addsDuplicates:
            let count = added.withLock { added in
                added[report.circuit, default: 0] += 1
                return added[report.circuit] ?? 0
            }
            for index in report.slots.indices { report.slots[index].number = Int64(count * 10 + index) }
        case .ignoresAge: for index in report.slots.indices { report.slots[index].age = .zero }
        case .mixesNodes: report.node = "node"
        case .mixesCircuits: report.circuit = String(report.circuit.filter(\.isLetter))
        case .ignoresKnown: report.known.epoch = min(report.known.epoch, try await inner.exchange(quiet(report)).epoch)
        case .believesAnybody: if case .succeeded = report.request { report.request = .close }
        case .leasesToAll:
            if case .lease(let length) = report.request {
                return SharedCircuit(.probing(node: report.node, remaining: length), epoch: report.known.epoch + 1)
            }
        case .hasNoBreaks: report.rule.breakLength = .growing(from: .milliseconds(1))
        case .hasEndlessLeases: if case .lease = report.request { report.request = .lease(.seconds(3600)) }
        case .hasNoWeights: report.rule.maxNodeShare = 1
        case .overlooksSilentNodes: if report.slots.isEmpty { report.node = "nobody" }
        case .hasNoQuorum: (report.rule.minimumNodes, report.rule.minimumShare) = (1, 0)
        case .neverEmpty:
            var reply = try await inner.exchange(report)
            reply.wasEmpty = false
            return reply
        case .failsWhenEmpty:
            let reply = try await inner.exchange(report)
            if reply.wasEmpty { throw SharedStateError.malformed("nil") }
            return reply
        case .isNotAtomic:
            var record = records.withLock { $0[report.circuit] } ?? SharedCircuitRecord()
            for _ in 0..<10 { await Task.yield() }
            let reply = record.merge(report, now: clock.microseconds)
            let merged = record
            records.withLock { $0[report.circuit] = merged }
            return reply
        case .isDeaf, .tellsAll, .returnsWhenCancelled: break
        }
        return try await inner.exchange(report)
    }

    private func quiet(_ report: CircuitReport) -> CircuitReport {
        CircuitReport(circuit: report.circuit, node: report.node, rule: report.rule)
    }

    func changes(
        of circuits: [String], onChange: @escaping @Sendable (_ circuit: String, _ state: SharedCircuit) -> Void
    ) async throws {
        switch fault {
        case .isDeaf: try await inner.changes(of: []) { _, _ in }
        case .tellsAll:
            try await inner.changes(of: circuits.flatMap { [$0, $0.replacing("changes", with: "other changes")] }) {
                onChange($0, $1)
            }
        case .returnsWhenCancelled: try? await inner.changes(of: circuits, onChange: onChange)
        default: try await inner.changes(of: circuits, onChange: onChange)
        }
    }
}

extension ManualClock {
    fileprivate var microseconds: Int64 {
        let (seconds, attoseconds) = Instant().duration(to: now).components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
