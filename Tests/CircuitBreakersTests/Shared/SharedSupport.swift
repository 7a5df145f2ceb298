import CircuitBreakers
import ResilienceCore

extension SharedCircuitRule {
    /// Six failures in ten seconds, on half of the nodes and two at least.
    static let sixFailures = SharedCircuitRule(trip: .failures(6), breakLength: .growing(from: .seconds(5)))
}

/// The record of a store whose clock is moved by hand, and nodes that report to it.
struct Ledger {
    var record = SharedCircuitRecord()
    var rule: SharedCircuitRule
    /// Microseconds.
    var now: Int64 = 1_000_000_000
    /// What each node knows.
    var known: [String: SharedCircuit] = [:]

    init(_ rule: SharedCircuitRule = .sixFailures) { self.rule = rule }

    func report(
        _ node: String, _ slots: [CircuitReport.Slot] = [], _ request: CircuitReport.Request = .nothing
    ) -> CircuitReport {
        CircuitReport(
            circuit: "test", node: node, rule: rule, slots: slots, known: known[node] ?? .new, request: request)
    }

    /// A node reports, and hears.
    @discardableResult
    mutating func exchange(
        _ node: String, _ slots: [CircuitReport.Slot] = [], _ request: CircuitReport.Request = .nothing
    ) -> SharedCircuit {
        let reply = record.merge(report(node, slots, request), now: now)
        known[node] = reply
        return reply
    }

    mutating func advance(by duration: Duration) {
        now += duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
    }

    /// Six nodes see a failure each: the circuit opens.
    mutating func trip() {
        for node in 1...6 { exchange("node \(node)", [slot(1, failures: 1)]) }
    }
}

func slot(
    _ number: Int64 = 1, age: Duration = .zero, calls: Int? = nil, failures: Int = 0, slow: Int = 0
) -> CircuitReport.Slot {
    CircuitReport.Slot(
        number: number, age: age, counts: SharedCounts(calls: calls ?? failures, failures: failures, slow: slow))
}

extension SharedCircuit {
    var isOpen: Bool { if case .open = phase { true } else { false } }
    var isClosed: Bool { phase == .closed }
    var isProbing: Bool { if case .probing = phase { true } else { false } }
    var holder: String? { if case .probing(let node, _) = phase { node } else { nil } }
}
