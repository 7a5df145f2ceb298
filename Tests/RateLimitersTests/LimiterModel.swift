import ResilienceCore

@testable import RateLimiters

/// A limiter as its documentation tells it: a list of what was taken, a list of who waits, and a clock that goes on by
/// single nanoseconds. Slow and plain. For rules of which a period is a whole multiple of the limit, in nanoseconds.
struct LimiterModel {
    struct Entry {
        let id: Int
        let permits: Int
        let asked: Int64
        let latest: Int64
    }

    private(set) var rule: Rule
    private(set) var now: Int64 = 0
    private(set) var queue: [Entry] = []
    /// How asks ended: `granted`, `refused` with the hint in nanoseconds, `exceeds`, `cancelled`.
    private(set) var outcomes: [Int: String] = [:]
    private var taken: [(id: Int, moment: Int64, permits: Int, generation: Int)] = []
    /// The tokens of the bucket, each a period's worth.
    private var level: Int
    /// When pacing gives the next permit.
    private var nextFree: Int64 = 0
    private var generation = 0

    init(_ rule: Rule) {
        self.rule = rule
        level = rule.burst * Self.period(rule)
    }

    private static func period(_ rule: Rule) -> Int { Int(rule.period.saturatedNanoseconds) }
    private var period: Int { Self.period(rule) }
    private var interval: Int64 { Int64(period / rule.permits) }

    // MARK: What can be asked

    /// - Returns: Whether the ask was granted or queued; its outcome is known already otherwise.
    mutating func ask(_ id: Int, permits: Int, maxWait: Int64, deadline: Int64 = .max) {
        guard permits > 0 else {
            outcomes[id] = "granted"
            return
        }
        guard let least = leastWait(permits), least <= maxWait else {
            outcomes[id] = "exceeds"
            return
        }
        let entry = Entry(id: id, permits: permits, asked: now, latest: .max)
        let due = due(entry)
        if due == now {
            take(entry)
            return
        }
        let latest = min(now.addingSaturated(maxWait), deadline)
        guard due <= latest else {
            outcomes[id] = "refused \(due - now - least)"
            return
        }
        queue.append(Entry(id: id, permits: permits, asked: now, latest: latest))
    }

    /// Gives up an ask that waits, or permits that were taken at this very moment.
    mutating func cancel(_ id: Int) {
        if queue.contains(where: { $0.id == id }) {
            queue.removeAll { $0.id == id }
            outcomes[id] = "cancelled"
        } else if let index = taken.firstIndex(where: { $0.id == id }) {
            let taking = taken[index]
            if taking.generation == generation {
                taken.remove(at: index)
                level = min(rule.burst * period, level + taking.permits * period)
                nextFree -= Int64(taking.permits) * interval
            }
            outcomes[id] = "cancelled"
        }
        grantAll()
    }

    mutating func advance(by nanoseconds: Int) {
        for _ in 0..<nanoseconds { tick() }
        let oldest = now - 3 * Int64(period)
        taken.removeAll { $0.moment < oldest }
    }

    mutating func drain() -> Int {
        let permits = queue.isEmpty ? available : 0
        if permits > 0 { take(Entry(id: -1, permits: permits, asked: now, latest: now)) }
        return permits
    }

    /// Of the same kind, another limit of windows, or another burst of a bucket; or another kind.
    mutating func update(_ new: Rule) {
        guard new != rule else { return }
        if Self.name(new) == Self.name(rule) {
            let lacking = min(rule.burst * period - level, new.burst * period)
            rule = new
            level = new.burst * period - lacking
        } else {
            let used = min(new.burst, rule.burst - (isUsable(1) ? freePermits : 0))
            rule = new
            taken = []
            level = new.burst * period
            nextFree = now
            if used > 0 { take(Entry(id: -1, permits: used, asked: now, latest: now)) }
        }
        generation += 1
        var model = self
        model.queue = []
        var kept: [Entry] = []
        for entry in queue {
            if let least = leastWait(entry.permits) {
                // As if all that stay before it, and it, were all.
                model.queue.append(entry)
                let due = model.grantTime(of: entry.id)
                if due <= entry.latest {
                    kept.append(entry)
                } else {
                    model.queue.removeLast()
                    outcomes[entry.id] = "refused \(max(0, due - now - least))"
                }
            } else {
                outcomes[entry.id] = "exceeds"
            }
        }
        queue = kept
        grantAll()
    }

    static func name(_ rule: Rule) -> String {
        switch rule.kind {
        case .tokenBucket: "bucket"
        case .pacing: "pacing"
        case .fixedWindow: "fixed"
        case .slidingWindow: "sliding"
        case .slidingLog: "log"
        }
    }

    // MARK: What can be read

    var available: Int { queue.isEmpty ? freePermits : 0 }

    var promised: Int { queue.reduce(0) { $0 + $1.permits } }

    var nextPermit: Int64 { due(Entry(id: -2, permits: 1, asked: now, latest: .max)) - now }

    func grantedNow(_ id: Int) -> Bool { taken.contains { $0.id == id && $0.moment == now } }

    // MARK: The rule

    private func leastWait(_ permits: Int) -> Int64? {
        if case .pacing = rule.kind { return Int64(permits - 1) * interval }
        return permits <= rule.burst ? 0 : nil
    }

    private func isUsable(_ permits: Int) -> Bool { allows(Entry(id: -3, permits: permits, asked: now, latest: .max)) }

    private var freePermits: Int { (1...rule.burst).last { isUsable($0) } ?? 0 }

    private func allows(_ entry: Entry) -> Bool {
        let permits = entry.permits
        switch rule.kind {
        case .tokenBucket: return level >= permits * period
        case .pacing: return now >= max(nextFree, entry.asked) + Int64(permits - 1) * interval
        case .fixedWindow: return used(since: window) + permits <= rule.permits
        case .slidingLog: return used(since: now - Int64(period) + 1) + permits <= rule.permits
        case .slidingWindow:
            let current = used(since: window)
            let previous = used(since: window - Int64(period)) - current
            let rest = Int(window) + period - Int(now)
            return previous * rest + (current + permits) * period <= rule.permits * period
        }
    }

    private var window: Int64 { now / Int64(period) * Int64(period) }

    private func used(since start: Int64) -> Int { taken.reduce(0) { $1.moment >= start ? $0 + $1.permits : $0 } }

    private mutating func take(_ entry: Entry) {
        taken.append((entry.id, now, entry.permits, generation))
        level -= entry.permits * period
        let length = Int64(entry.permits) * interval
        nextFree = max(nextFree, now - length + interval) + length
        outcomes[entry.id] = "granted"
    }

    // MARK: Time

    private mutating func tick() {
        now += 1
        level = min(rule.burst * period, level + rule.permits)
        grantAll()
    }

    private mutating func grantAll() {
        while let first = queue.first, allows(first) {
            queue.removeFirst()
            take(first)
        }
    }

    /// When an ask would get its permits, behind all others, if nobody gives up.
    private func due(_ entry: Entry) -> Int64 {
        var model = self
        model.queue.append(entry)
        return model.grantTime(of: entry.id)
    }

    private func grantTime(of id: Int) -> Int64 {
        var model = self
        model.grantAll()
        while model.queue.contains(where: { $0.id == id }) { model.tick() }
        return model.now
    }
}
