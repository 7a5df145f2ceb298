import Foundation
import ResilienceCore
import Testing

@testable import CircuitBreakers

/// Merging and leasing under a network that loses, repeats and reorders, over random scripts.
///
/// Ten thousand in the suite; `RESILIENCE_MODEL_SEQUENCES=1000000` for more, in release.
@Suite struct SharedCircuitModelTests {
    static let sequences =
        ProcessInfo.processInfo.environment["RESILIENCE_MODEL_SEQUENCES"].flatMap { UInt64($0) } ?? 10_000

    @Test(
        "Whatever the network does, one node holds the lease, only its verdict closes, and nothing counts twice"
    )
    func anyNetwork() async {
        let faults = await withTaskGroup(of: [String].self) { group in
            let parts: UInt64 = 16
            for part in 0..<parts {
                group.addTask {
                    stride(from: part, to: Self.sequences, by: UInt64.Stride(parts)).compactMap { seed in
                        var script = NetworkScript(seed: seed)
                        return script.run().map { "seed \(seed): \($0)" }
                    }
                }
            }
            return await group.reduce(into: [String]()) { $0 += $1 }
        }
        #expect(faults.isEmpty, "\(faults.count) faults: \(faults.prefix(5))")
    }
}

/// One random script: three nodes, what they have truly counted, and messages on the way.
private struct NetworkScript {
    private struct Node {
        var known = SharedCircuit.new
        var counts: [Int64: SharedCounts] = [:]
        var slot: Int64 = 1
    }

    private var random: SplitMix64
    private var record = SharedCircuitRecord()
    private var nodes = [Node](repeating: Node(), count: 3)
    private var onTheWay: [CircuitReport] = []
    private var replies: [(node: Int, state: SharedCircuit)] = []
    private var now: Int64 = 5_000_000
    private var grants: [Int64: String] = [:]
    private var hasChanged = false
    private let rule: SharedCircuitRule
    /// Whether counts may open the circuit; otherwise they are checked to the last one.
    private let trips: Bool

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        trips = Bool.random(using: &random)
        rule = SharedCircuitRule(
            trip: .failures(trips ? .random(in: 2...12, using: &random) : 1_000_000), window: .seconds(3600),
            minimumShare: 0, maxNodeShare: 1, breakLength: .growing(from: .seconds(2), upTo: .seconds(4)))
    }

    /// What is wrong, if anything.
    mutating func run() -> String? {
        for _ in 0..<Int.random(in: 10...40, using: &random) {
            if let fault = step() { return fault }
        }
        // In the end everything arrives, in any order.
        for index in nodes.indices { send(index, everything: true) }
        onTheWay.shuffle(using: &random)
        while let report = onTheWay.popLast() {
            if let fault = deliver(report) { return fault }
        }
        guard !hasChanged else { return nil }
        let counted = record.state(now: now)
        let truth = self.truth
        let matches = counted.phase != .closed || counted.counts == truth || (trips && counted.isOpen)
        return matches ? nil : "counted \(counted.counts), and not \(truth)"
    }

    private var truth: SharedCounts {
        nodes.flatMap(\.counts.values).reduce(into: SharedCounts()) { sum, counts in
            sum.calls += counts.calls
            sum.failures += counts.failures
        }
    }

    private mutating func step() -> String? {
        let index = Int.random(in: 0..<3, using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1, 2:
            if Int.random(in: 0..<4, using: &random) == 0 { nodes[index].slot += 1 }
            let failures = Int.random(in: 0...2, using: &random)
            nodes[index].counts[nodes[index].slot, default: SharedCounts()].calls += failures + 1
            nodes[index].counts[nodes[index].slot, default: SharedCounts()].failures += failures
        case 3, 4, 5: send(index, everything: Bool.random(using: &random))
        case 6, 7, 8:
            guard let position = onTheWay.indices.randomElement(using: &random) else { return nil }
            let report = onTheWay[position]
            // Sometimes it stays, and comes again.
            if Int.random(in: 0..<3, using: &random) > 0 { onTheWay.remove(at: position) }
            return deliver(report)
        case 9:
            if let position = onTheWay.indices.randomElement(using: &random) { onTheWay.remove(at: position) }
        case 10:
            guard let position = replies.indices.randomElement(using: &random) else { return nil }
            let (node, state) = replies.remove(at: position)
            if state.epoch >= nodes[node].known.epoch { nodes[node].known = state }
        default: now += Int64.random(in: 1...3_000_000, using: &random)
        }
        return nil
    }

    private mutating func send(_ index: Int, everything: Bool) {
        let node = nodes[index]
        let slots = node.counts.filter { everything || $0.key == node.slot }.map {
            CircuitReport.Slot(number: $0.key, age: .zero, counts: $0.value)
        }
        onTheWay.append(
            CircuitReport(
                circuit: "", node: "\(index)", rule: rule, slots: slots, known: node.known,
                request: request(node, index)))
    }

    private mutating func request(_ node: Node, _ index: Int) -> CircuitReport.Request {
        let epoch = node.known.epoch
        switch node.known.phase {
        // Somebody asks for the lease too early, and says what it has no right to say.
        case .open: return Bool.random(using: &random) ? .lease(.seconds(2)) : .succeeded(epoch: epoch)
        case .probing:
            let requests: [CircuitReport.Request] = [
                .succeeded(epoch: epoch), .failed(epoch: epoch), .giveUp(epoch: epoch), .lease(.seconds(2)), .nothing,
            ]
            return requests.randomElement(using: &random) ?? .nothing
        case .closed:
            guard trips else { return .nothing }
            switch Int.random(in: 0..<12, using: &random) {
            case 0: return .open(.seconds(1))
            case 1: return .close
            default: return .nothing
            }
        }
    }

    private mutating func deliver(_ report: CircuitReport) -> String? {
        let before = record.state(now: now)
        let reply = record.merge(report, now: now)
        if let index = Int(report.node) { replies.append((index, reply)) }
        if reply.epoch != before.epoch { hasChanged = true }
        return fault(before, reply, report).map { "\($0): \(before) → \(reply) by \(report)" }
    }

    private mutating func fault(_ before: SharedCircuit, _ after: SharedCircuit, _ report: CircuitReport) -> String? {
        guard after.epoch >= before.epoch, after.epoch >= report.known.epoch else { return "an epoch went back" }
        if after.counts.calls > truth.calls || after.counts.failures > truth.failures {
            return "more was counted than was"
        }
        if after.epoch == before.epoch {
            return before.kind == after.kind && before.holder == after.holder ? nil : "a change without an epoch"
        }
        let isCurrent = report.known.epoch == before.epoch
        let held = before.isProbing && before.rest > .zero
        let isVerdict = held && before.holder == report.node
        switch after.phase {
        case .probing(let node, _):
            guard grants.updateValue(node, forKey: after.epoch) == nil else { return "two leases of one epoch" }
            guard case .lease = report.request, report.node == node, !held, !before.isClosed, before.rest == .zero
            else {
                return "a lease that was not to be had"
            }
        case .closed:
            if case .close = report.request, isCurrent { return nil }
            guard isVerdict, report.request == .succeeded(epoch: before.epoch) else {
                return "closed by nobody's right"
            }
        case .open:
            switch report.request {
            case .open where isCurrent: return nil
            case .failed(before.epoch) where isVerdict, .giveUp(before.epoch) where isVerdict: return nil
            default: break
            }
            // Else a lease has run out, or the rule holds.
            let hasRunOut = before.isProbing && before.rest == .zero
            guard hasRunOut || before.isClosed && trips && after.counts.failures >= 2 && after.witnesses >= 2 else {
                return "opened by nobody's right"
            }
        }
        return nil
    }
}

extension SharedCircuit {
    fileprivate var kind: Int { isClosed ? 0 : isOpen ? 1 : 2 }

    fileprivate var rest: Duration {
        switch phase {
        case .closed: .zero
        case .open(let rest), .probing(_, let rest): rest
        }
    }
}
