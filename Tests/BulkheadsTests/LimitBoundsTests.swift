import ResilienceCore
import ResilienceTesting
import Testing

@testable import Bulkheads

@Suite("Bounds of adaptive limits")
struct LimitBoundsTests {
    private func fields(of limit: some ConcurrencyLimit) -> [String] {
        do throws(ConfigurationError) {
            try limit.validate()
            return []
        } catch {
            return error.faults.map(\.field)
        }
    }

    @Test("A highest limit below one is named as such, besides what it contradicts", arguments: [0, -1, Int.min])
    func maximum(_ maximum: Int) {
        let aimd = fields(of: AIMDLimit(initial: 1, minimum: 1, maximum: maximum))
        #expect(aimd.contains { $0.hasSuffix("maximum") }, "\(aimd)")
        let vegas = fields(of: VegasLimit(initial: 1, minimum: 1, maximum: maximum))
        #expect(vegas.contains { $0.hasSuffix("maximum") }, "\(vegas)")
    }

    @Test("A queue of one is allowed, and none is not")
    func queueSize() {
        #expect(fields(of: Gradient2Limit(queueSize: 1)).isEmpty)
        #expect(!fields(of: Gradient2Limit(queueSize: 0)).isEmpty)
    }

    @Test("A call was admitted its time ago, and one that took none a nanosecond ago")
    func admission() {
        let now = TimeSource.Instant(nanoseconds: 100)
        #expect(now.admission(of: .nanoseconds(30)) == TimeSource.Instant(nanoseconds: 70))
        #expect(now.admission(of: .zero) == TimeSource.Instant(nanoseconds: 99))
        #expect(now.admission(of: .nanoseconds(-5)) == TimeSource.Instant(nanoseconds: 99))
        let first = TimeSource.Instant(nanoseconds: .min)
        #expect(first.admission(of: .seconds(1)) == first)
    }

    @Test(
        "A probe whose calls all came before it is given up after four times the limit, and not before 40 calls",
        arguments: [(limit: 1, patience: 40), (2, 40), (10, 40), (11, 44), (100, 400)])
    func patience(limit: Int, patience: Int) {
        var probe = LoadProbe()
        func record() -> LoadProbe.Step {
            probe.record(
                .milliseconds(10), inFlight: 1000, now: .init(nanoseconds: 1), interval: 1, limit: limit, minimum: 1)
        }
        #expect(record() == .probing)
        var calls = 0
        while probe.ceiling != nil {
            #expect(record() == .probing)
            calls += 1
        }
        #expect(calls == patience)
    }

    @Test("A probe for which no time passes ends with what it has, at the same number of calls")
    func standingClock() {
        var probe = LoadProbe()
        func record(at now: Int64) -> LoadProbe.Step {
            probe.record(
                .milliseconds(10), inFlight: 1, now: .init(nanoseconds: now), interval: 1, limit: 100, minimum: 1)
        }
        #expect(record(at: 1) == .probing)
        var calls = 1
        var step = record(at: 50_000_000)
        while step == .probing, calls < 1_000 {
            step = record(at: 50_000_000)
            calls += 1
        }
        #expect(calls == 400)
        #expect(step == .measured(lowest: 10_000_000, average: 10_000_000))
    }

    @Test(
        "A probe lasts as long as calls usually take, and four times as long if a call is far faster",
        arguments: [true, false])
    func mixed(isOneFast: Bool) {
        var probe = LoadProbe()
        func record(_ time: Int64, at now: Int64) -> LoadProbe.Step {
            probe.record(
                .milliseconds(time), inFlight: 1, now: .init(nanoseconds: now * 1_000_000), interval: 1, limit: 1000,
                minimum: 1)
        }
        #expect(record(100, at: 0) == .probing)
        // All came after the probe had begun; the first to come back is the fast one.
        #expect(record(isOneFast ? 1 : 100, at: 200) == .probing)
        for _ in 0..<LoadProbe.samples { #expect(record(100, at: 250) == .probing) }
        #expect((record(100, at: 300) == .probing) == isOneFast)
        if isOneFast {
            #expect(record(100, at: 599) == .probing)
            #expect(record(100, at: 600) != .probing)
        }
    }
}
