internal import ResilienceCore

/// Something that a module holds and knows what to make of: how it is observed, measured, and when it is in trouble.
protocol Component: Sendable {
    static var kind: Kind { get }

    /// What it measures, under the name it is registered by where it has none of its own.
    func collect(into metrics: inout MetricCollection, named name: String)

    func addObserver(_ observer: any PolicyObserver)

    /// What keeps it from its work now.
    var complaint: Complaint? { get }
}

/// What is the matter with something.
struct Complaint {
    /// As the end of a sentence: `is open`.
    let text: String
    /// With an article: `an open circuit breaker`.
    var noun = ""
    /// Whether it lets nothing through.
    let isOutage: Bool
}

extension Component {
    var complaint: Complaint? { nil }

    func collect(into metrics: inout MetricCollection, named name: String) {
        if let source = self as? any MetricSource { metrics.collect(source) }
    }
}

extension Kind {
    static let policy = Kind(UInt.max, "policy", "policies")
    static let family = Kind(UInt.max - 1, "policy family", "families")

    /// What is made of layers, for each of which a document may hold a part.
    static let layered: [Kind] = [.policy, .family]
}

extension Policy: Component { static var kind: Kind { .policy } }

extension PolicyFamily: Component {
    static var kind: Kind { .family }

    /// The family cannot work if none of its keys can; otherwise something does not work.
    var complaint: Complaint? {
        let members = allMembers.map { $0.member.state.complaints.map(\.complaint) }
        let shared = overflow.withLock { $0?.state }?.complaints.map(\.complaint) ?? []
        var keys: [String: Int] = [:]
        for complaints in members {
            for noun in Set(complaints.map(\.noun)) { keys[noun, default: 0] += 1 }
        }
        let total = "\(members.count) \(members.count == 1 ? "key" : "keys")"
        let parts =
            keys.sorted { $0.key > $1.key }.map { "\($0.key) for \($0.value) of \(total)" }
            + Set(shared.map(\.noun)).sorted().map { "\($0) for the keys that share a policy" }
        guard !parts.isEmpty else { return nil }
        let isOutage = !members.isEmpty && members.allSatisfy { $0.contains(where: \.isOutage) }
        return Complaint(text: "has \(parts.joined(separator: ", "))", isOutage: isOutage)
    }
}
