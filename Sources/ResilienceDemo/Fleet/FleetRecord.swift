/// What is known of a run with several processes: pure data, from what the processes tell.
struct FleetRecord: Sendable {
    /// A process.
    struct Node: Sendable, Equatable {
        var state = "closed"
        var fleet = "closed"
        var isDegraded = false
        /// The times at which its breaker opened and closed, in milliseconds since the upstream failed or recovered.
        var openedAfter: Double?
        var openedBy = ""
        var closedAfter: Double?
        var closedBy = ""
        /// How often it lost the store.
        var timesDegraded = 0
        var succeeded = 0
        var failed = 0
        var refused = 0
        var exchanges = 0
        var errors = 0
    }

    /// Something that happened, for the story.
    struct Entry: Sendable, Equatable {
        /// Milliseconds since the beginning.
        let at: Double
        let text: String
    }

    private(set) var nodes: [Node]
    private(set) var entries: [Entry] = []
    private let start: Double
    private var failedAt: Double?
    private var recoveredAt: Double?

    init(nodes: Int, start: Double) {
        self.nodes = Array(repeating: Node(), count: nodes)
        self.start = start
    }

    mutating func note(_ text: String, at time: Double) {
        entries.append(Entry(at: time - start, text: text))
    }

    mutating func upstreamFailed(at time: Double) {
        failedAt = time
        note("the upstream fails", at: time)
    }

    mutating func upstreamRecovered(at time: Double) {
        recoveredAt = time
        note("the upstream works again", at: time)
    }

    mutating func take(_ message: FleetMessage) {
        guard nodes.indices.contains(message.node) else { return }
        switch message.kind {
        case .ready: break
        case .counted: count(message)
        case .degraded:
            nodes[message.node].isDegraded = true
            nodes[message.node].timesDegraded += 1
            note("node \(message.node + 1) cannot reach Redis, and goes by its own rules", at: message.at)
        case .recovered:
            nodes[message.node].isDegraded = false
            note("node \(message.node + 1) reaches Redis again", at: message.at)
        case .changed:
            nodes[message.node].state = message.state
            note("node \(message.node + 1): \(message.state), \(message.reason)", at: message.at)
            if message.state == "open", nodes[message.node].openedAfter == nil, let failedAt {
                nodes[message.node].openedAfter = message.at - failedAt
                nodes[message.node].openedBy = message.reason
            }
            if message.state == "closed", nodes[message.node].closedAfter == nil, let recoveredAt {
                nodes[message.node].closedAfter = message.at - recoveredAt
                nodes[message.node].closedBy = message.reason
            }
        }
    }

    private mutating func count(_ message: FleetMessage) {
        nodes[message.node].state = message.state
        nodes[message.node].fleet = message.fleet
        (nodes[message.node].succeeded, nodes[message.node].failed) = (message.succeeded, message.failed)
        (nodes[message.node].refused, nodes[message.node].exchanges) = (message.refused, message.exchanges)
        nodes[message.node].errors = message.errors
    }

    /// From the first to the last node to open, in milliseconds; `nil` if not all did.
    var timeToAgree: Double? {
        let times = nodes.compactMap(\.openedAfter)
        guard times.count == nodes.count, let first = times.min(), let last = times.max() else { return nil }
        return last - first
    }

    /// A table of what each node did, and what it cost the store.
    func lines(seconds: Double) -> [String] {
        let header = [
            "node", "opened after", "by", "closed after", "by", "lost Redis", "ok", "failed", "refused", "msg/s",
        ]
        let rows = nodes.enumerated().map { index, node in
            [
                "\(index + 1)", Self.text(node.openedAfter), node.openedBy, Self.text(node.closedAfter), node.closedBy,
                "\(node.timesDegraded)", "\(node.succeeded)", "\(node.failed)", "\(node.refused)",
                seconds > 0 ? "\(Int((Double(node.exchanges) / seconds).rounded()))" : "–",
            ]
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        let table = ([header] + rows).map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        }
        let agreement = timeToAgree.map { "from the first node to the last: \(Int($0.rounded())) ms" }
        return table + [agreement ?? "not all nodes opened"]
    }

    private static func text(_ milliseconds: Double?) -> String {
        milliseconds.map { "\(Int($0.rounded())) ms" } ?? "–"
    }
}
