import Resilience

/// What became of one call.
struct CallRecord: Sendable, Equatable {
    enum Outcome: Sendable, Equatable {
        /// Answered by the upstream.
        case succeeded
        /// Answered with the last good answer.
        case stale
        case failed
        /// Refused by a layer without being sent, and nothing to answer with.
        case rejected
    }

    /// What the upstream went through when the call was due.
    let phase: Phase
    let outcome: Outcome
    /// How long the caller waited.
    let wait: Duration
    /// How many requests were sent to the upstream for it.
    var requests = 1
    /// How old a last good answer was.
    var age: Duration?
}

/// Takes down the calls of one run as they happen, for the live view and for the comparison.
final class CallLog: Sendable {
    /// The numbers of one moment.
    struct Snapshot: Sendable, Equatable {
        var callsPerSecond = 0.0
        /// How many of them were sent to the upstream.
        var sentPerSecond = 0.0
        /// Calls that ended, by outcome: failed ones include those that were rejected.
        var succeededPerSecond = 0.0
        var stalePerSecond = 0.0
        var failedPerSecond = 0.0
        var succeeded = 0
        var stale = 0
        var failed = 0
        var rejected = 0
        var inFlight = 0
        /// Latencies of the calls that were sent and ended within the last second.
        var median: Duration?
        var p99: Duration?
        /// The age of the oldest answer that was given within the last second.
        var oldestAnswer: Duration?
    }

    private struct State {
        var records: [Int: CallRecord] = [:]
        var totals = Snapshot()
        var mostInFlight = 0
        var recent = RecentActivity()
    }

    private let state = Lock(State())

    func began(at moment: Duration) {
        state.withLock { $0.recent.countCall(at: moment) }
    }

    /// The call has passed all layers and goes to the upstream.
    func sent(at moment: Duration) {
        state.withLock { state in
            state.recent.countSent(at: moment)
            state.totals.inFlight += 1
            state.mostInFlight = max(state.mostInFlight, state.totals.inFlight)
        }
    }

    /// The upstream answered, or the client gave up.
    func returned(at moment: Duration, after latency: Duration) {
        state.withLock { state in
            state.totals.inFlight -= 1
            state.recent.record(latency, at: moment)
        }
    }

    func ended(_ number: Int, _ record: CallRecord, at moment: Duration) {
        state.withLock { state in
            state.records[number] = record
            state.recent.countEnd(record, at: moment)
            switch record.outcome {
            case .succeeded: state.totals.succeeded += 1
            case .stale: state.totals.stale += 1
            case .failed: state.totals.failed += 1
            case .rejected: state.totals.rejected += 1
            }
        }
    }

    func snapshot(at moment: Duration) -> Snapshot {
        state.withLock { state in
            var snapshot = state.totals
            let recent = state.recent.summary(at: moment)
            snapshot.callsPerSecond = recent.callsPerSecond
            snapshot.sentPerSecond = recent.sentPerSecond
            snapshot.succeededPerSecond = recent.succeededPerSecond
            snapshot.stalePerSecond = recent.stalePerSecond
            snapshot.failedPerSecond = recent.failedPerSecond
            snapshot.oldestAnswer = recent.oldestAnswer
            snapshot.median = recent.latencies.percentile(0.5)
            snapshot.p99 = recent.latencies.percentile(0.99)
            return snapshot
        }
    }

    /// All calls that have ended, by number, and how many were under way at worst.
    var results: RunResults {
        state.withLock { RunResults(records: $0.records, mostInFlight: $0.mostInFlight) }
    }
}

/// One run, when it is over.
struct RunResults: Sendable, Equatable {
    let records: [Int: CallRecord]
    let mostInFlight: Int
}
