import Testing

@testable import ResilienceDemo

@Suite("Call log")
struct CallLogTests {
    @Test("Rates and latencies are those of the last second")
    func rates() {
        let log = CallLog()
        for number in 0..<100 {
            let moment = Duration.milliseconds(number * 20)
            log.began(at: moment)
            guard number.isMultiple(of: 2) else { continue }
            log.sent(at: moment)
            log.returned(at: moment + .milliseconds(5), after: .milliseconds(number < 50 ? 100 : 5))
        }
        let snapshot = log.snapshot(at: .seconds(2))
        #expect(snapshot.callsPerSecond == 50)
        #expect(snapshot.sentPerSecond == 25)
        #expect(snapshot.median == .milliseconds(5))
        #expect(snapshot.p99 == .milliseconds(5))
        #expect(snapshot.inFlight == 0)
    }

    @Test("Shortly after the start the rate is over the time there was")
    func ratesAtTheStart() {
        let log = CallLog()
        for number in 0..<20 { log.began(at: .milliseconds(number * 10)) }
        #expect(log.snapshot(at: .milliseconds(200)).callsPerSecond == 100)
        #expect(log.snapshot(at: .zero).callsPerSecond == 0)
    }

    @Test("Long after the last call only the totals are left")
    func afterTheLastCall() {
        let log = CallLog()
        log.began(at: .zero)
        log.sent(at: .zero)
        log.returned(at: .milliseconds(10), after: .milliseconds(10))
        log.ended(0, CallRecord(phase: .healthy, outcome: .succeeded, wait: .milliseconds(10)), at: .milliseconds(10))
        #expect(log.snapshot(at: .seconds(9)) == CallLog.Snapshot(succeeded: 1))
    }

    @Test("Calls in flight are counted, and the most at once")
    func inFlight() {
        let log = CallLog()
        for _ in 0..<3 { log.sent(at: .zero) }
        log.returned(at: .zero, after: .zero)
        log.sent(at: .zero)
        #expect(log.snapshot(at: .zero).inFlight == 3)
        #expect(log.results.mostInFlight == 3)
    }

    @Test("Each outcome has its total, and each call its record")
    func outcomes() {
        let log = CallLog()
        let outcomes: [CallRecord.Outcome] = [.succeeded, .failed, .rejected, .rejected, .stale]
        for (number, outcome) in outcomes.enumerated() {
            log.ended(number, CallRecord(phase: .slow, outcome: outcome, wait: .seconds(number)), at: .zero)
        }
        let snapshot = log.snapshot(at: .zero)
        #expect([snapshot.succeeded, snapshot.stale, snapshot.failed, snapshot.rejected] == [1, 1, 1, 2])
        #expect(log.results.records[3] == CallRecord(phase: .slow, outcome: .rejected, wait: .seconds(3)))
        #expect(log.results.records.count == 5)
    }

    @Test("Ends are counted by outcome, and the oldest answer is that of the last second")
    func ends() {
        let log = CallLog()
        func end(_ outcome: CallRecord.Outcome, age: Duration? = nil, at moment: Duration) {
            log.ended(0, CallRecord(phase: .slow, outcome: outcome, wait: .zero, age: age), at: moment)
        }
        end(.stale, age: .seconds(9), at: .zero)
        end(.stale, age: .seconds(2), at: .milliseconds(1_500))
        end(.stale, age: .seconds(3), at: .milliseconds(1_550))
        end(.stale, age: .seconds(1), at: .milliseconds(1_700))
        end(.succeeded, at: .milliseconds(1_700))
        end(.failed, at: .milliseconds(1_700))
        end(.rejected, at: .milliseconds(1_800))
        let snapshot = log.snapshot(at: .milliseconds(2_000))
        #expect([snapshot.succeededPerSecond, snapshot.stalePerSecond, snapshot.failedPerSecond] == [1, 3, 2])
        #expect(snapshot.oldestAnswer == .seconds(3))
        #expect(log.snapshot(at: .seconds(9)).oldestAnswer == nil)
    }
}
