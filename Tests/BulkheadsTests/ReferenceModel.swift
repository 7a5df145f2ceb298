@testable import Bulkheads

/// What a bulkhead does, written for clarity: lists, searched from end to end.
struct ReferenceModel {
    struct Waiting {
        let id: Int
        let partition: String
        let priority: Int
        let since: Int
        let deadline: Int
        let number: Int
    }

    var limit: Int
    var capacity: Int
    var maxWait: Int
    var isNewestFirst: Bool
    /// The slots of each partition; "" for the calls without one.
    var shares: [String: Double]
    var borrows: Bool

    var now = 0
    var running: [(id: Int, partition: String)] = []
    var waiting: [Waiting] = []
    var outcomes: [Int: String] = [:]
    var started: [Int] = []
    var totals = Totals()
    private var asks = 0

    init(limit: Int, capacity: Int, maxWait: Int, isNewestFirst: Bool, shares: [String: Double], borrows: Bool) {
        self.limit = limit
        self.capacity = capacity
        self.maxWait = maxWait
        self.isNewestFirst = isNewestFirst
        self.shares = shares
        self.borrows = borrows
    }

    /// Shares in tests are multiples of a tenth, and limits of ten, so that nothing is rounded.
    private func slots(_ partition: String) -> Int {
        let share = partition == "" ? 1 - shares.values.reduce(0, +) : shares[partition] ?? 0
        return Int((share * Double(limit)).rounded())
    }

    private func has(_ partition: String) -> Int { running.count { $0.partition == partition } }
    private func wants(_ partition: String) -> Int {
        has(partition) + waiting.count { $0.partition == partition }
    }

    private func mayHave(_ partition: String) -> Bool {
        running.count < limit && (shares.isEmpty || borrows || has(partition) < slots(partition))
    }

    private func goes(_ one: Waiting, before other: Waiting) -> Bool {
        if one.priority != other.priority { return one.priority > other.priority }
        return isNewestFirst ? one.number > other.number : one.number < other.number
    }

    mutating func start(_ id: Int, priority: Int, partition name: String, deadline: Int?) {
        let partition = shares[name] == nil ? "" : name
        asks += 1
        let end = min(now + maxWait, deadline.map { now + $0 } ?? .max)
        let call = Waiting(
            id: id, partition: partition, priority: priority, since: now, deadline: end, number: asks)
        if mayHave(partition) {
            run(call)
        } else if capacity == 0 {
            refuse(id, "full")
        } else if end <= now {
            outcomes[id] = "timedOut"
            totals.timedOut += 1
            totals.rejected += 1
        } else if waiting.count < capacity {
            waiting.append(call)
        } else if let victim = victim(of: call) {
            waiting.removeAll { $0.id == victim.id }
            countWait(victim)
            refuse(victim.id, "displaced")
            waiting.append(call)
        } else {
            refuse(id, "full")
        }
    }

    private func victim(of call: Waiting) -> Waiting? {
        let last = waiting.sorted { goes($0, before: $1) }
        let beyond = last.filter { wants($0.partition) > slots($0.partition) }
        if wants(call.partition) < slots(call.partition) {
            if let victim = beyond.last { return victim }
            return last.last.flatMap { goes(call, before: $0) ? $0 : nil }
        }
        let candidates = last.filter { one in
            one.partition == call.partition || beyond.contains { $0.id == one.id }
        }
        return candidates.last.flatMap { goes(call, before: $0) ? $0 : nil }
    }

    mutating func end(_ id: Int) {
        guard let index = running.firstIndex(where: { $0.id == id }) else { return }
        running.remove(at: index)
        totals.finished += 1
        outcomes[id] = "finished"
        serve()
    }

    mutating func cancel(_ id: Int) {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        countWait(waiting.remove(at: index))
        totals.cancelled += 1
        outcomes[id] = "cancelled"
    }

    mutating func advance(by length: Int) {
        let target = now + length
        for call in waiting.filter({ $0.deadline <= target }) {
            now = call.deadline
            waiting.removeAll { $0.id == call.id }
            countWait(call)
            totals.timedOut += 1
            totals.rejected += 1
            outcomes[call.id] = "timedOut"
        }
        now = target
    }

    mutating func resize(to limit: Int) {
        self.limit = limit
        serve()
    }

    mutating func serve() {
        while true {
            let candidates = waiting.filter { mayHave($0.partition) }
            let owed = candidates.filter { has($0.partition) < slots($0.partition) }
            let best = (owed.isEmpty ? candidates : owed).min { goes($0, before: $1) }
            guard let best else { return }
            waiting.removeAll { $0.id == best.id }
            countWait(best)
            run(best)
        }
    }

    private mutating func run(_ call: Waiting) {
        running.append((call.id, call.partition))
        started.append(call.id)
    }

    private mutating func refuse(_ id: Int, _ cause: String) {
        outcomes[id] = cause
        totals.rejected += 1
        if cause == "displaced" { totals.displaced += 1 }
    }

    private mutating func countWait(_ call: Waiting) {
        totals.waited += 1
        totals.waitingTime += .seconds(now - call.since)
    }
}
