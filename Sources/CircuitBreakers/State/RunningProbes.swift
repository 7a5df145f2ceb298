internal import ResilienceCore

/// The probes that are out, each with its own deadline.
struct RunningProbes: Sendable {
    struct Probe: Sendable {
        let number: UInt64
        let start: TimeSource.Instant
        let deadline: TimeSource.Instant
        fileprivate var isRunning = true
    }

    /// By number; probes that have ended stay until they are first, or until they outnumber the others.
    private var probes: [Probe] = []
    private var ended = 0
    private var isInOrder = true
    /// The next one to be given up: deadlines need not have the order of the numbers, because a configuration may
    /// change.
    private(set) var first: Probe?

    var count: Int { probes.count - ended }

    mutating func begin(_ number: UInt64, at start: TimeSource.Instant, until deadline: TimeSource.Instant) {
        let probe = Probe(number: number, start: start, deadline: deadline)
        isInOrder = probes.last.map { isInOrder && $0.deadline <= deadline } ?? true
        probes.append(probe)
        if first.map({ deadline < $0.deadline }) ?? true { first = probe }
    }

    func contains(_ number: UInt64) -> Bool { index(of: number) != nil }

    /// Whether the probe was out.
    mutating func end(_ number: UInt64) -> Bool {
        guard let index = index(of: number) else { return false }
        probes[index].isRunning = false
        ended += 1
        if first?.number == number {
            first =
                isInOrder
                ? probes[index...].first(where: \.isRunning)
                : probes.lazy.filter(\.isRunning).min { $0.deadline < $1.deadline }
        }
        if ended > probes.count / 2 {
            probes.removeAll { !$0.isRunning }
            ended = 0
        }
        return true
    }

    private func index(of number: UInt64) -> Int? {
        var (low, high) = (0, probes.count)
        while low < high {
            let middle = (low + high) / 2
            if probes[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < probes.count && probes[low].number == number && probes[low].isRunning ? low : nil
    }
}
