import ResilienceCore
import ResilienceTesting

@testable import CircuitBreakers

/// A configuration as the reference model understands it: whole nanoseconds, rates as fractions.
struct ReferenceSettings {
    struct Fraction: Equatable {
        var part: Int
        var whole: Int

        func isReached(by number: Int, of all: Int) -> Bool { all > 0 && number * whole >= part * all }
        var value: Double { Double(part) / Double(whole) }
    }

    enum Rule {
        case consecutiveFailures(Int)
        case failureRate(Fraction, minimum: Int)
        case slowCallRate(Fraction, minimum: Int)
        /// A predicate: more failures and ignored calls together than this.
        case failuresAndIgnoredAbove(Int)
    }

    enum Window: Equatable {
        case unbounded
        case calls(Int)
        case time(length: Int, parts: Int)
    }

    enum BreakLength {
        case fixed(Int)
        case growing(from: Int, factor: Int, upTo: Int, jitters: Bool)
        indirect case hinted(upTo: Int, otherwise: BreakLength)
    }

    enum Verdict {
        case all
        case successes(Int)
        case rate(failures: Fraction, slow: Fraction?)
    }

    var rules: [Rule]
    var window: Window
    var slow: Int?
    var breakLength: BreakLength
    var probes: Int
    var verdict: Verdict
    var maxWait: Int?
    var closesAfterMaxWait: Bool
    var hasTimer: Bool
    var initialState: CircuitBreaker.State
}

// MARK: - As the library's configuration

extension ReferenceSettings {
    var configuration: Configuration {
        Configuration(
            trip: trip, window: libraryWindow, slowCallDuration: slow.map { .nanoseconds($0) },
            breakLength: Self.length(breakLength),
            halfOpen: .init(
                probes: probes, verdict: libraryVerdict, maxWait: maxWait.map { .nanoseconds($0) },
                afterMaxWait: closesAfterMaxWait ? .closed : .open),
            initialState: initialState, endsBreakByTimer: hasTimer)
    }

    private var trip: CircuitBreaker.Trip {
        let trips = rules.map { rule -> CircuitBreaker.Trip in
            switch rule {
            case .consecutiveFailures(let count): .consecutiveFailures(count)
            case .failureRate(let rate, let minimum): .failureRate(rate.value, minimumCalls: minimum)
            case .slowCallRate(let rate, let minimum): .slowCallRate(rate.value, minimumCalls: minimum)
            case .failuresAndIgnoredAbove(let number): .when { $0.failures + $0.ignored > number }
            }
        }
        return trips.dropFirst().reduce(trips[0]) { .any($0, $1) }
    }

    private var libraryWindow: CircuitBreaker.Window {
        switch window {
        case .unbounded: .unbounded
        case .calls(let count): .calls(count)
        case .time(let length, let parts): .time(.nanoseconds(length), buckets: parts)
        }
    }

    private static func length(_ length: BreakLength) -> CircuitBreaker.BreakLength {
        switch length {
        case .fixed(let length): .fixed(.nanoseconds(length))
        case .growing(let from, let factor, let upTo, let jitters):
            .growing(
                from: .nanoseconds(from), factor: Double(factor), upTo: .nanoseconds(upTo),
                jitter: jitters ? .ratio(0.5) : .none)
        case .hinted(let upTo, let otherwise):
            .serverHint(upTo: .nanoseconds(upTo), hintJitter: 0, otherwise: self.length(otherwise))
        }
    }

    private var libraryVerdict: CircuitBreaker.Verdict {
        switch verdict {
        case .all: .all
        case .successes(let count): .successes(atLeast: count)
        case .rate(let failures, let slow): .failureRate(below: failures.value, slowCallRate: slow?.value)
        }
    }
}

// MARK: - At random

extension ReferenceSettings {
    static func random(_ random: inout SplitMix64) -> ReferenceSettings {
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &random)] }
        func fraction() -> Fraction {
            pick([.init(part: 1, whole: 2), .init(part: 1, whole: 3), .init(part: 1, whole: 1)])
        }
        let window: Window = pick([
            .unbounded, .calls(6), .calls(Int.random(in: 5...9, using: &random)), .time(length: 100, parts: 1),
            .time(length: 100, parts: 10), .time(length: 95, parts: 3), .time(length: 40, parts: 4),
        ])
        let slow = pick([nil, 10, 25])
        var rules: [Rule] = []
        for _ in 0..<pick([1, 1, 2, 3]) {
            let minimum = Int.random(in: 1...5, using: &random)
            rules.append(
                pick([
                    .consecutiveFailures(minimum), .failureRate(fraction(), minimum: minimum),
                    .failureRate(fraction(), minimum: minimum), .failuresAndIgnoredAbove(minimum),
                    slow == nil ? .consecutiveFailures(9) : .slowCallRate(fraction(), minimum: minimum),
                ]))
        }
        let probes = Int.random(in: 1...4, using: &random)
        let plain = pick([
            BreakLength.fixed(40), .growing(from: 8, factor: 2, upTo: 100, jitters: false),
            .growing(from: 16, factor: 3, upTo: 150, jitters: true),
        ])
        return ReferenceSettings(
            rules: rules, window: window, slow: slow, breakLength: pick([plain, .hinted(upTo: 90, otherwise: plain)]),
            probes: probes,
            verdict: pick([
                .all, .successes(Int.random(in: 1...probes, using: &random)),
                .rate(failures: fraction(), slow: slow == nil ? nil : fraction()),
            ]),
            maxWait: pick([nil, 15, 60]), closesAfterMaxWait: pick([false, false, true]),
            hasTimer: pick([false, false, true]),
            initialState: pick([.closed, .closed, .closed, .closed, .open, .isolated, .disabled, .observing]))
    }
}
