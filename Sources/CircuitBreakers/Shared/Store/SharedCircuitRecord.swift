internal import ResilienceCore

/// What a store keeps of one circuit, and the rules by which it changes: a pure value that is told the time.
///
/// A store over a network does the same in a script, step by step; this is its specification, and what it is checked
/// against. All numbers are whole, and none that is made on the way exceeds 2^53, so that doubles are exact. Division
/// rounds down. Times are microseconds of the store's own clock.
///
/// ``merge(_:now:)`` takes these steps, in this order:
///
/// 1. **Time.** The time is `now` plus a correction, which grows where the clock was set back, so that time then stands
///    still and never goes back: what is remembered stays as far away as it was.
/// 2. **Adopting.** The report's `known` state is adopted whole if its epoch is greater, or if the epoch is the same
///    and its phase outranks the record's: open over probing over closed. So a store that was emptied, or that fell
///    back to an older copy, learns again, and an epoch never goes back. Counts are forgotten then.
/// 3. **Leases.** If a lease is over, the circuit is open without rest, and the epoch grows.
/// 4. **Counts.** The node was seen now, whatever it tells, unless there are ``maxNodes`` others. While closed, for
///    each node and slot number the greatest of each count and the earliest start (time − age) are kept: so reports may
///    come twice and in any order. A slot that began before the circuit was last closed, as long ago as the window or
///    longer, or whose number is not greater than that of one of this node that was dropped by then, is left out.
///    Bounded: the ``maxSlots`` newest of a node, ``maxCount`` in a slot.
/// 5. **The request**, if the reporter knows the newest epoch (`known.epoch` is the record's), or holds the lease of
///    the epoch it names. Every change makes the epoch grow by one and empties the slots of all nodes, which stay
///    known, with the greatest number dropped before.
/// 6. **The rule**, while closed, by the reporter's rule. Slots as old as the window are dropped, and nodes that were
///    not seen for two windows, or for 6 s if that is longer, are forgotten. Then see `SharedCircuitTally`.
public struct SharedCircuitRecord: Sendable, Hashable {
    /// The most nodes that are counted; of more, those that came first.
    public static let maxNodes = 4096

    /// The most slots that are kept of a node.
    public static let maxSlots = 64

    /// The most calls that are counted in a slot; what exceeds it is cut, in proportion.
    public static let maxCount: Int64 = 100_000_000

    /// For how long a node that is silent is taken to be there, at least, in microseconds: longer than it is silent
    /// that has nothing to tell.
    static let aliveAtLeast: Int64 = 6_000_000

    /// The greatest epoch, and the greatest number of openings in a row is ``maxCount``.
    static let maxEpoch: Int64 = 1 << 52

    /// A break by the rule, in microseconds.
    static let breakLengths: ClosedRange<Int64> = 1000...86_400_000_000
    /// A break by hand, in microseconds.
    static let manualBreakLengths: ClosedRange<Int64> = 1000...31_622_400_000_000
    /// A lease, in microseconds.
    static let leaseLengths: ClosedRange<Int64> = 1000...3_600_000_000

    enum Phase: Sendable, Hashable {
        case closed
        case open(until: Int64)
        case probing(node: String, until: Int64)
    }

    private(set) var phase = Phase.closed
    private(set) var epoch: Int64 = 0
    private(set) var consecutiveOpens: Int64 = 0
    /// Slots that began before this belong to an earlier time.
    private(set) var since = Int64.min
    private(set) var nodes: [String: Node] = [:]
    /// What was counted when the rule was last looked at.
    private(set) var tally = SharedCircuitTally()
    private var correction: Int64 = 0
    private var latest = Int64.min

    /// Creates the record of a circuit that was never used.
    public init() {}

    /// Merges a report, does what it asks for, and decides whether the circuit opens.
    ///
    /// - Parameters:
    ///   - report: What a node tells.
    ///   - now: The time by the store's clock, in microseconds.
    /// - Returns: What is known then.
    public mutating func merge(_ report: CircuitReport, now: Int64) -> SharedCircuit {
        let time = advance(to: now)
        adopt(report.known, time)
        if case .probing(_, let until) = phase, until <= time { change(to: .open(until: time)) }
        let rule = SharedCircuitRuleParts(report.rule)
        // Of a node that is unknown while nothing is counted, nothing is wanted.
        let isUnknown = phase == .closed && nodes[report.node] == nil
        count(report, rule, time)
        perform(report.request, of: report.node, knowing: report.known.epoch, rule, time)
        judge(rule, time)
        return state(time, wasEmpty: isUnknown)
    }

    /// What is known at a time, without a report.
    ///
    /// - Parameter now: The time by the store's clock, in microseconds.
    public func state(now: Int64) -> SharedCircuit {
        state(max(latest, now.addingSaturated(correction)), wasEmpty: false)
    }

    private func state(_ time: Int64, wasEmpty: Bool) -> SharedCircuit {
        func rest(_ until: Int64) -> Duration { .microseconds(max(0, until - time)) }
        let shown: SharedCircuit.Phase =
            switch phase {
            case .closed: .closed
            case .open(let until): .open(remaining: rest(until))
            case .probing(let node, let until): .probing(node: node, remaining: rest(until))
            }
        return SharedCircuit(
            shown, epoch: epoch, consecutiveOpens: Int(consecutiveOpens), counts: tally.counts, nodes: tally.nodes,
            witnesses: tally.witnesses, wasEmpty: wasEmpty)
    }

    // MARK: The steps

    private mutating func advance(to now: Int64) -> Int64 {
        let bounded = now.clamped(to: -(1 << 52)...(1 << 52))
        if bounded + correction < latest { correction = latest - bounded }
        latest = bounded + correction
        return latest
    }

    private mutating func adopt(_ known: SharedCircuit, _ time: Int64) {
        let knownEpoch = known.epoch.clamped(to: 0...Self.maxEpoch)
        guard knownEpoch >= epoch else { return }
        func end(_ rest: Duration, _ lengths: ClosedRange<Int64>) -> Int64 {
            time + rest.microseconds.clamped(to: 0...lengths.upperBound)
        }
        let adopted: Phase =
            switch known.phase {
            case .closed: .closed
            case .open(let rest): .open(until: end(rest, Self.manualBreakLengths))
            case .probing(let node, let rest): .probing(node: node, until: end(rest, Self.leaseLengths))
            }
        guard knownEpoch > epoch || adopted.outranks(phase) else { return }
        phase = adopted
        epoch = knownEpoch
        consecutiveOpens = Int64(known.consecutiveOpens).clamped(to: 0...Self.maxCount)
        nodes = [:]
        tally = SharedCircuitTally()
    }

    private mutating func count(_ report: CircuitReport, _ rule: SharedCircuitRuleParts, _ time: Int64) {
        guard var node = nodes.removeValue(forKey: report.node) ?? (nodes.count < Self.maxNodes ? Node() : nil) else {
            return
        }
        node.lastSeen = time
        if phase == .closed {
            for slot in report.slots {
                let start = time - slot.age.microseconds.clamped(to: 0...(1 << 50))
                guard start >= since, start > time - rule.window, slot.number > node.floor else { continue }
                node.merge(slot.counts, into: slot.number, startedAt: start)
            }
        }
        nodes[report.node] = node
    }

    private mutating func perform(
        _ request: CircuitReport.Request, of node: String, knowing known: Int64, _ rule: SharedCircuitRuleParts,
        _ time: Int64
    ) {
        let isCurrent = known == epoch
        switch request {
        case .nothing: break
        case .lease(let length):
            guard isCurrent, case .open(let until) = phase, until <= time else { return }
            change(to: .probing(node: node, until: time + length.microseconds.clamped(to: Self.leaseLengths)))
        case .succeeded(let lease):
            if holds(node, lease) { close(time) }
        case .failed(let lease):
            if holds(node, lease) { open(for: rule.breakLength(consecutiveOpens + 1), time) }
        case .giveUp(let lease):
            if holds(node, lease) { change(to: .open(until: time)) }
        case .open(let length):
            if isCurrent { open(for: length.microseconds.clamped(to: Self.manualBreakLengths), time) }
        case .close:
            if isCurrent { close(time) }
        }
    }

    private func holds(_ node: String, _ lease: Int64) -> Bool {
        guard case .probing(let holder, _) = phase else { return false }
        return holder == node && lease == epoch
    }

    private mutating func judge(_ rule: SharedCircuitRuleParts, _ time: Int64) {
        guard phase == .closed else { return }
        let start = time - rule.window
        for (name, node) in nodes where node.earliest <= start { nodes[name]?.drop(upTo: start) }
        let forgotten = time - max(2 * rule.window, Self.aliveAtLeast)
        for (name, node) in nodes where node.lastSeen <= forgotten { nodes[name] = nil }
        tally = SharedCircuitTally(nodes.values, rule, time)
        if tally.opens(rule) { open(for: rule.breakLength(consecutiveOpens + 1), time) }
    }

    private mutating func open(for length: Int64, _ time: Int64) {
        consecutiveOpens = min(consecutiveOpens + 1, Self.maxCount)
        change(to: .open(until: time + length))
    }

    private mutating func close(_ time: Int64) {
        consecutiveOpens = 0
        since = time
        tally = SharedCircuitTally()
        change(to: .closed)
    }

    private mutating func change(to new: Phase) {
        phase = new
        epoch = min(epoch + 1, Self.maxEpoch)
        for name in nodes.keys { nodes[name]?.clear() }
    }
}

extension SharedCircuitRecord.Phase {
    /// Of two states with the same epoch, as only a store that forgot something can have. Of two of one kind that of
    /// the store stays: how much of a break is left is older news in a report than there, the more so in one that was
    /// delayed.
    fileprivate func outranks(_ other: Self) -> Bool { rank > other.rank }

    private var rank: Int {
        switch self {
        case .closed: 0
        case .probing: 1
        case .open: 2
        }
    }
}
