internal import ResilienceCore

extension CircuitBreaker {
    /// The rule by which a breaker opens. Checked after every call, also after a success.
    public struct Trip: Sendable {
        enum Rule: Sendable {
            case consecutiveFailures(Int)
            case failureRate(Double, minimumCalls: Int)
            case slowCallRate(Double, minimumCalls: Int)
            case predicate(@Sendable (Counts) -> Bool)
        }

        let rules: [Rule]

        /// Opens after `count` failures in a row, at least 1. An ignored or cancelled call does not break the row.
        public static func consecutiveFailures(_ count: Int) -> Trip {
            Trip(rules: [.consecutiveFailures(count)])
        }

        /// Opens when `rate` of the calls in the window failed, above 0 and at most 1, once there are `minimumCalls`
        /// of them, at least 1 and no more than a window of calls holds. Default: 20.
        public static func failureRate(_ rate: Double, minimumCalls: Int = 20) -> Trip {
            Trip(rules: [.failureRate(rate, minimumCalls: minimumCalls)])
        }

        /// Opens when `rate` of the calls in the window were slow, above 0 and at most 1, once there are
        /// `minimumCalls` of them. Needs ``Configuration/slowCallDuration``.
        public static func slowCallRate(_ rate: Double, minimumCalls: Int = 20) -> Trip {
            Trip(rules: [.slowCallRate(rate, minimumCalls: minimumCalls)])
        }

        /// Opens when a function of the counts says so. It runs outside the breaker's lock, after every call.
        public static func when(_ predicate: @escaping @Sendable (Counts) -> Bool) -> Trip {
            Trip(rules: [.predicate(predicate)])
        }

        /// Opens when any of several rules says so.
        public static func any(_ trips: Trip...) -> Trip {
            Trip(rules: trips.flatMap(\.rules))
        }

        var needsOnlyStreaks: Bool {
            rules.allSatisfy { if case .consecutiveFailures = $0 { true } else { false } }
        }

        var looksAtSlowCalls: Bool {
            rules.contains { if case .slowCallRate = $0 { true } else { false } }
        }

        func check(_ check: inout ConfigurationCheck, window: Window, slowCallDuration: Duration?) {
            check.require("trip.rules", rules.count, atLeast: 1)
            let plainRules = rules.filter { if case .predicate = $0 { false } else { true } }
            for (index, rule) in plainRules.enumerated() {
                let field = plainRules.count == 1 ? "trip" : "trip.any[\(index)]"
                switch rule {
                case .consecutiveFailures(let count):
                    check.require("\(field).consecutiveFailures", count, atLeast: 1)
                case .failureRate(let rate, let minimumCalls):
                    check.require(rate: "\(field).failureRate", rate)
                    checkMinimum(field, minimumCalls, window, &check)
                case .slowCallRate(let rate, let minimumCalls):
                    check.require(rate: "\(field).slowCallRate", rate)
                    checkMinimum(field, minimumCalls, window, &check)
                    check.require(
                        slowCallDuration != nil, "slowCallDuration", "nil", "is needed by \(field).slowCallRate")
                case .predicate: break
                }
            }
        }

        private func checkMinimum(
            _ field: String, _ minimumCalls: Int, _ window: Window, _ check: inout ConfigurationCheck
        ) {
            if case .calls(let size) = window.kind, size >= 1 {
                check.require("\(field).minimumCalls", minimumCalls, in: 1...size)
            } else {
                check.require("\(field).minimumCalls", minimumCalls, atLeast: 1)
            }
        }
    }
}

/// The trip rules in the form in which they are checked after every call.
struct TripCheck: Sendable {
    private(set) var consecutiveFailures = Int.max
    /// The first rule of each kind, in place; further ones are rare.
    private(set) var failureRate = (rate: Double.infinity, minimumCalls: Int.max)
    private(set) var slowCallRate = (rate: Double.infinity, minimumCalls: Int.max)
    private var more: [CircuitBreaker.Trip.Rule] = []
    /// Each with its place among the rules.
    private(set) var predicates: [(rule: Int, holds: TripRequest.Predicate)] = []
    let rules: [CircuitBreaker.Trip.Rule]

    init(_ trip: CircuitBreaker.Trip) {
        rules = trip.rules
        for (index, rule) in trip.rules.enumerated() {
            switch rule {
            case .consecutiveFailures(let count): consecutiveFailures = min(consecutiveFailures, count)
            case .failureRate(let rate, let minimum) where failureRate.minimumCalls == .max:
                failureRate = (rate, minimum)
            case .slowCallRate(let rate, let minimum) where slowCallRate.minimumCalls == .max:
                slowCallRate = (rate, minimum)
            case .failureRate, .slowCallRate: more.append(rule)
            case .predicate(let predicate): predicates.append((index, predicate))
            }
        }
    }

    /// Whether a rule may hold after one more success, or after several: that only lowers a rate and ends a streak, but
    /// it may be what completes the minimum of calls. Never wrong where it is false.
    func canHold(afterSuccess counts: CircuitBreaker.Counts) -> Bool {
        guard more.isEmpty else { return true }
        if counts.consecutiveFailures >= consecutiveFailures { return true }
        if counts.failures == 0, counts.slow == 0 { return false }
        let calls = counts.calls
        guard failureRate.minimumCalls == .max || calls >= failureRate.minimumCalls,
            slowCallRate.minimumCalls == .max || calls >= slowCallRate.minimumCalls
        else { return true }
        return reason(counts) != nil
    }

    /// The rule that holds, if one does; predicates are asked elsewhere, outside the lock.
    func reason(_ counts: CircuitBreaker.Counts) -> CircuitBreaker.Reason? {
        if counts.consecutiveFailures >= consecutiveFailures {
            return .consecutiveFailures(counts.consecutiveFailures)
        }
        let calls = counts.calls
        if calls >= failureRate.minimumCalls, counts.failures.isShare(failureRate.rate, of: calls) {
            return .failureRate(Double(counts.failures) / Double(calls))
        }
        if calls >= slowCallRate.minimumCalls, counts.slow.isShare(slowCallRate.rate, of: calls) {
            return .slowCallRate(Double(counts.slow) / Double(calls))
        }
        for rule in more {
            if let reason = rule.reason(counts) { return reason }
        }
        return nil
    }
}

extension CircuitBreaker.Trip.Rule {
    /// What the rule says, if it holds; a predicate never does here.
    func reason(_ counts: CircuitBreaker.Counts) -> CircuitBreaker.Reason? {
        let calls = counts.calls
        switch self {
        case .consecutiveFailures(let count) where counts.consecutiveFailures >= count:
            return .consecutiveFailures(counts.consecutiveFailures)
        case .failureRate(let rate, let minimum) where calls >= minimum && counts.failures.isShare(rate, of: calls):
            return .failureRate(Double(counts.failures) / Double(calls))
        case .slowCallRate(let rate, let minimum) where calls >= minimum && counts.slow.isShare(rate, of: calls):
            return .slowCallRate(Double(counts.slow) / Double(calls))
        default: return nil
        }
    }
}

extension Int {
    /// Exact: a quotient of integers is rounded to the nearest `Double`, and so is the literal it is compared with.
    func isShare(_ rate: Double, of calls: Int) -> Bool {
        calls > 0 && Double(self) / Double(calls) >= rate
    }
}
