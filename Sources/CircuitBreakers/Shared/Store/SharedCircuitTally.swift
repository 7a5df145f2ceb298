/// What the nodes of a fleet have counted in the window, weighed, and whether the circuit opens.
///
/// With integers alone; every division rounds down:
///
/// 1. A *node* is one with at least one call in the window. `c`, `f` and `s` are its calls, failures and slow calls.
/// 2. *Unit*: if the fleet has more than 90 000 000 calls, all counts are divided by
///    `u = (calls + 89 999 999) / 90 000 000`; otherwise `u` = 1. It keeps products below 2^53.
/// 3. *Weight*: with `m`, the greatest share of a node in millionths, below 1 000 000: `cap = others × m /
///    (1 000 000 − m)`, where `others` is the sum of the calls of all other nodes, uncut. If `c > cap`: `f = f × cap /
///    c`, `s = s × cap / c`, `c = cap`. So no node has more than its share of what is counted, unless others are cut
///    too, and one that is alone counts for nothing.
/// 4. *Sums* of the cut `c`, `f` and `s`; times `u` they are what a reply shows.
/// 5. *Witnesses* are the nodes whose own counts, neither divided nor cut, show it: `f ≥ 1` for a number of failures,
///    `f × 1 000 000 ≥ threshold × c` for a share of failures, the same with `s` for slow calls.
/// 6. *Undecided* are the nodes without calls in the window that were last seen before the earliest slot of any node
///    began, less than the window ago, or 6 s if that is longer. They may have calls to tell of: a failure is told at
///    once, and successes a tick later, so that a few bad nodes could be the first to be heard after a quiet time.
/// 7. *Quorum*: `max(minimumNodes, (minimumShare × (nodes + undecided) + 999 999) / 1 000 000)`.
/// 8. It *opens* if there are as many witnesses as the quorum and the rule holds for the sums: `f × u ≥ threshold`, or
///    `c × u ≥ minimumCalls` and `f × 1 000 000 ≥ threshold × c`.
struct SharedCircuitTally: Sendable, Hashable {
    typealias Sum = SharedCircuitRecord.Sum
    private static let mostCalls: Int64 = 90_000_000

    private(set) var nodes = 0
    private(set) var witnesses = 0
    private var undecided = 0
    private var sum = Sum()
    private var unit: Int64 = 1

    init() {}

    init(_ known: some Collection<SharedCircuitRecord.Node>, _ rule: SharedCircuitRuleParts, _ time: Int64) {
        var (calls, earliest) = (Int64(0), Int64.max)
        for node in known where node.sum.calls > 0 {
            nodes += 1
            calls += node.sum.calls
            earliest = min(earliest, node.earliest)
            if Self.isWitness(node.sum, rule) { witnesses += 1 }
        }
        let alive = time - max(rule.window, SharedCircuitRecord.aliveAtLeast)
        undecided = known.count { $0.sum.calls == 0 && $0.lastSeen < earliest && $0.lastSeen > alive }
        if calls > Self.mostCalls {
            unit = (calls + Self.mostCalls - 1) / Self.mostCalls
            calls = known.reduce(0) { $0 + $1.sum.calls / unit }
        }
        let share = rule.maxNodeShare
        for node in known where node.sum.calls > 0 {
            var (c, f, s) = (node.sum.calls / unit, node.sum.failures / unit, node.sum.slow / unit)
            if share < 1_000_000 {
                let cap = (calls - c) * share / (1_000_000 - share)
                if c > cap { (c, f, s) = (cap, f * cap / c, s * cap / c) }
            }
            sum.calls += c
            sum.failures += f
            sum.slow += s
        }
    }

    /// The sums, as a reply shows them.
    var counts: SharedCounts {
        SharedCounts(
            calls: Int(clamping: sum.calls * unit), failures: Int(clamping: sum.failures * unit),
            slow: Int(clamping: sum.slow * unit))
    }

    func opens(_ rule: SharedCircuitRuleParts) -> Bool {
        let quorum = max(rule.minimumNodes, (rule.minimumShare * Int64(nodes + undecided) + 999_999) / 1_000_000)
        guard Int64(witnesses) >= quorum else { return false }
        switch rule.trip {
        case .failures: return sum.failures * unit >= rule.threshold
        case .failureRate, .slowCallRate:
            return sum.calls * unit >= rule.minimumCalls && Self.isShare(sum, rule)
        }
    }

    static func isWitness(_ sum: Sum, _ rule: SharedCircuitRuleParts) -> Bool {
        rule.trip == .failures ? sum.failures >= 1 : isShare(sum, rule)
    }

    private static func isShare(_ sum: Sum, _ rule: SharedCircuitRuleParts) -> Bool {
        let part = rule.trip == .slowCallRate ? sum.slow : sum.failures
        return part * 1_000_000 >= rule.threshold * sum.calls
    }
}
