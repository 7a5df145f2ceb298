/// What a node tells a store about one circuit, and what it asks for.
public struct CircuitReport: Sendable, Hashable {
    /// The circuit's name: the same on all nodes. Any text.
    public var circuit: String

    /// The node's name: no two that live at the same time have the same, and one that restarts takes a new one.
    public var node: String

    /// The fleet's rule, as this node has it.
    public var rule: SharedCircuitRule

    /// What was counted in parts of time that have changed since the store last knew them.
    public var slots: [Slot]

    /// The newest state this node knows, so that a store that was emptied learns it again.
    public var known: SharedCircuit

    /// What the node asks for.
    public var request: Request

    /// What a node has counted in a part of time.
    public struct Slot: Sendable, Hashable {
        /// Which part, as this node numbers them: each later one has a higher number.
        public var number: Int64
        /// How long ago it began.
        public var age: Duration
        /// All that was counted in it so far, not only what is new. The greater figure wins where two reports differ.
        public var counts: SharedCounts

        /// Creates what was counted in a part of time.
        public init(number: Int64, age: Duration, counts: SharedCounts) {
            (self.number, self.age, self.counts) = (number, age, counts)
        }
    }

    /// What a node asks for.
    ///
    /// Each change of the phase is made by a node that knows the newest epoch: a request with an older ``known``
    /// changes nothing, and neither does the same request that comes again. The node sees that by the state that comes
    /// back, and asks once more.
    public enum Request: Sendable, Hashable {
        /// Nothing but to know.
        case nothing
        /// To be the node that probes, if the break is over and no other node probes: for at most this long, 1 ms to 1
        /// hour.
        case lease(Duration)
        /// The probes have shown that the service works: close. Only for the node that holds the lease of this epoch.
        case succeeded(epoch: Int64)
        /// The probes have shown that it does not: open again. Only for the node that holds the lease of this epoch.
        case failed(epoch: Int64)
        /// There were no calls to probe with: let other nodes probe. Only for the node that holds the lease of this
        /// epoch.
        case giveUp(epoch: Int64)
        /// Open, or restart the break, for this long, whatever was counted; 1 ms to 366 days.
        case open(Duration)
        /// Close, whatever was counted, and reset the counts.
        case close
    }

    /// Creates a report.
    public init(
        circuit: String, node: String, rule: SharedCircuitRule, slots: [Slot] = [], known: SharedCircuit = .new,
        request: Request = .nothing
    ) {
        (self.circuit, self.node, self.rule) = (circuit, node, rule)
        (self.slots, self.known, self.request) = (slots, known, request)
    }
}
