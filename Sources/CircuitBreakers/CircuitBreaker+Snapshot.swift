public import ResilienceCore

extension CircuitBreaker {
    /// What the breaker knows now, to be stored and restored by a later process or on another machine.
    ///
    /// Times are kept as durations, so that neither a restart nor a different clock changes the rest of a break. Calls
    /// that are running are not part of it.
    public var snapshot: Snapshot {
        let rejections = uncountedRejections
        return advanced { machine, now in
            var snapshot = machine.snapshot(now: now)
            snapshot.totals.rejected = snapshot.totals.rejected.addingSaturated(rejections)
            return snapshot
        }
    }

    /// Goes on from what another breaker knew: its state, the rest of its break, its window, as far as it fits this
    /// breaker's configuration. Its totals are added to this breaker's.
    ///
    /// - Throws: The faults of a snapshot of another version or with impossible counts; nothing is changed then.
    public func restore(_ snapshot: Snapshot) throws(ConfigurationError) {
        try snapshot.validate()
        let now = time.now
        if let request = withMachine({ $0.restore(snapshot, now: now) }) { trip(request, error: nil, now: now) }
    }

    /// Whether a call has succeeded or failed, or the state has changed, since the breaker was made: what restoring it
    /// would undo.
    package var isUsed: Bool { withLock { $0.isUsed } }

    /// Restores a breaker that ``isUsed`` does not hold for; another is left as it is.
    package func restoreUnlessUsed(_ snapshot: Snapshot) throws(ConfigurationError) {
        try snapshot.validate()
        let now = time.now
        let request = withMachine { $0.isUsed ? nil : $0.restore(snapshot, now: now) }
        if let request { trip(request, error: nil, now: now) }
    }

    /// What a breaker knows: its state, the rest of its break, its counts and totals.
    public struct Snapshot: Sendable, Hashable, Codable {
        /// The version of the format that this package writes and reads.
        public static let currentVersion = 1

        /// The version of the format.
        public private(set) var version = Self.currentVersion
        /// The state the breaker was in.
        public internal(set) var state: State
        /// How often it had opened in a row.
        public internal(set) var consecutiveOpens: Int
        /// The counts of its window, or of its probes.
        public internal(set) var counts: Counts
        /// The totals since the breaker was created.
        public internal(set) var totals: Totals

        /// The rest of the break, if the breaker was open.
        public var remainingBreak: Duration? { remainingBreakNanoseconds.map { .nanoseconds($0) } }

        var remainingBreakNanoseconds: Int64?
        var breakLengthNanoseconds: Int64
        /// The calls of a window of calls, oldest first: `s`uccess, `f`ailure, capital if slow.
        var calls: String?
        /// How long each of these took, below 0 if that is not known; `nil` if it is of none.
        var durationsNanoseconds: [Int64]?
        /// The parts of a window of time, oldest first.
        var buckets: [Bucket]?
        /// Half-open: the probes that count toward closing, and those that count against it.
        var probes: Probes?

        struct Probes: Sendable, Hashable, Codable {
            var good: Int
            var bad: Int
        }

        struct Bucket: Sendable, Hashable, Codable {
            var ageNanoseconds: Int64
            var successes: Int
            var failures: Int
            var slow: Int
            var ignored: Int
            var timed: Int
            var durationNanoseconds: Int64
        }

        init(
            state: State, consecutiveOpens: Int, contents: OutcomeWindow.Contents, totals: Totals,
            remainingBreak: Duration?, breakLength: Duration, probes: Probes?
        ) {
            self.state = state
            self.consecutiveOpens = consecutiveOpens
            self.totals = totals
            self.probes = probes
            counts = contents.counts
            remainingBreakNanoseconds = remainingBreak?.saturatedNanoseconds
            breakLengthNanoseconds = breakLength.saturatedNanoseconds
            if !contents.marks.isEmpty { calls = String(contents.marks.map(\.letter)) }
            if !contents.durations.isEmpty { durationsNanoseconds = contents.durations }
            if !contents.buckets.isEmpty {
                buckets = contents.buckets.map { part in
                    Bucket(
                        ageNanoseconds: part.age.saturatedNanoseconds, successes: part.bucket.successes,
                        failures: part.bucket.failures, slow: part.bucket.slow, ignored: part.bucket.ignored,
                        timed: part.bucket.timed, durationNanoseconds: part.bucket.nanoseconds)
                }
            }
        }

        /// Decodes a snapshot.
        ///
        /// - Throws: `ConfigurationError` for another version; what the decoder throws for other data. Whether the
        ///   counts are possible is checked when the snapshot is restored.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            version = try container.decode(Int.self, forKey: .version)
            try Self.validate(version)
            state = try container.decode(State.self, forKey: .state)
            consecutiveOpens = try container.decode(Int.self, forKey: .consecutiveOpens)
            counts = try container.decode(Counts.self, forKey: .counts)
            totals = try container.decode(Totals.self, forKey: .totals)
            remainingBreakNanoseconds = try container.decodeIfPresent(Int64.self, forKey: .remainingBreakNanoseconds)
            breakLengthNanoseconds = try container.decode(Int64.self, forKey: .breakLengthNanoseconds)
            calls = try container.decodeIfPresent(String.self, forKey: .calls)
            durationsNanoseconds = try container.decodeIfPresent([Int64].self, forKey: .durationsNanoseconds)
            buckets = try container.decodeIfPresent([Bucket].self, forKey: .buckets)
            probes = try container.decodeIfPresent(Probes.self, forKey: .probes)
        }

        private static func validate(_ version: Int) throws(ConfigurationError) {
            var check = ConfigurationCheck("snapshot")
            check.require("version", version, in: currentVersion...currentVersion)
            try check.finish()
        }

        /// Checks that a breaker could have been in this state.
        func validate() throws(ConfigurationError) {
            try Self.validate(version)
            var check = ConfigurationCheck("snapshot")
            check.require("consecutiveOpens", consecutiveOpens, atLeast: 0)
            check.require(nonNegative: "breakLength", breakLengthNanoseconds)
            let isOpen = state == .open
            check.require(
                (remainingBreakNanoseconds != nil) == isOpen, "remainingBreak",
                remainingBreakNanoseconds.map { "\($0)" } ?? "nil", "is only for, and needed by, an open breaker")
            check.require(nonNegative: "remainingBreak", remainingBreakNanoseconds ?? 0)
            check.require(
                [.closed, .halfOpen, .observing].contains(state) || counts == Counts(), "counts",
                "\(counts.requests) calls", "are impossible for a breaker that is \(state)")
            check.require(counts: counts)
            check.require(totals: totals)
            if let calls { check.require(calls: calls, match: counts) }
            if let durationsNanoseconds {
                check.require(durations: durationsNanoseconds, of: calls, match: counts)
            } else if calls != nil {
                check.require("counts.timed", counts.timed, in: 0...0)
            }
            if let buckets { check.require(buckets: buckets, match: counts) }
            if let probes {
                check.require("probes.good", probes.good, in: 0...max(0, counts.successes))
                check.require("probes.bad", probes.bad, in: 0...max(0, counts.calls))
                check.require(
                    probes.good.addingSaturated(probes.bad) == counts.calls, "probes",
                    "\(probes.good) good, \(probes.bad) bad", "do not add up to the \(counts.calls) calls counted")
            }
            check.require(
                (probes != nil) == (state == .halfOpen), "probes", probes == nil ? "nil" : "given",
                "are only for, and needed by, a half-open breaker")
            try check.finish()
        }

        var contents: OutcomeWindow.Contents {
            OutcomeWindow.Contents(
                counts: counts, marks: calls?.compactMap(CallFlags.init(letter:)) ?? [],
                durations: durationsNanoseconds ?? [],
                buckets: (buckets ?? []).map { bucket in
                    .init(
                        age: .nanoseconds(bucket.ageNanoseconds),
                        bucket: .init(bucket))
                })
        }
    }
}

extension ConfigurationCheck {
    fileprivate mutating func require(nonNegative field: String, _ value: Int64) {
        require(value >= 0, field, "\(value)", "is below 0")
    }

    /// A streak may be longer than a window.
    fileprivate mutating func require(counts: CircuitBreaker.Counts) {
        // What every JSON decoder keeps exact; sums of such numbers do not overflow.
        let most = Int(clamping: Int64(1) << 53)
        for (field, value) in [
            ("successes", counts.successes), ("failures", counts.failures), ("ignored", counts.ignored),
        ] {
            require("counts." + field, value, in: 0...most)
        }
        require("counts.running", counts.running, in: 0...0)
        require("counts.slow", counts.slow, in: 0...max(0, counts.calls))
        require("counts.timed", counts.timed, in: 0...max(0, counts.calls))
        require(
            counts.totalNanoseconds >= 0 && counts.totalNanoseconds <= OutcomeWindow.mostTime
                && (counts.timed > 0 || counts.totalNanoseconds == 0),
            "counts.totalNanoseconds", "\(counts.totalNanoseconds)", "is impossible for \(counts.timed) timed calls")
        require("counts.consecutiveSuccesses", counts.consecutiveSuccesses, in: 0...most)
        require("counts.consecutiveFailures", counts.consecutiveFailures, in: 0...most)
        require(
            counts.consecutiveSuccesses == 0 || counts.consecutiveFailures == 0, "counts.consecutiveFailures",
            "\(counts.consecutiveFailures)", "cannot follow \(counts.consecutiveSuccesses) consecutive successes")
    }

    fileprivate mutating func require(totals: CircuitBreaker.Totals) {
        for (field, value) in [
            ("succeeded", totals.succeeded), ("failed", totals.failed), ("ignored", totals.ignored),
            ("cancelled", totals.cancelled), ("rejected", totals.rejected), ("late", totals.late),
            ("opened", totals.opened), ("wouldOpen", totals.wouldOpen),
        ] {
            require("totals." + field, value, atLeast: 0)
        }
        require("totals.slow", totals.slow, in: 0...max(0, totals.succeeded.addingSaturated(totals.failed)))
    }

    fileprivate mutating func require(calls: String, match counts: CircuitBreaker.Counts) {
        let marks = calls.compactMap(CallFlags.init(letter:))
        require(marks.count == calls.count, "calls", calls, "has letters other than s, f, S, F")
        let sums = (
            calls: marks.count, failures: marks.count { $0.contains(.failure) },
            slow: marks.count { $0.contains(.slow) }
        )
        require(
            sums == (calls: counts.calls, failures: counts.failures, slow: counts.slow), "calls", calls,
            "does not match the counts")
    }

    fileprivate mutating func require(durations: [Int64], of calls: String?, match counts: CircuitBreaker.Counts) {
        let known = durations.filter { $0 >= 0 }
        let sum = known.reduce(Int64(0)) { $0.addingSaturated($1) }
        require(
            durations.count == calls?.count && known.allSatisfy { $0 <= OutcomeWindow.longestCall }
                && known.count == counts.timed && sum == counts.totalNanoseconds,
            "durations", "\(durations.count)", "do not match the calls and counts")
    }

    fileprivate mutating func require(
        buckets: [CircuitBreaker.Snapshot.Bucket], match counts: CircuitBreaker.Counts
    ) {
        var sum = OutcomeWindow.Bucket()
        for (index, bucket) in buckets.enumerated() {
            let values = [
                bucket.successes, bucket.failures, bucket.slow, bucket.ignored, bucket.timed,
                Int(clamping: bucket.durationNanoseconds),
            ]
            require(values.allSatisfy { $0 >= 0 }, "buckets[\(index)]", "\(values)", "has a number below 0")
            require(nonNegative: "buckets[\(index)].age", bucket.ageNanoseconds)
            sum.add(.init(bucket))
        }
        require(sum == OutcomeWindow.Bucket(counts), "buckets", "\(buckets.count)", "do not add up to the counts")
    }
}

extension CallFlags {
    fileprivate var letter: Character {
        switch (contains(.failure), contains(.slow)) {
        case (false, false): "s"
        case (true, false): "f"
        case (false, true): "S"
        case (true, true): "F"
        }
    }

    fileprivate init?(letter: Character) {
        switch letter {
        case "s": self = []
        case "f": self = .failure
        case "S": self = .slow
        case "F": self = [.failure, .slow]
        default: return nil
        }
    }
}

extension OutcomeWindow.Bucket {
    fileprivate init(_ part: CircuitBreaker.Snapshot.Bucket) {
        self.init(
            successes: part.successes, failures: part.failures, slow: part.slow, ignored: part.ignored,
            timed: part.timed, nanoseconds: part.durationNanoseconds)
    }
}
