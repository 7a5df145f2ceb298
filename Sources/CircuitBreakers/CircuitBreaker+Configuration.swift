public import ResilienceCore

extension CircuitBreaker {
    /// When a breaker opens, for how long, and how it closes again.
    ///
    /// The defaults suit a service that is called often: half of at least 20 calls failed, over the last 100; a break
    /// of 5 seconds that doubles up to a minute while the trouble lasts, ±10 % so that a fleet does not probe in step;
    /// three probes that must all succeed.
    public struct Configuration: Sendable {
        /// The rule by which the breaker opens. Default: a failure rate of 0.5 over at least 20 calls.
        public var trip: Trip

        /// The calls the rule looks at. Default: ``Window/automatic``.
        public var window: Window

        /// A call that takes longer is slow, whether it succeeds or fails. At least 1 ns. Default: `nil`, no call is
        /// slow and a closed breaker need not read the clock.
        public var slowCallDuration: Duration?

        /// How long the breaker stays open. Default: ``BreakLength/growing(from:factor:upTo:jitter:)``.
        public var breakLength: BreakLength

        /// How the breaker finds out whether to close again. Default: three probes, all of which must succeed.
        public var halfOpen: HalfOpen

        /// The state a new breaker is in. Default: closed.
        public var initialState: State

        /// Whether a timer ends the break, and gives up a probe that is out for too long. By default the break
        /// ends with the first call, or read of the state, after it is over; a timer is for observers that watch
        /// transitions of a breaker without traffic.
        public var endsBreakByTimer: Bool

        /// Which errors are failures of the service. Others are successes: a service that says that an order is unknown
        /// works. Default: all.
        ///
        /// Not asked where the answer is certain. A call that was cut off because its deadline had passed is a failure,
        /// for it was the service that did not answer in time. The caller's own cancellation is ``Outcome/cancelled``;
        /// the rejection of a layer inside (`PolicyRejection`) is ignored: a full bulkhead says nothing about the
        /// service.
        public var handles: ErrorCondition

        /// Which errors say nothing about the service, such as those of the caller's own making. Asked before
        /// ``handles``. Default: none.
        public var ignores: ErrorCondition

        /// Creates a configuration; every part has a default.
        public init(
            trip: Trip = .failureRate(0.5, minimumCalls: 20),
            window: Window = .automatic,
            slowCallDuration: Duration? = nil,
            breakLength: BreakLength = .growing(),
            halfOpen: HalfOpen = HalfOpen(),
            initialState: State = .closed,
            endsBreakByTimer: Bool = false,
            handles: ErrorCondition = .all,
            ignores: ErrorCondition = .none
        ) {
            self.trip = trip
            self.window = window
            self.slowCallDuration = slowCallDuration
            self.breakLength = breakLength
            self.halfOpen = halfOpen
            self.initialState = initialState
            self.endsBreakByTimer = endsBreakByTimer
            self.handles = handles
            self.ignores = ignores
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("circuitBreaker")
            trip.check(&check, window: resolvedWindow, slowCallDuration: slowCallDuration)
            resolvedWindow.check(&check)
            if let slowCallDuration { check.require(positive: "slowCallDuration", slowCallDuration) }
            breakLength.check(&check)
            halfOpen.check(&check, slowCallDuration: slowCallDuration)
            check.require(
                initialState != .halfOpen, "initialState", "\(initialState)",
                "is none of closed, open, isolated, disabled, observing")
            try check.finish()
        }

        var resolvedWindow: Window {
            guard case .automatic = window.kind else { return window }
            return trip.needsOnlyStreaks ? .unbounded : .calls(100)
        }
    }

    /// The calls that a trip rule looks at.
    public struct Window: Sendable, Hashable {
        enum Kind: Hashable {
            case automatic
            case unbounded
            case calls(Int)
            case time(Duration, buckets: Int)
        }

        let kind: Kind

        /// How long it is, if time bounds it.
        package var length: Duration? { if case .time(let duration, _) = kind { duration } else { nil } }

        /// The last 100 calls, or, for a rule that only asks for consecutive failures, all since the last change of
        /// state.
        public static let automatic = Window(kind: .automatic)

        /// All calls since the last change of state.
        public static let unbounded = Window(kind: .unbounded)

        /// The last `count` calls that succeeded or failed, 1 to 1 048 576. Costs a byte for each, and no clock.
        public static func calls(_ count: Int) -> Window {
            Window(kind: .calls(count))
        }

        /// The calls of the last `duration`, in `buckets` equal parts (1 to 10 000, default 10): the oldest part is
        /// forgotten as a whole. A result counts in the part in which its call started; if that is more than half of
        /// the window ago, in the part in which it ended. So the window may be shorter than the calls.
        public static func time(_ duration: Duration, buckets: Int = 10) -> Window {
            Window(kind: .time(duration, buckets: buckets))
        }

        /// The calls of the current interval; at the end of each interval all are forgotten at once.
        public static func interval(_ duration: Duration) -> Window {
            .time(duration, buckets: 1)
        }

        func check(_ check: inout ConfigurationCheck) {
            switch kind {
            case .automatic, .unbounded: break
            case .calls(let count): check.require("window.calls", count, in: 1...1_048_576)
            case .time(let duration, let buckets):
                check.require(positive: "window.duration", duration)
                check.require("window.buckets", buckets, in: 1...10_000)
            }
        }
    }

    /// How a breaker whose break is over finds out whether to close.
    public struct HalfOpen: Sendable, Hashable {
        /// The most probes let through to reach a verdict, 1 to 1 000 000. A probe that was cancelled or whose outcome
        /// is ignored gives its place back. Default: 3.
        public var probes: Int

        /// What the probes have to show. Default: ``Verdict/all``.
        public var verdict: Verdict

        /// How long a probe may be out before the breaker gives up on this half-open state; each counts from when it
        /// was let through. At least 1 ns. Default: `nil`, the length of the break.
        public var maxWait: Duration?

        /// The state to enter when probes take too long: ``State/open``, the default, or ``State/closed``. It begins at
        /// the probe's deadline, also if no call came just then.
        public var afterMaxWait: State

        /// Creates the rules for probing; every part has a default.
        public init(
            probes: Int = 3, verdict: Verdict = .all, maxWait: Duration? = nil, afterMaxWait: State = .open
        ) {
            self.probes = probes
            self.verdict = verdict
            self.maxWait = maxWait
            self.afterMaxWait = afterMaxWait
        }

        func check(_ check: inout ConfigurationCheck, slowCallDuration: Duration?) {
            check.require("halfOpen.probes", probes, in: 1...1_000_000)
            switch verdict.kind {
            case .all: break
            case .successes(let count):
                check.require("halfOpen.verdict.successes", count, in: 1...max(1, probes))
            case .rate(let failures, let slow):
                check.require(rate: "halfOpen.verdict.failureRate", failures)
                if let slow {
                    check.require(rate: "halfOpen.verdict.slowCallRate", slow)
                    check.require(
                        slowCallDuration != nil, "slowCallDuration", "nil",
                        "is needed by halfOpen.verdict.slowCallRate")
                }
            }
            if let maxWait { check.require(positive: "halfOpen.maxWait", maxWait) }
            check.require(
                afterMaxWait == .open || afterMaxWait == .closed, "halfOpen.afterMaxWait", "\(afterMaxWait)",
                "is neither open nor closed")
        }
    }

    /// What probes have to show for the breaker to close.
    ///
    /// If the trip rule asks for slow calls, a slow probe that succeeded does not count as a success for the first two.
    public struct Verdict: Sendable, Hashable {
        enum Kind: Hashable {
            case all
            case successes(Int)
            case rate(failures: Double, slow: Double?)
        }

        let kind: Kind

        /// Every probe succeeds; the first failure opens the breaker again.
        public static let all = Verdict(kind: .all)

        /// At least `count` of the probes succeed, 1 to the number of probes. Decided as soon as it is certain.
        public static func successes(atLeast count: Int) -> Verdict {
            Verdict(kind: .successes(count))
        }

        /// Once all probes have ended, fewer than `failureRate` of them failed and, where given, fewer than
        /// `slowCallRate` were slow; that needs ``Configuration/slowCallDuration``. Both above 0, at most 1.
        public static func failureRate(below failureRate: Double, slowCallRate: Double? = nil) -> Verdict {
            Verdict(kind: .rate(failures: failureRate, slow: slowCallRate))
        }
    }
}

extension ConfigurationCheck {
    /// Above 0, because a rate of 0 would be reached without a single failure.
    mutating func require(rate field: String, _ value: Double) {
        require(value > 0 && value <= 1, field, "\(value)", "is outside 0...1, without 0")
    }
}
