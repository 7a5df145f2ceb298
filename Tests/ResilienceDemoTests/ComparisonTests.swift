import Testing

@testable import ResilienceDemo

@Suite("Comparison")
struct ComparisonTests {
    /// Three calls in each of four phases; the protected run rejects some, and answers some with the last good answer.
    private var comparison: Comparison {
        func records(
            _ calls: [(Phase, CallRecord.Outcome, Int)], age: Duration? = nil
        ) -> [Int: CallRecord] {
            let records = calls.map { phase, outcome, wait in
                CallRecord(
                    phase: phase, outcome: outcome, wait: .milliseconds(wait),
                    requests: outcome == .rejected || outcome == .stale ? 0 : 1,
                    age: outcome == .stale ? age : nil)
            }
            return Dictionary(uniqueKeysWithValues: records.enumerated().map { ($0, $1) })
        }
        let unprotected = records([
            (.healthy, .succeeded, 8), (.healthy, .succeeded, 9), (.healthy, .succeeded, 10),
            (.slow, .succeeded, 700), (.slow, .failed, 1000), (.slow, .failed, 1000),
            (.recovered, .succeeded, 8), (.recovered, .succeeded, 8), (.recovered, .succeeded, 8),
            (.overloaded, .succeeded, 700), (.overloaded, .failed, 1000), (.overloaded, .failed, 1000),
        ])
        let protected = records(
            [
                (.healthy, .succeeded, 8), (.healthy, .succeeded, 9), (.healthy, .succeeded, 10),
                (.slow, .failed, 1000), (.slow, .succeeded, 400), (.slow, .rejected, 0),
                (.recovered, .rejected, 0), (.recovered, .succeeded, 8), (.recovered, .succeeded, 8),
                (.overloaded, .stale, 0), (.overloaded, .stale, 0), (.overloaded, .succeeded, 180),
            ], age: .seconds(3)
        )
        .merging([3: CallRecord(phase: .slow, outcome: .failed, wait: .seconds(1), requests: 3)]) { $1 }
        return Comparison(
            unprotected: RunResults(records: unprotected, mostInFlight: 12),
            protected: RunResults(records: protected, mostInFlight: 3),
            layers: .init(
                retries: 2, savedByRetry: 1, refusedByBudget: 4, timeouts: 5, refusedByBreaker: 6, refusedByLimiter: 7,
                refusedByBulkhead: 8, queued: 9))
    }

    @Test("Each side counts its calls by phase and outcome")
    func counts() {
        let side = comparison.protected
        #expect(side.total == Comparison.Counts(succeeded: 7, stale: 2, failed: 1, rejected: 2, requests: 10))
        #expect(side.byPhase[.slow] == Comparison.Counts(succeeded: 1, failed: 1, rejected: 1, requests: 4))
        #expect(side.byPhase[.down] == nil)
        #expect(side.byPhase[.overloaded] == Comparison.Counts(succeeded: 1, stale: 2, requests: 1))
        #expect(side.byPhase[.overloaded]?.answeredShare == 1)
        #expect(side.byPhase[.slow]?.answeredShare == 1.0 / 3)
        #expect(Comparison.Counts().answeredShare == 1)
        #expect(side.requestsInTrouble == 5)
        #expect(side.oldestAnswer == .seconds(3))
        #expect(comparison.unprotected.oldestAnswer == nil)
        #expect(comparison.unprotected.requestsInTrouble == 6)
    }

    @Test("Lost time is that of failed calls, not of rejected ones")
    func lostTime() {
        #expect(comparison.unprotected.lostTime == .seconds(4))
        #expect(comparison.protected.lostTime == .seconds(1))
        #expect(comparison.protected.waitsForNothing.count == 5)
    }

    @Test("Cost and gain compare the same calls")
    func costAndGain() {
        #expect(comparison.rejectedInVain == 1)
        #expect(comparison.staleInVain == 1)
        #expect(comparison.saved == 2)
        #expect(comparison.savedStale == 1)
    }

    @Test("A call without a counterpart is neither cost nor gain")
    func withoutCounterpart() {
        let record = CallRecord(phase: .slow, outcome: .rejected, wait: .zero)
        let comparison = Comparison(
            unprotected: RunResults(records: [:], mostInFlight: 0),
            protected: RunResults(records: [0: record], mostInFlight: 0))
        #expect(comparison.rejectedInVain == 0)
        #expect(comparison.saved == 0)
    }

    @Test("The table compares both sides by phase, and says what protection costs and gains")
    func table() {
        let expected = """
            The same 12 calls at the same moments, without and with protection:

                              without protection                     with a policy
            upstream    calls         ok  failed      ok  last good  failed  rejected
            healthy         3          3       0       3          0       0         0
            slow            3          1       2       1          0       1         1
            recovered       3          3       0       2          0       0         1
            overloaded      3          1       2       1          2       0         0
            all            12          8       4       7          2       1         2

                                                           without       with
            requests in the four bad phases                      6          5
            time callers lost on calls that failed          4.00 s     1.00 s
            wait of a call without fresh answer, median     1.00 s       0 ms
            wait of a call without fresh answer, p99        1.00 s     1.00 s
            oldest of the last good answers                      -     3.00 s
            most requests in flight at once                     12          3
            attempts refused by the breaker                      -          6
            attempts refused by the limiter                      -          7
            attempts refused by the full bulkhead                -          8
            attempts that waited for a slot                      -          9
            attempts cut off by the timeout                      -          5
            retries                                              -          2
            calls that succeeded by a retry                      -          1
            calls not retried, the budget being spent            -          4

            Cost of protection: 1 call (8.3 %) got the last good answer and 1 none,
            where a fresh one came without it.
            Gained by it: 2 calls (16.7 %) got a fresh answer and 1 the last good one,
            where none came without it.
            """
        #expect(ComparisonTable(comparison: comparison).lines.joined(separator: "\n") == expected)
    }

    @Test("The table of a run without calls is all zeros")
    func emptyTable() {
        let nothing = RunResults(records: [:], mostInFlight: 0)
        let lines = ComparisonTable(comparison: Comparison(unprotected: nothing, protected: nothing)).lines
        #expect(lines.contains("all             0          0       0       0          0       0         0"))
        #expect(lines.contains("Gained by it: 0 calls (0.0 %) got a fresh answer and 0 the last good one,"))
    }
}
