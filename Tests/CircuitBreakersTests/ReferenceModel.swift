import ResilienceTesting

@testable import CircuitBreakers

/// What a breaker should do, written down as simply as possible and without a line of the library's.
struct ReferenceModel {
    struct Call {
        let epoch: Int
        /// `nil` if nobody needed to know.
        let start: Int?
        /// Which probe it is.
        var probe: Int?
    }

    struct Probe {
        let number: Int
        let deadline: Int
    }

    struct Rejection: Equatable {
        var state: CircuitBreaker.State
        var retryAfter: Int?
    }

    var settings: ReferenceSettings
    let isObserved: Bool
    var now: Int
    /// Numbers for jitter: 0 to 4 quarters.
    let draw: (Int) -> Int
    var draws = 0

    var state = CircuitBreaker.State.closed
    var epoch = 0
    var window: ReferenceWindow
    var totals: [String: Int] = [:]
    var consecutiveOpens = 0
    var breakEnd = 0
    var breakLength = 0
    /// The rules that have said that they would open.
    var reported: Set<Int> = []
    var (good, bad) = (0, 0)
    var out: [Probe] = []
    var probeCount = 0
    var events: [String] = []

    init(_ settings: ReferenceSettings, isObserved: Bool, now: Int, draw: @escaping (Int) -> Int) {
        self.settings = settings
        self.isObserved = isObserved
        self.now = now
        self.draw = draw
        window = ReferenceWindow(settings.window, now: now)
        if settings.initialState == .open {
            open("by hand", hint: nil)
        } else if settings.initialState != .closed {
            enter(settings.initialState, "by hand")
        }
        events = []
    }

    // MARK: Time

    mutating func advance(by length: Int) {
        let target = now + max(0, length)
        while settings.hasTimer, let deadline = nextDeadline, deadline <= target {
            now = max(now, deadline)
            settle()
        }
        now = target
    }

    var nextDeadline: Int? {
        switch state {
        case .open: breakEnd
        case .halfOpen: out.map(\.deadline).min()
        default: nil
        }
    }

    /// What is due changes the state at the moment at which it was.
    mutating func settle(hint: Int? = nil) {
        let present = now
        defer { now = present }
        window.forget(now: now)
        while let deadline = nextDeadline, deadline <= present {
            now = deadline
            if state == .open {
                enter(.halfOpen, "break ended")
            } else if settings.closesAfterMaxWait {
                enter(.closed, "probes timed out")
            } else {
                open("probes timed out", hint: hint)
            }
        }
    }

    // MARK: Calls

    mutating func start() -> Result<Call, RejectedCall> {
        let mayBeRejected = ![.closed, .disabled, .observing].contains(state)
        if mayBeRejected { settle() }
        switch state {
        case .closed, .disabled, .observing:
            // The clock was read if a break or the time of probes may have been over.
            let isHeard = isObserved && state != .disabled
            let isTimed = mayBeRejected || isHeard || settings.slow != nil || isTimeWindow
            return .success(Call(epoch: epoch, start: isTimed ? now : nil))
        case .open: return .failure(reject(.init(state: .open, retryAfter: breakEnd - now)))
        case .isolated: return .failure(reject(.init(state: .isolated, retryAfter: nil)))
        case .halfOpen:
            guard out.count + good + bad < settings.probes else {
                // Nobody is told to come back in less than a millisecond, unless the state ends sooner, as it does
                // here.
                let retryAfter = nextDeadline.map { $0 - now } ?? breakLength
                return .failure(reject(.init(state: .halfOpen, retryAfter: retryAfter)))
            }
            probeCount += 1
            out.append(Probe(number: probeCount, deadline: now + (settings.maxWait ?? breakLength)))
            return .success(Call(epoch: epoch, start: now, probe: probeCount))
        }
    }

    struct RejectedCall: Error { let rejection: Rejection }

    private mutating func reject(_ rejection: Rejection) -> RejectedCall {
        totals["rejected", default: 0] += 1
        note("rejected \(rejection.state) \(rejection.retryAfter.map(String.init) ?? "-")")
        return RejectedCall(rejection: rejection)
    }

    private var isTimeWindow: Bool { if case .time = settings.window { true } else { false } }

    mutating func end(_ call: Call, _ letter: Character, hint: Int?) {
        let start = call.start ?? now
        let isJudged = letter == "S" || letter == "F"
        let isSlow = isJudged && now - start > settings.slow ?? .max
        totals[String(letter), default: 0] += 1
        if isSlow { totals["slow", default: 0] += 1 }
        if state != .disabled { note("called \(letter) \(now - start) \(isSlow)") }
        guard call.epoch == epoch else {
            totals["late", default: 0] += 1
            return
        }
        if let probe = call.probe { return endProbe(probe, letter, isSlow, start, hint) }
        guard state == .closed || state == .observing, letter != "C" else { return }
        window.add(.init(letter: letter, isSlow: isSlow, start: start), now: now)
        let asksPredicates = settings.rules.contains { if case .failuresAndIgnoredAbove = $0 { true } else { false } }
        if isJudged || asksPredicates { judge(hint) }
    }

    private mutating func endProbe(_ probe: Int, _ letter: Character, _ isSlow: Bool, _ start: Int, _ hint: Int?) {
        if let deadline = nextDeadline, now >= deadline {
            totals["late", default: 0] += 1
            return settle(hint: hint)
        }
        out.removeAll { $0.number == probe }
        if letter != "C" { window.add(.init(letter: letter, isSlow: isSlow, start: start), now: now) }
        let looksAtSlowCalls = settings.rules.contains { if case .slowCallRate = $0 { true } else { false } }
        if letter == "S" && !(isSlow && looksAtSlowCalls) {
            good += 1
        } else if letter == "S" || letter == "F" {
            bad += 1
        }
        reachVerdict(hint)
    }

    mutating func reachVerdict(_ hint: Int?) {
        let needed: Int
        switch settings.verdict {
        case .all: needed = settings.probes
        case .successes(let count): needed = count
        case .rate(let failures, let slow):
            guard good + bad >= settings.probes else { return }
            let isBad =
                failures.isReached(by: window.count("F"), of: window.calls)
                || slow?.isReached(by: window.slow, of: window.calls) ?? false
            return isBad ? open("probes failed", hint: hint) : enter(.closed, "probes succeeded")
        }
        if good + (settings.probes - good - bad) < needed {
            open("probes failed", hint: hint)
        } else if good >= needed {
            enter(.closed, "probes succeeded")
        }
    }

    private mutating func judge(_ hint: Int?) {
        if state == .closed {
            if let reason { open(reason, hint: hint) }
            return
        }
        // Predicates are asked last.
        for asksPredicates in [false, true] {
            for (index, rule) in settings.rules.enumerated() where !reported.contains(index) {
                let isPredicate = if case .failuresAndIgnoredAbove = rule { true } else { false }
                guard isPredicate == asksPredicates else { continue }
                guard let reason = reason(of: [rule]) else { continue }
                reported.insert(index)
                totals["would open", default: 0] += 1
                note("would open \(reason) \(counts)")
            }
        }
    }

    private var reason: String? { reason(of: settings.rules) }

    /// The rule that holds; streaks before rates, a rate's first rule before its further ones, predicates last.
    private func reason(of rules: [ReferenceSettings.Rule]) -> String? {
        let (calls, failures, slow) = (window.calls, window.count("F"), window.slow)
        var found: [(rank: Int, reason: String)] = []
        var (rates, slowRates) = (0, 0)
        for rule in rules {
            switch rule {
            case .consecutiveFailures(let count):
                if window.consecutiveFailures >= count {
                    found.append((0, "\(window.consecutiveFailures) consecutive failures"))
                }
            case .failureRate(let rate, let minimum):
                rates += 1
                if calls >= minimum, rate.isReached(by: failures, of: calls) {
                    found.append((rates == 1 ? 1 : 3, "failure rate \(Double(failures) / Double(calls))"))
                }
            case .slowCallRate(let rate, let minimum):
                slowRates += 1
                if calls >= minimum, rate.isReached(by: slow, of: calls) {
                    found.append((slowRates == 1 ? 2 : 3, "slow call rate \(Double(slow) / Double(calls))"))
                }
            case .failuresAndIgnoredAbove(let number):
                if failures + window.count("X") > number { found.append((4, "trip predicate")) }
            }
        }
        let best = found.map(\.rank).min()
        return found.first { $0.rank == best }?.reason
    }

    // MARK: States

    mutating func open(_ reason: String, hint: Int?, length explicit: Int? = nil) {
        let length = explicit ?? length(settings.breakLength, opens: consecutiveOpens + 1, hint: hint)
        consecutiveOpens += 1
        totals["opened", default: 0] += 1
        breakLength = length
        breakEnd = now + length
        enter(.open, reason)
    }

    private mutating func length(_ length: ReferenceSettings.BreakLength, opens: Int, hint: Int?) -> Int {
        switch length {
        case .fixed(let length): return length
        case .growing(let from, let factor, let upTo, let jitters):
            var grown = from
            for _ in 1..<max(1, min(opens, 40)) where grown < upTo { grown *= factor }
            grown = min(grown, upTo)
            guard jitters else { return grown }
            draws += 1
            // Half of it more or less, in quarters of what lies between the least and the most.
            let (least, most) = (Int(Double(grown) * 0.5), min(upTo, Int(Double(grown) * 1.5)))
            return least + Int(Double(most - least) * Double(draw(draws)) / 4)
        case .hinted(let upTo, let otherwise):
            if let hint, hint >= 1 { return min(hint, upTo) }
            return self.length(otherwise, opens: opens, hint: nil)
        }
    }

    private func firstLength(_ length: ReferenceSettings.BreakLength) -> Int {
        switch length {
        case .fixed(let length): length
        case .growing(let from, _, _, _): from
        case .hinted(let upTo, let otherwise): min(upTo, firstLength(otherwise))
        }
    }

    mutating func enter(_ new: CircuitBreaker.State, _ reason: String) {
        window.forget(now: now)
        if new != state {
            note("\(state) → \(new) (\(reason)) \(counts)\(new == .open ? " for \(breakLength)" : "")")
        } else if reason == "by hand", [.closed, .observing, .halfOpen].contains(new) {
            note("reset \(new) \(counts)")
        }
        state = new
        epoch += 1
        if new == .closed { consecutiveOpens = 0 }
        if new == .halfOpen, breakLength == 0 { breakLength = firstLength(settings.breakLength) }
        (good, bad, out, reported) = (0, 0, [], [])
        window = ReferenceWindow(new == .halfOpen ? .unbounded : settings.window, now: now)
    }

    // MARK: Reading

    /// In the order of the library's, for comparison.
    var counts: [Int] {
        [
            window.count("S"), window.count("F"), window.slow, window.count("X"), window.consecutiveSuccesses,
            window.consecutiveFailures, out.count,
        ]
    }

    private func rate(_ number: Int, _ minima: [Int]) -> Double? {
        window.calls > 0 && window.calls >= minima.min() ?? 1 ? Double(number) / Double(window.calls) : nil
    }

    var failureRate: Double? {
        rate(
            window.count("F"),
            settings.rules.compactMap { if case .failureRate(_, let minimum) = $0 { minimum } else { nil } })
    }

    var slowCallRate: Double? {
        rate(
            window.slow,
            settings.rules.compactMap { if case .slowCallRate(_, let minimum) = $0 { minimum } else { nil } })
    }

    private mutating func note(_ event: String) {
        if isObserved { events.append(event) }
    }
}

// MARK: - By hand

extension ReferenceModel {
    mutating func openByHand() {
        settle()
        open("by hand", hint: nil)
    }

    /// Whether the state allows it.
    mutating func halfOpenByHand() -> Bool {
        guard [.open, .halfOpen, .isolated].contains(state) else { return false }
        enter(.halfOpen, "by hand")
        return true
    }

    mutating func update(_ new: ReferenceSettings) {
        settle()
        let keepsWindow = new.window == settings.window || state == .halfOpen
        settings = new
        reported = []
        if keepsWindow {
            window.forget(now: now)
        } else {
            window = .adopting(window, oldNow: now, kind: new.window, now: now)
        }
        if state == .halfOpen { reachVerdict(nil) }
    }

    mutating func restore(_ other: ReferenceModel) {
        totals.merge(other.totals) { $0 + $1 }
        breakLength = other.breakLength
        breakEnd = other.state == .open ? now + other.breakEnd - other.now : now
        enter(other.state, "restored")
        consecutiveOpens = other.consecutiveOpens
        window = .adopting(other.window, oldNow: other.now, kind: window.kind, now: now)
        guard state == .halfOpen else { return }
        (good, bad) = (other.good, other.bad)
        reachVerdict(nil)
    }
}
