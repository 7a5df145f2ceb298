/// The two runs of the same traffic, side by side, in numbers.
struct Comparison: Sendable, Equatable {
    struct Counts: Sendable, Equatable {
        var succeeded = 0
        /// Answered with the last good answer.
        var stale = 0
        var failed = 0
        var rejected = 0
        /// What was sent to the upstream for these calls.
        var requests = 0

        var all: Int { succeeded + stale + failed + rejected }

        /// The share of calls that got an answer, fresh or not; 1 of none.
        var answeredShare: Double { all == 0 ? 1 : Double(succeeded + stale) / Double(all) }

        mutating func add(_ record: CallRecord) {
            requests += record.requests
            switch record.outcome {
            case .succeeded: succeeded += 1
            case .stale: stale += 1
            case .failed: failed += 1
            case .rejected: rejected += 1
            }
        }
    }

    struct Side: Sendable, Equatable {
        var total = Counts()
        var byPhase: [Phase: Counts] = [:]
        /// What callers waited for calls that failed in the end, together.
        var lostTime = Duration.zero
        /// The waits of the calls that got nothing from the upstream: a last good answer, or none.
        var waitsForNothing = LatencyHistogram()
        var mostInFlight = 0
        /// The age of the oldest answer given.
        var oldestAnswer: Duration?

        /// Requests for calls made while the upstream was slow, failing, down or overloaded.
        var requestsInTrouble: Int {
            [Phase.slow, .failing, .down, .overloaded].reduce(0) { $0 + (byPhase[$1]?.requests ?? 0) }
        }

        init(_ results: RunResults) {
            mostInFlight = results.mostInFlight
            for record in results.records.values {
                total.add(record)
                byPhase[record.phase, default: Counts()].add(record)
                if record.outcome == .failed { lostTime += record.wait }
                if record.outcome != .succeeded { waitsForNothing.record(record.wait) }
                if let age = record.age { oldestAnswer = max(age, oldestAnswer ?? age) }
            }
        }
    }

    let unprotected: Side
    let protected: Side
    /// Calls that were answered with the last good answer, or rejected, although the same call succeeded without
    /// protection: what protection costs.
    let staleInVain: Int
    let rejectedInVain: Int
    /// Calls that were answered, by the upstream or with the last good answer, although the same call failed without
    /// protection: what is gained.
    let saved: Int
    let savedStale: Int
    let layers: Protection.Totals

    init(unprotected: RunResults, protected: RunResults, layers: Protection.Totals = .init()) {
        self.layers = layers
        self.unprotected = Side(unprotected)
        self.protected = Side(protected)
        func count(_ outcome: CallRecord.Outcome, where other: CallRecord.Outcome) -> Int {
            protected.records.count { $1.outcome == outcome && unprotected.records[$0]?.outcome == other }
        }
        staleInVain = count(.stale, where: .succeeded)
        rejectedInVain = count(.rejected, where: .succeeded)
        saved = count(.succeeded, where: .failed)
        savedStale = count(.stale, where: .failed)
    }
}
