import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

/// Random sequences of asks, waits, reservations, cancellations, time and changes, against the model.
@Suite("Limiter: reference model", .timeLimit(.minutes(30)))
struct LimiterModelTests {
    static let rules: [Rule] = [
        .tokenBucket(1, per: .nanoseconds(3), burst: 4), .tokenBucket(2, per: .nanoseconds(6), burst: 3),
        .tokenBucket(1, per: .nanoseconds(1), burst: 2), .pacing(1, per: .nanoseconds(4)),
        .pacing(2, per: .nanoseconds(6)), .fixedWindow(3, per: .nanoseconds(10)),
        .fixedWindow(1, per: .nanoseconds(5)), .slidingWindow(4, per: .nanoseconds(8)),
        .slidingWindow(1, per: .nanoseconds(6)), .slidingLog(3, per: .nanoseconds(9)),
        .slidingLog(1, per: .nanoseconds(7)),
    ]

    @Test("thousands of random courses", arguments: rules)
    func courses(rule: Rule) throws {
        try forSeeds(seeds(200)) { seed, _ in
            var course = try Course(seed, rule)
            if let difference = try course.run() { throw Difference("\(rule): \(difference)") }
        }
    }
}

/// One random course, played by a limiter and by the model.
private struct Course {
    private var random: SplitMix64
    private var model: LimiterModel
    private let stage: Stage
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var reservations: [Int: HeldReservation] = [:]
    /// How reservations ended, which only the test knows.
    private var reserved: [Int: String] = [:]
    private var maxWait: Int64 = 10
    private var steps: [String] = []

    init(_ seed: UInt64, _ rule: Rule) throws {
        random = SplitMix64(seed: seed)
        model = LimiterModel(rule)
        let observed = Bool.random(using: &random)
        stage = try Stage(rule, maxWait: .nanoseconds(10), observed: observed)
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    /// What was different, if anything was.
    mutating func run() throws -> String? {
        for id in 0..<40 {
            try step(id)
            if let difference = difference() { return "\(difference) after \(steps.joined(separator: ", "))" }
        }
        for id in Array(reservations.keys).sorted() { cancelReservation(id) }
        model.advance(by: 200)
        stage.advance(by: .nanoseconds(200))
        steps.append("the end")
        if let difference = difference() { return "\(difference) after \(steps.joined(separator: ", "))" }
        let isIdle = stage.limiter.waiting == 0 && stage.limiter.promised == 0 && stage.clock.timerCount == 0
        return isIdle ? nil : "not idle after \(steps.joined(separator: ", "))"
    }

    private mutating func step(_ id: Int) throws {
        let permits = [1, 1, 1, 1, 2, 2, 3, 0, 6].randomElement(using: &random) ?? 1
        switch number(0...15) {
        case 0...2:
            let wait = [0, 0, 4, 12, 40][number(0...4)]
            steps.append("\(id): acquire \(permits) within \(wait)")
            tasks[id] = stage.acquire(id, permits: permits, maxWait: .nanoseconds(wait))
            model.ask(id, permits: permits, maxWait: Int64(wait))
        case 3...5:
            let deadline: Int? = number(0...2) == 0 ? number(0...15) : nil
            steps.append("\(id): call \(permits) by \(deadline ?? -1)")
            tasks[id] = stage.start(id, permits: permits, deadline: deadline.map { .nanoseconds($0) })
            model.ask(
                id, permits: permits, maxWait: maxWait, deadline: deadline.map { model.now + Int64($0) - 1 } ?? .max)
        case 6, 7: reserve(id, permits)
        case 8:
            guard let id = tasks.keys.sorted().randomElement(using: &random), let task = tasks[id] else { return }
            guard model.outcomes[id] == nil else { return }
            steps.append("cancel \(id)")
            stage.cancel(task)
            model.cancel(id)
        case 9:
            guard let id = reservations.keys.sorted().randomElement(using: &random) else { return }
            if number(0...1) == 0 { cancelReservation(id) } else { use(id) }
        case 10 where number(0...2) == 0: try update()
        case 11 where number(0...2) == 0:
            steps.append("drain")
            let (here, there) = (stage.limiter.drain(), model.drain())
            if here != there { steps.append("drained \(here), not \(there)") }
        default:
            let time = number(0...8)
            steps.append("+\(time)")
            model.advance(by: time)
            stage.advance(by: .nanoseconds(time))
        }
    }

    private mutating func reserve(_ id: Int, _ permits: Int) {
        let wait = [4, 12, 100][number(0...2)]
        steps.append("\(id): reserve \(permits) within \(wait)")
        model.ask(id, permits: permits, maxWait: Int64(wait))
        do {
            reservations[id] = try stage.limiter.held(permits, maxWait: .nanoseconds(wait))
        } catch {
            reserved[id] = Stage.outcome(error)
        }
    }

    private mutating func use(_ id: Int) {
        guard model.outcomes[id] != nil else { return }
        steps.append("use \(id)")
        let isThere = reservations.removeValue(forKey: id)?.use() == true
        if isThere { reserved[id] = "granted" } else { reserved[id] = model.outcomes[id] ?? "" }
        if isThere != (model.outcomes[id] == "granted") { steps.append("used \(isThere)") }
    }

    /// What the model cannot tell exactly, permits that come back late, is used instead.
    private mutating func cancelReservation(_ id: Int) {
        guard let reservation = reservations[id] else { return }
        let isLate = model.outcomes[id] == "granted" && reservation.permits > 0 && !model.grantedNow(id)
        let isPaced = if case .pacing = model.rule.kind { reservation.permits > 1 } else { false }
        guard !isLate, !isPaced || model.outcomes[id] == nil else { return use(id) }
        steps.append("give back \(id)")
        reservations[id] = nil
        reservation.cancel()
        stage.drain()
        model.cancel(id)
        reserved[id] = "cancelled"
    }

    private mutating func update() throws {
        let present = model.rule
        let new: Rule
        switch number(0...2) {
        case 0: new = present
        case 1:
            // What stays in use is exact if only the burst of a bucket changes, or the limit of a window.
            new =
                switch present.kind {
                case .tokenBucket: .tokenBucket(present.permits, per: present.period, burst: number(1...5))
                case .pacing: present
                case .fixedWindow: .fixedWindow(number(1...4), per: present.period)
                case .slidingWindow: .slidingWindow([1, 2, 4][number(0...2)], per: present.period)
                case .slidingLog: .slidingLog([1, 3][number(0...1)], per: present.period)
                }
        default:
            let paced = ["bucket", "pacing"]
            let others = LimiterModelTests.rules.filter { rule in
                let names = [LimiterModel.name(rule), LimiterModel.name(present)]
                return names[0] != names[1] && !names.allSatisfy(paced.contains)
            }
            new = others.randomElement(using: &random) ?? present
        }
        maxWait = [0, 10, 30][number(0...2)]
        steps.append("update to \(new), wait \(maxWait)")
        try stage.update(new, maxWait: .nanoseconds(maxWait))
        model.update(new)
    }

    private func difference() -> String? {
        let limiter = stage.limiter
        for (id, _) in tasks where stage.outcome(id) != model.outcomes[id] {
            return "\(id) was \(stage.outcome(id) ?? "waiting"), not \(model.outcomes[id] ?? "waiting")"
        }
        for (id, outcome) in reserved where outcome != "cancelled" && outcome != model.outcomes[id] {
            return "reservation \(id) was \(outcome), not \(model.outcomes[id] ?? "waiting")"
        }
        for (id, reservation) in reservations {
            let isThere = reservation.delay == .zero
            if isThere != (model.outcomes[id] == "granted") { return "reservation \(id) after \(reservation.delay)" }
        }
        if limiter.available != model.available { return "\(limiter.available) available, not \(model.available)" }
        if limiter.promised != model.promised { return "\(limiter.promised) promised, not \(model.promised)" }
        let waiting = model.queue.count { tasks[$0.id] != nil }
        if limiter.waiting != waiting { return "\(limiter.waiting) waiting, not \(waiting)" }
        let next = limiter.nextPermit.saturatedNanoseconds
        if next != model.nextPermit { return "the next after \(next), not \(model.nextPermit)" }
        let outcomes = tasks.keys.compactMap { stage.outcome($0) } + reserved.values
        let totals = limiter.totals
        let seen = [totals.permitted, totals.rejected, totals.cancelled]
        let expected = [
            outcomes.count { $0 == "granted" },
            outcomes.count { $0.hasPrefix("refused") || $0 == "exceeds" }, outcomes.count { $0 == "cancelled" },
        ]
        return seen == expected ? nil : "totals \(seen), not \(expected)"
    }
}
