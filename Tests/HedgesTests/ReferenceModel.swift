import ResilienceCore

@testable import Hedges

/// What is documented of a hedged call, written down a second time in the plainest way: one list of what will happen,
/// in whole nanoseconds.
struct ReferenceModel {
    enum Outcome: Equatable, Sendable {
        case success, unaccepted, failure, fatal, cancelledItself
    }

    struct Behaviour: Sendable {
        let outcome: Outcome
        let latency: Int
        let isStubborn: Bool
    }

    struct Settings: Sendable {
        /// Between one attempt and the next; `nil` for none by time.
        let delays: [Int?]
        let maxHedges: Int
        let behaviours: [Behaviour]
        let tokens: Int?
        let cancelledAt: Int?
    }

    struct Result: Equatable {
        enum Ending: Equatable { case value(Int), error(Int), cancelled }

        var ending = Ending.cancelled
        var endedAt = 0
        var starts: [Int] = []
        var byDelay = 0
        var byFailure = 0
        var refused = 0
        var lost = 0
        var released: Set<Int> = []
        var totals = Hedge.Totals()
    }

    private struct Running {
        let attempt: Int
        var end: Int
        var isCut = false
    }

    private struct Ended {
        let attempt: Int
        let outcome: Outcome
        let isCut: Bool
    }

    private let settings: Settings
    private var result = Result()
    private var running: [Running] = []
    private var ended: [Ended] = []
    private var nextByDelay: Int?
    private var slots: Int
    private var tokens: Int?
    private var decisive: Int?
    private var isCancelled = false
    private var now = 0

    static func play(_ settings: Settings) -> Result {
        var model = ReferenceModel(settings)
        return model.play()
    }

    private init(_ settings: Settings) {
        self.settings = settings
        slots = settings.maxHedges
        tokens = settings.tokens
    }

    private mutating func play() -> Result {
        begin(attempt: 1)
        scheduleByDelay()
        while !running.isEmpty {
            let nextEnd = running.min { $0.end < $1.end }
            guard let nextEnd else { break }
            let cancellation = isCancelled ? nil : settings.cancelledAt
            let timer = decisive == nil && slots > 0 ? nextByDelay : nil
            let next = min(nextEnd.end, cancellation ?? .max, timer ?? .max)
            now = next
            if next == cancellation {
                isCancelled = true
                nextByDelay = nil
                slots = 0
                cut()
            } else if next == timer {
                nextByDelay = nil
                tryHedge(byFailure: false)
                scheduleByDelay()
            } else {
                running.removeAll { $0.attempt == nextEnd.attempt }
                end(nextEnd)
            }
        }
        result.endedAt = now
        conclude()
        return result
    }

    private mutating func begin(attempt: Int) {
        result.starts.append(now)
        running.append(Running(attempt: attempt, end: now + settings.behaviours[attempt - 1].latency))
    }

    private mutating func scheduleByDelay() {
        while decisive == nil, slots > 0, let delay = settings.delays[result.starts.count - 1] {
            guard delay == 0 else {
                nextByDelay = now + delay
                return
            }
            tryHedge(byFailure: false)
        }
        nextByDelay = nil
    }

    private mutating func tryHedge(byFailure: Bool) {
        slots -= 1
        if let tokens {
            guard tokens > 0 else {
                result.refused += 1
                return
            }
            self.tokens = tokens - 1
        }
        if byFailure { result.byFailure += 1 } else { result.byDelay += 1 }
        begin(attempt: result.starts.count + 1)
    }

    /// Everything that listens to cancellation ends now.
    private mutating func cut() {
        for index in running.indices where !settings.behaviours[running[index].attempt - 1].isStubborn {
            running[index].end = now
            running[index].isCut = true
        }
    }

    private mutating func end(_ attempt: Running) {
        let outcome = settings.behaviours[attempt.attempt - 1].outcome
        ended.append(Ended(attempt: attempt.attempt, outcome: outcome, isCut: attempt.isCut))
        guard decisive == nil, !attempt.isCut else { return }
        switch outcome {
        case .success:
            decide(attempt.attempt)
        case .fatal where !isCancelled:
            decide(attempt.attempt)
        case .failure, .unaccepted, .cancelledItself:
            guard !isCancelled, slots > 0 else { return }
            nextByDelay = nil
            tryHedge(byFailure: true)
            if !running.isEmpty { scheduleByDelay() }
        case .fatal:
            break
        }
    }

    private mutating func decide(_ attempt: Int) {
        decisive = attempt
        result.lost = running.count
        cut()
    }

    private mutating func conclude() {
        var chosen = decisive ?? 1
        if decisive == nil, isCancelled,
            let cut = ended.first(where: { $0.isCut || $0.outcome == .cancelledItself })
        {
            chosen = cut.attempt
        }
        for attempt in ended where !attempt.isCut && (attempt.outcome == .success || attempt.outcome == .unaccepted) {
            result.released.insert(attempt.attempt)
        }
        let isSuccess = decisive.map { settings.behaviours[$0 - 1].outcome == .success } ?? false
        guard let last = ended.first(where: { $0.attempt == chosen }) else { return }
        switch last.outcome {
        case _ where last.isCut: result.ending = .cancelled
        case .success, .unaccepted:
            result.ending = .value(chosen)
            result.released.remove(chosen)
        case .failure, .fatal: result.ending = .error(chosen)
        case .cancelledItself: result.ending = .cancelled
        }
        result.totals = Hedge.Totals(
            primaryWins: isSuccess && chosen == 1 ? 1 : 0, hedgeWins: isSuccess && chosen > 1 ? 1 : 0,
            failed: !isSuccess && !isCancelled ? 1 : 0,
            cancelled: !isSuccess && isCancelled ? 1 : 0,
            startedByDelay: result.byDelay, startedByFailure: result.byFailure, refusedByBudget: result.refused,
            lost: result.lost)
    }
}
