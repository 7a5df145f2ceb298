/// The two runs of the same traffic, side by side, in numbers.
struct Comparison: Sendable, Equatable {
    struct Counts: Sendable, Equatable {
        var succeeded = 0
        var failed = 0
        var rejected = 0
        /// What was sent to the upstream for these calls.
        var requests = 0

        var all: Int { succeeded + failed + rejected }

        mutating func add(_ record: CallRecord) {
            requests += record.requests
            switch record.outcome {
            case .succeeded: succeeded += 1
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
        /// The waits of the calls that got no good answer: failed or rejected.
        var waitsForNothing = LatencyHistogram()
        var mostInFlight = 0

        /// Requests for calls made while the upstream was slow, failing or down.
        var requestsInTrouble: Int {
            [Phase.slow, .failing, .down].reduce(0) { $0 + (byPhase[$1]?.requests ?? 0) }
        }

        init(_ results: RunResults) {
            mostInFlight = results.mostInFlight
            for record in results.records.values {
                total.add(record)
                byPhase[record.phase, default: Counts()].add(record)
                if record.outcome == .failed { lostTime += record.wait }
                if record.outcome != .succeeded { waitsForNothing.record(record.wait) }
            }
        }
    }

    let unprotected: Side
    let protected: Side
    /// Calls that were rejected although the same call succeeded without protection: what protection costs.
    let rejectedInVain: Int
    /// Calls that succeeded although the same call failed without protection.
    let saved: Int
    let layers: Protection.Totals

    init(unprotected: RunResults, protected: RunResults, layers: Protection.Totals = .init()) {
        self.layers = layers
        self.unprotected = Side(unprotected)
        self.protected = Side(protected)
        var rejectedInVain = 0
        var saved = 0
        for (number, record) in protected.records {
            switch (record.outcome, unprotected.records[number]?.outcome) {
            case (.rejected, .succeeded): rejectedInVain += 1
            case (.succeeded, .failed): saved += 1
            default: break
            }
        }
        self.rejectedInVain = rejectedInVain
        self.saved = saved
    }
}
