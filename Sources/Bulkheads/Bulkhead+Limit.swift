public import ResilienceCore

extension Bulkhead {
    /// How many calls may run at once.
    public struct Limit: Sendable {
        enum Kind: Sendable {
            case fixed(Int)
            case adaptive(Adaptive)
        }

        /// An algorithm as it was given. A class, because its identity tells whether an updated configuration has the
        /// same one, whose learning then goes on.
        final class Adaptive: Sendable {
            let initial: any ConcurrencyLimit
            let handles: ErrorCondition

            init(_ initial: any ConcurrencyLimit, _ handles: ErrorCondition) {
                self.initial = initial
                self.handles = handles
            }
        }

        let kind: Kind

        static let range = 0...1_000_000_000

        /// A fixed limit, 0 to 1 000 000 000. With 0 no call is let through: calls are rejected, or wait for another
        /// limit.
        public static func fixed(_ limit: Int) -> Limit {
            Limit(kind: .fixed(limit))
        }

        /// A limit that an algorithm adapts to what the service can take, by the round trip times of the calls.
        ///
        /// - Parameters:
        ///   - limit: The algorithm: ``AIMDLimit``, ``VegasLimit``, ``Gradient2Limit``, or one of your own.
        ///   - handles: Which errors are those of a service that has too much to do, and so drops of calls. Others say
        ///     nothing, nor does a value that was not accepted. Not asked about a call that failed after its deadline,
        ///     which is a drop, nor about the caller's cancellation, which says nothing. Default: `.overload`, such as
        ///     a timeout's error.
        public static func adaptive(
            _ limit: some ConcurrencyLimit, handles: ErrorCondition = .overload
        ) -> Limit {
            Limit(kind: .adaptive(Adaptive(limit, handles)))
        }

        /// The limit to begin with.
        var initial: Int {
            switch kind {
            case .fixed(let limit): limit
            case .adaptive(let adaptive): Self.usable(adaptive.initial.limit)
            }
        }

        /// What an algorithm says, as a limit that lets at least one call through.
        static func usable(_ limit: Int) -> Int { min(max(1, limit), range.upperBound) }

        func check(_ check: inout ConfigurationCheck) {
            switch kind {
            case .fixed(let limit): check.require("limit", limit, in: Self.range)
            case .adaptive(let adaptive): check.require(adaptive.initial)
            }
        }
    }

    /// An adaptive limit at work.
    struct AdaptiveLimit: Sendable {
        private(set) var limit: any ConcurrencyLimit
        let origin: Limit.Adaptive

        var handles: ErrorCondition { origin.handles }

        /// `nil` for a limit that is fixed.
        init?(_ limit: Limit, _ random: RandomSource) {
            guard case .adaptive(let adaptive) = limit.kind else { return nil }
            origin = adaptive
            self.limit = adaptive.initial
            self.limit.seed(from: random)
        }

        /// Whether another one goes on from what this has learned: not if nothing was, nor if it is the same algorithm,
        /// for which another beginning is asked.
        func isContinued(by other: AdaptiveLimit?) -> Bool {
            guard let other, limit.limit != origin.initial.limit else { return false }
            return type(of: origin.initial) != type(of: other.origin.initial)
                || origin.initial.limit == other.origin.initial.limit
        }

        /// Takes over what another limit has learned.
        ///
        /// - Returns: The limit that follows.
        mutating func resume(from previous: AdaptiveLimit) -> Int {
            limit.resume(from: previous.limit)
            return Limit.usable(limit.limit)
        }

        mutating func record(_ admission: Admission, isDropped: Bool, now: TimeSource.Instant) -> Int {
            limit.record(
                roundTripTime: admission.start.duration(to: now), inFlight: Int(admission.inFlight),
                isDropped: isDropped, at: now)
            return Limit.usable(limit.limit)
        }
    }

    /// Tells an adaptive limit of a call that has ended, and puts in force what it says then.
    func learn(from admission: Admission, isDropped: Bool) {
        let now = time.now
        // A clock that was put back in between has measured nothing.
        guard now >= admission.start else { return }
        // The new limit is put in force under the adaptive limit's lock, so that of two the later stays; what follows
        // from it is other people's code, and waits until both locks are released.
        let actions = adaptiveLimit.withLock { adaptiveLimit -> Actions? in
            guard let limit = adaptiveLimit?.record(admission, isDropped: isDropped, now: now), limit != reading.limit
            else {
                return nil
            }
            return setLimit(limit, isAdaptive: true, now: now)
        }
        if let actions { perform(actions) }
    }

    /// Puts a limit in force, and gives the slots that it adds to waiting calls.
    private func setLimit(_ limit: Int, isAdaptive: Bool, now: TimeSource.Instant) -> Actions {
        changing(now: now) { state in
            let old = state.limit
            state.setLimit(limit)
            if old != limit {
                events.post(.limitChanged(from: old, to: limit, isAdaptive: isAdaptive))
            }
            state.serve(now: now)
        }.1
    }
}
