import Foundation

/// What a process of a fleet tells the one that has started it: a line of JSON on its standard output.
struct FleetMessage: Codable, Equatable, Sendable {
    enum Kind: String, Codable, Sendable {
        /// The process calls the upstream from now on.
        case ready
        /// The breaker has changed its state.
        case changed
        /// The store cannot be reached, or can again.
        case degraded, recovered
        /// What it has counted so far; several times a second.
        case counted
    }

    let node: Int
    var kind: Kind
    /// When, in milliseconds since 1970, for what the processes of one machine are compared by.
    var at: Double
    /// The state of its breaker.
    var state = ""
    /// What the fleet's circuit does, as far as it knows.
    var fleet = ""
    /// Why the state changed.
    var reason = ""
    var succeeded = 0
    var failed = 0
    var refused = 0
    /// How often it has asked the store.
    var exchanges = 0
    /// How often the store did not answer.
    var errors = 0

    init(_ node: Int, _ kind: Kind, at: Date = Date()) {
        (self.node, self.kind) = (node, kind)
        self.at = at.timeIntervalSince1970 * 1_000
    }

    /// The message as a line.
    var line: String {
        guard let data = try? JSONEncoder().encode(self) else { return "\n" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// Reads a line; `nil` if it is no message.
    init?(line: some StringProtocol) {
        guard let message = try? JSONDecoder().decode(FleetMessage.self, from: Data(line.utf8)) else { return nil }
        self = message
    }
}

/// The lines in what comes in pieces.
struct LineSplitter {
    private var rest: [UInt8] = []

    /// The lines that are complete now.
    mutating func lines(adding bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(String(decoding: rest, as: UTF8.self))
                rest = []
            } else if rest.count < 1 << 16 {
                rest.append(byte)
            }
        }
        return lines
    }
}
