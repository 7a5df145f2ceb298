import Testing

@testable import ResilienceDemo

@Suite("Comparison")
struct ComparisonTests {
    /// Three calls in each of three phases; the protected run rejects some.
    private var comparison: Comparison {
        func records(_ calls: [(Phase, CallRecord.Outcome, Int)]) -> [Int: CallRecord] {
            let records = calls.map { phase, outcome, wait in
                CallRecord(
                    phase: phase, outcome: outcome, wait: .milliseconds(wait), requests: outcome == .rejected ? 0 : 1)
            }
            return Dictionary(uniqueKeysWithValues: records.enumerated().map { ($0, $1) })
        }
        let unprotected = records([
            (.healthy, .succeeded, 8), (.healthy, .succeeded, 9), (.healthy, .succeeded, 10),
            (.slow, .succeeded, 700), (.slow, .failed, 1000), (.slow, .failed, 1000),
            (.recovered, .succeeded, 8), (.recovered, .succeeded, 8), (.recovered, .succeeded, 8),
        ])
        let protected = records([
            (.healthy, .succeeded, 8), (.healthy, .succeeded, 9), (.healthy, .succeeded, 10),
            (.slow, .failed, 1000), (.slow, .succeeded, 400), (.slow, .rejected, 0),
            (.recovered, .rejected, 0), (.recovered, .succeeded, 8), (.recovered, .succeeded, 8),
        ])
        .merging([3: CallRecord(phase: .slow, outcome: .failed, wait: .seconds(1), requests: 3)]) { $1 }
        return Comparison(
            unprotected: RunResults(records: unprotected, mostInFlight: 12),
            protected: RunResults(records: protected, mostInFlight: 3),
            layers: .init(retries: 2, savedByRetry: 1, budgetExhausted: 4, timeouts: 5))
    }

    @Test func `Each side counts its calls by phase and outcome`() {
        let side = comparison.protected
        #expect(side.total == Comparison.Counts(succeeded: 6, failed: 1, rejected: 2, requests: 9))
        #expect(side.byPhase[.slow] == Comparison.Counts(succeeded: 1, failed: 1, rejected: 1, requests: 4))
        #expect(side.byPhase[.down] == nil)
        #expect(side.requestsInTrouble == 4)
        #expect(comparison.unprotected.requestsInTrouble == 3)
    }

    @Test func `Lost time is that of failed calls, not of rejected ones`() {
        #expect(comparison.unprotected.lostTime == .seconds(2))
        #expect(comparison.protected.lostTime == .seconds(1))
        #expect(comparison.protected.waitsForNothing.count == 3)
    }

    @Test func `Cost and gain compare the same calls`() {
        #expect(comparison.rejectedInVain == 1)
        #expect(comparison.saved == 1)
    }

    @Test func `A call that has no partner is neither cost nor gain`() {
        let record = CallRecord(phase: .slow, outcome: .rejected, wait: .zero)
        let comparison = Comparison(
            unprotected: RunResults(records: [:], mostInFlight: 0),
            protected: RunResults(records: [0: record], mostInFlight: 0))
        #expect(comparison.rejectedInVain == 0)
        #expect(comparison.saved == 0)
    }

    @Test func `The table`() {
        let expected = """
            The same 9 calls at the same moments, without and with protection:

                              without protection                with a policy
            upstream    calls         ok  failed         ok  failed  rejected
            healthy         3          3       0          3       0         0
            slow            3          1       2          1       1         1
            recovered       3          3       0          2       0         1
            all             9          7       2          6       1         2

                                                           without       with
            requests while slow, failing or down                 3          4
            time callers lost on calls that failed          2.00 s     1.00 s
            wait of a call without success, median          1.00 s       0 ms
            wait of a call without success, p99             1.00 s     1.00 s
            most requests in flight at once                     12          3
            attempts cut off by the timeout                      -          5
            retries, of failures and of rejections               -          2
            calls that succeeded by a retry                      -          1
            calls not retried, the budget being spent            -          4

            Cost of protection: 1 call (11.1 %) rejected that succeeded without it.
            Gained by it: 1 call (11.1 %) succeeded that failed without it.
            """
        #expect(ComparisonTable(comparison: comparison).lines.joined(separator: "\n") == expected)
    }

    @Test func `The table of a run without calls`() {
        let nothing = RunResults(records: [:], mostInFlight: 0)
        let lines = ComparisonTable(comparison: Comparison(unprotected: nothing, protected: nothing)).lines
        #expect(lines.contains("all             0          0       0          0       0         0"))
        #expect(lines.contains("Gained by it: 0 calls (0.0 %) succeeded that failed without it."))
    }
}
