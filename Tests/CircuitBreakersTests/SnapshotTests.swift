import Foundation
import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// What a breaker knows survives a restart.
@Suite(.timeLimit(.minutes(30)))
struct SnapshotTests {
    /// A breaker that goes on from another's snapshot, with a clock of its own that shows something else.
    private func restored(
        _ stage: Stage, _ configuration: Configuration, observed: Bool = true
    ) throws -> Stage {
        let json = try JSONEncoder().encode(stage.breaker.snapshot)
        let clock = ManualClock()
        clock.advance(by: .seconds(123_456))
        let snapshot = try JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: json)
        return try Stage(configuration, observed: observed, clock: clock, restoring: snapshot)
    }

    @Test("X-20: the rest of a break goes on elsewhere", arguments: [true, false])
    func remainingBreak(observed: Bool) throws {
        let stage = try Stage(.sixInARow)
        try stage.play("FFFFFF")
        stage.clock.advance(by: .seconds(20))
        #expect(throws: OpenError.self) { try stage.play("S") }
        let copy = try restored(stage, .sixInARow, observed: observed)
        #expect(copy.breaker.remainingBreak == .seconds(40))
        #expect(copy.breaker.totals == stage.breaker.totals)
        copy.expectRejection(retryAfter: .seconds(40))
        copy.clock.advance(by: .seconds(40))
        #expect(copy.state == .halfOpen)
        #expect(copy.path == (observed ? [.open, .halfOpen] : []))
    }

    @Test("a breaker has been used once a call has succeeded or failed, or its state has changed, and not before")
    func used() throws {
        let open = try Stage(.sixInARow)
        try open.play("FFFFFF")
        let uses: [(isUsed: Bool, (Stage) throws -> Void)] = [
            (false, { _ in }), (false, { try $0.play("XCX") }), (false, { _ = $0.breaker.snapshot }),
            (true, { try $0.play("S") }), (true, { try $0.play("F") }), (true, { try $0.play("XS") }),
            (true, { try $0.play("FFFFFF") }), (true, { $0.breaker.isolate() }),
            (
                true,
                {
                    $0.breaker.isolate()
                    $0.breaker.close()
                }
            ),
        ]
        for (number, (isUsed, use)) in uses.enumerated() {
            let stage = try Stage(.sixInARow)
            try use(stage)
            let before = stage.breaker.snapshot
            #expect(stage.breaker.isUsed == isUsed, "\(number)")
            try stage.breaker.restoreUnlessUsed(open.breaker.snapshot)
            if isUsed {
                #expect(stage.breaker.snapshot == before, "\(number)")
            } else {
                #expect(stage.state == .open && stage.breaker.isUsed, "\(number)")
            }
        }
    }

    @Test("the error that opened the breaker before is not that of the state which is restored")
    func restoringForgetsTheError() async throws {
        let other = try Stage(.sixInARow)
        try other.play("FFFFFF")
        let stage = try Stage(.sixInARow)
        for _ in 1...6 {
            await #expect(throws: InjectedFailure.self) {
                try await stage.breaker.execute { throw InjectedFailure() }
            }
        }
        func lastFailure() -> (any Error)? {
            do {
                _ = try stage.breaker.tryAcquirePermit()
                return CancellationError()
            } catch {
                return error.lastFailure
            }
        }
        #expect(lastFailure() is InjectedFailure)
        try stage.breaker.restore(other.breaker.snapshot)
        #expect(stage.state == .open && lastFailure() == nil)
    }

    @Test("a breaker that slow calls open names no error, also if a call has failed before")
    func slowCallsHaveNoError() async throws {
        for failures in 0...3 {
            let stage = try Stage(
                Configuration(
                    trip: .any(.consecutiveFailures(9), .slowCallRate(0.5, minimumCalls: 8)), window: .calls(8),
                    slowCallDuration: .seconds(1)))
            for _ in 0..<failures {
                await #expect(throws: InjectedFailure.self) {
                    try await stage.breaker.execute { throw InjectedFailure() }
                }
            }
            for _ in failures..<8 {
                _ = try await stage.breaker.execute { stage.clock.advance(by: .seconds(2)) }
            }
            let error = #expect(throws: OpenError.self) { _ = try stage.breaker.tryAcquirePermit() }
            #expect(error != nil && error?.lastFailure == nil, "\(failures)")
        }
    }

    @Test("products of what snapshots say stay in range")
    func products() {
        let edges: [Int64] = [.min, .min + 1, -3_037_000_500, -2, -1, 0, 1, 2, 3_037_000_500, .max - 1, .max]
        for a in edges {
            for b in edges {
                #expect(a.multipliedSaturated(by: b) == Int64(clamping: Int128(a) * Int128(b)), "\(a) · \(b)")
            }
        }
    }

    @Test("X-20: so does a window of calls, in its order")
    func callWindow() throws {
        let configuration = Configuration(
            trip: .failureRate(0.5, minimumCalls: 4), window: .calls(4), slowCallDuration: .seconds(1))
        let stage = try Stage(configuration)
        try stage.play("SFSS")
        try stage.play("XS", taking: .seconds(2))
        let copy = try restored(stage, configuration)
        #expect(copy.breaker.counts == stage.breaker.counts && copy.breaker.counts.slow == 1)
        for breaker in [stage, copy] {
            try breaker.play("F")
            #expect(breaker.breaker.counts.row == [5, 3, 1, 1, 0, 1])
            try breaker.play("F")
            #expect(breaker.state == .open)
        }
    }

    @Test("X-20: so does a window of time, to the same moment")
    func timeWindow() throws {
        for window: CircuitBreaker.Window in [.time(.seconds(10)), .interval(.seconds(10))] {
            let configuration = Configuration(trip: .failureRate(0.9, minimumCalls: 10), window: window)
            let stage = try Stage(configuration)
            try stage.play("SSF", pause: .milliseconds(2_300))
            let copy = try restored(stage, configuration)
            // A restored breaker may be saved and restored in its turn.
            let copyOfCopy = try restored(copy, configuration)
            var left = 0
            while stage.breaker.counts.calls > 0 {
                for other in [copy, copyOfCopy] { #expect(other.breaker.counts == stage.breaker.counts) }
                for each in [stage, copy, copyOfCopy] { each.clock.advance(by: .milliseconds(100)) }
                left += 100
            }
            #expect(left == (window == .interval(.seconds(10)) ? 3_100 : 7_100))
            for other in [copy, copyOfCopy] { #expect(other.breaker.counts == stage.breaker.counts) }
        }
    }

    @Test("X-20: so do the probes that have ended, and how often the breaker opened in a row")
    func probes() throws {
        var configuration = Configuration.fragile(probes: 3, verdict: .successes(atLeast: 2))
        configuration.breakLength = .growing(from: .seconds(10), factor: 2, upTo: .seconds(60), jitter: .none)
        let stage = try Stage(configuration)
        try stage.play("F")
        stage.clock.advance(by: .seconds(10))
        try stage.play("FS")
        let running = try stage.start()
        // The running call is not part of it: here it is another one's turn.
        let copy = try restored(stage, configuration)
        #expect(copy.state == .halfOpen && copy.breaker.counts.row == [2, 1, 1, 0, 1, 0])
        let last = try copy.start()
        copy.expectRejection(.halfOpen, retryAfter: .milliseconds(1))
        last.end("F")
        #expect(copy.state == .open && copy.breaker.remainingBreak == .seconds(20))
        running.end("S")
        #expect(stage.state == .closed)
    }

    @Test("every state is restored")
    func states() throws {
        let prepare: [(CircuitBreaker) throws -> Void] = [
            { $0.close() }, { $0.open() }, { $0.isolate() }, { $0.disable() }, { $0.observe() },
            {
                $0.open(); try $0.halfOpen()
            },
            {
                $0.isolate(); try $0.halfOpen()
            },
        ]
        for (index, prepare) in prepare.enumerated() {
            let stage = try Stage(.fragile())
            try prepare(stage.breaker)
            let copy = try restored(stage, .fragile())
            #expect(copy.state == stage.state, "\(index)")
            #expect(copy.breaker.snapshot == stage.breaker.snapshot, "\(index)")
            if copy.state == .halfOpen {
                try copy.play("S")
                #expect(copy.state == .closed, "\(index)")
            }
        }
    }

    @Test("totals are added")
    func totals() throws {
        let stage = try Stage(.sixInARow)
        try stage.play("SFXC")
        let copy = try Stage(.sixInARow)
        try copy.play("SS")
        let running = try copy.start()
        try copy.breaker.restore(stage.breaker.snapshot)
        #expect(copy.breaker.totals.succeeded == 3 && copy.breaker.totals.calls == 6)
        #expect(copy.breaker.counts.row == [3, 1, 1, 1, 0, 1])
        running.end("F")
        #expect(copy.breaker.totals.late == 1 && copy.breaker.counts.failures == 1)
    }

    @Test("another configuration judges the probes at once")
    func otherConfiguration() throws {
        let stage = try Stage(.fragile(probes: 3))
        stage.breaker.open()
        try stage.breaker.halfOpen()
        try stage.play("SS")
        let closes = try restored(stage, .fragile(probes: 2))
        #expect(closes.state == .closed)
        #expect(closes.path == [.halfOpen, .closed])
    }

    @Test("a snapshot of another version is refused", arguments: [0, 2, -1, Int.max])
    func otherVersion(version: Int) throws {
        let stage = try Stage(.sixInARow)
        var object = try Self.object(stage.breaker.snapshot)
        object["version"] = version
        let data = try JSONSerialization.data(withJSONObject: object)
        let error = ConfigurationError(
            .init(field: "snapshot.version", value: "\(version)", violation: "is outside 1...1"))
        #expect(throws: error) { try JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: data) }
    }

    @Test("a snapshot with impossible counts changes nothing, and all its faults are named")
    func impossibleCounts() throws {
        let stage = try Stage(.init(trip: .failureRate(0.9, minimumCalls: 5), window: .time(.seconds(10))))
        try stage.play("SSFF")
        var snapshot = stage.breaker.snapshot
        snapshot.counts.successes = -1
        snapshot.counts.slow = 9
        snapshot.counts.running = 1
        snapshot.totals.rejected = -5
        snapshot.consecutiveOpens = -1
        snapshot.breakLengthNanoseconds = -1
        snapshot.remainingBreakNanoseconds = 5
        let before = stage.breaker.totals
        let error = #expect(throws: ConfigurationError.self) { try stage.breaker.restore(snapshot) }
        let fields = Set(error?.faults.map(\.field) ?? [])
        for field in [
            "consecutiveOpens", "breakLength", "remainingBreak", "counts.successes", "counts.running", "counts.slow",
            "totals.rejected", "buckets",
        ] {
            #expect(fields.contains("snapshot." + field), "\(field)")
        }
        #expect(stage.breaker.totals == before && stage.breaker.counts.calls == 4)
        #expect(stage.events.allSatisfy { if case .called = $0.kind { true } else { false } })
    }

    @Test("counts whose sums overflow are refused", arguments: [Int.max, Int.max / 2 + 1, 1 << 53 + 1])
    func enormousCounts(count: Int) throws {
        let probing = try Stage(.fragile(probes: 3, verdict: .failureRate(below: 0.5)))
        probing.breaker.open()
        try probing.breaker.halfOpen()
        var snapshot = probing.breaker.snapshot
        snapshot.counts.successes = count
        snapshot.counts.failures = count
        snapshot.probes = .init(good: count, bad: snapshot.counts.calls)
        #expect(throws: ConfigurationError.self) { try probing.breaker.restore(snapshot) }
        let timed = try Stage(.init(trip: .failureRate(1, minimumCalls: 5), window: .time(.seconds(10))))
        snapshot = timed.breaker.snapshot
        snapshot.counts.successes = .max
        snapshot.buckets = (0..<3).map {
            .init(
                ageNanoseconds: $0 * 2_000_000_000, successes: count, failures: 0, slow: 0, ignored: 0, timed: 0,
                durationNanoseconds: 0)
        }
        #expect(throws: ConfigurationError.self) { try timed.breaker.restore(snapshot) }
        #expect(timed.breaker.counts == Counts() && timed.breaker.totals == CircuitBreaker.Totals())
    }

    @Test("counts of a breaker that counts nothing are refused, and two streaks at once")
    func misplacedCounts() throws {
        for change in [{ $0.open() }, { $0.isolate() }, { $0.disable() }] as [(CircuitBreaker) -> Void] {
            let stage = try Stage(.fragile())
            change(stage.breaker)
            var snapshot = stage.breaker.snapshot
            snapshot.counts.successes = 1
            #expect(throws: ConfigurationError.self) { try stage.breaker.restore(snapshot) }
        }
        let stage = try Stage(.fragile())
        var snapshot = stage.breaker.snapshot
        snapshot.counts.consecutiveFailures = 1
        snapshot.counts.consecutiveSuccesses = 1
        #expect(throws: ConfigurationError.self) { try stage.breaker.restore(snapshot) }
    }

    static func object(_ snapshot: CircuitBreaker.Snapshot) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(snapshot))
        return try #require(object as? [String: Any])
    }
}
