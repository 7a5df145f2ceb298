import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Many tasks on one breaker.
@Suite(.timeLimit(.minutes(30)))
struct ContentionTests {
    @Test("X-05: a thousand tasks race at the end of a break", arguments: [true, false])
    func race(observed: Bool) async throws {
        let fixture = try Fixture(.fragile(probes: 3), observed: observed)
        try fixture.play("F")
        fixture.clock.advance(by: .seconds(10))
        fixture.recorder.clear()
        let admitted = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 1...1000 {
                group.addTask {
                    do {
                        try await fixture.breaker.execute { try await fixture.clock.sleep(for: .seconds(5)) }
                        return true
                    } catch is OpenError {
                        return false
                    }
                }
            }
            // The probes return only after all others were rejected.
            for _ in 1...997 { #expect(try await group.next() == false) }
            try await fixture.clock.waitForSleepers(3)
            #expect(fixture.breaker.counts.running == 3)
            fixture.clock.advance(by: .seconds(5))
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(admitted == 3)
        #expect(fixture.breaker.totals.rejected == 997)
        #expect(fixture.breaker.totals.calls == 1001)
        #expect(fixture.state == .closed)
        guard observed else { return }
        #expect(fixture.path == [.halfOpen, .closed])
        #expect(fixture.rejections == 997)
        #expect(fixture.events.count == 997 + 3 + 2)
    }

    @Test("X-12: totals add up across 50 changes of state", arguments: [true, false])
    func fiftyChanges(observed: Bool) throws {
        let fixture = try Fixture(.fragile(probes: 2), observed: observed)
        var random = SplitMix64(seed: 12)
        var asks = 0
        var running: [RunningCall] = []
        var changes = 0
        while changes < 50 {
            let before = fixture.state
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                asks += 1
                guard let call = try? fixture.start() else { continue }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    running.append(call)
                } else {
                    call.end("SSFXC".randomElement(using: &random) ?? "S")
                }
                #expect(fixture.breaker.totals.calls + running.count == asks)
            }
            fixture.clock.advance(by: .seconds(Int.random(in: 0...10, using: &random)))
            if fixture.state != before { changes += 1 }
        }
        for call in running { call.end("F") }
        let totals = fixture.breaker.totals
        #expect(totals.calls == asks)
        #expect(totals.succeeded + totals.failed + totals.ignored + totals.cancelled + totals.rejected == asks)
        #expect(totals.late > 0 && totals.opened >= 12)
    }

    /// What the callers themselves have seen.
    private struct Tally: Sendable {
        var ended = [0, 0, 0, 0]
        var rejected = 0

        static func + (lhs: Tally, rhs: Tally) -> Tally {
            Tally(ended: zip(lhs.ended, rhs.ended).map(+), rejected: lhs.rejected + rhs.rejected)
        }
    }

    private static let outcomes: [Outcome] = [.success, .failure, .ignored, .cancelled]

    @Test("totals are exact while states flip", arguments: [true, false])
    func exactTotals(observed: Bool) async throws {
        let configuration = Configuration(
            trip: .failureRate(0.5, minimumCalls: 8), window: .time(.milliseconds(50)),
            breakLength: .fixed(.milliseconds(10)), halfOpen: .init(probes: 3, verdict: .successes(atLeast: 2)))
        let fixture = try Fixture(configuration, observed: observed)
        let isDone = Log<Void>()
        let tally = try await withThrowingTaskGroup(of: Tally?.self) { group in
            for task in 0..<8 as Range<UInt64> { group.addTask { await Self.call(fixture, seed: task) } }
            group.addTask {
                await Self.flip(fixture, until: isDone)
                return nil
            }
            group.addTask {
                await Self.read(fixture, until: isDone)
                return nil
            }
            var sum = Tally()
            for _ in 0..<8 {
                guard let tally = try await group.next(), let tally else { continue }
                sum = sum + tally
            }
            isDone.append(())
            try await group.waitForAll()
            return sum
        }
        let totals = fixture.breaker.totals
        #expect([totals.succeeded, totals.failed, totals.ignored, totals.cancelled] == tally.ended)
        #expect(totals.rejected == tally.rejected)
        #expect(totals.calls == 8 * callsPerTask)
        #expect(totals.late > 0 && totals.late < totals.calls - totals.rejected)
        #expect(fixture.breaker.counts.running == 0)
        guard observed else { return }
        expectOrdered(fixture)
        #expect(fixture.rejections == totals.rejected)
        // A breaker that is disabled now and then does not tell about the calls that end meanwhile.
        let called = fixture.events.count { if case .called = $0.kind { true } else { false } }
        #expect(called > 0 && called <= tally.ended.reduce(0, +))
        // A break that is started anew by hand is no change of state.
        #expect(fixture.transitions.count { $0.to == .open } <= totals.opened)
    }

    private static func call(_ fixture: Fixture, seed: UInt64) async -> Tally {
        var random = SplitMix64(seed: seed)
        var tally = Tally()
        for call in 0..<callsPerTask {
            do {
                let permit = try fixture.breaker.tryAcquirePermit()
                if call.isMultiple(of: 16) { await Task.yield() }
                let outcome = Int.random(in: 0..<4, using: &random)
                tally.ended[outcome] += 1
                permit.complete(as: outcomes[outcome])
            } catch {
                tally.rejected += 1
                if call.isMultiple(of: 64) { await Task.yield() }
            }
            if call.isMultiple(of: 8) { fixture.clock.advance(by: .milliseconds(1)) }
        }
        return tally
    }

    private static func flip(_ fixture: Fixture, until isDone: Log<Void>) async {
        var random = SplitMix64(seed: 99)
        while isDone.elements.isEmpty {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: fixture.breaker.isolate()
            case 1: fixture.breaker.disable()
            case 2: fixture.breaker.observe()
            case 3: try? fixture.breaker.halfOpen()
            case 4: fixture.breaker.open()
            default: fixture.breaker.close()
            }
            await Task.yield()
        }
        fixture.breaker.close()
    }

    private static func read(_ fixture: Fixture, until isDone: Log<Void>) async {
        var last = CircuitBreaker.Totals()
        while isDone.elements.isEmpty {
            let totals = fixture.breaker.totals
            #expect(totals.calls >= last.calls && totals.late >= last.late && totals.rejected >= last.rejected)
            last = totals
            let counts = fixture.breaker.counts
            #expect(counts.row.allSatisfy { $0 >= 0 } && counts.running <= 3)
            _ = fixture.breaker.snapshot
            await Task.yield()
        }
    }

    private func expectOrdered(_ fixture: Fixture) {
        var state = CircuitBreaker.State.closed
        for transition in fixture.transitions {
            guard transition.from == state, transition.to != state else {
                Issue.record("\(transition) after \(state)")
                return
            }
            state = transition.to
        }
        #expect(state == fixture.state)
    }

    @Test("never more probes at once than there are places, in any half-open state")
    func probes() async throws {
        // No probe succeeds: all that is ever let through is a probe, told apart by its generation.
        let fixture = try Fixture(.fragile(probes: 3), observed: false)
        fixture.breaker.open()
        let running = RunningProbes()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 as Range<UInt64> {
                group.addTask { await Self.probe(fixture, running, seed: task) }
            }
        }
        #expect(running.most == 3)
        #expect(running.generations > 10)
        let totals = fixture.breaker.totals
        #expect(totals.calls == 8 * (callsPerTask / 4) && totals.succeeded == 0)
    }

    private static func probe(_ fixture: Fixture, _ running: RunningProbes, seed: UInt64) async {
        var random = SplitMix64(seed: seed)
        for call in 0..<callsPerTask / 4 {
            guard let admission = try? fixture.breaker.admit(fixture.breaker.rootContext) else {
                if seed == 0 { fixture.clock.advance(by: .seconds(1)) }
                if call.isMultiple(of: 16) { await Task.yield() }
                continue
            }
            // A probe that is out still tells the state that it belongs to.
            let generation = fixture.breaker.machine.withLock { machine in
                machine.probes.running.contains(admission.gate.number) ? machine.generation : nil
            }
            if let generation { running.start(generation) }
            if call.isMultiple(of: 2) { await Task.yield() }
            if let generation { running.end(generation) }
            let outcome = [Outcome.ignored, .cancelled, .cancelled, .failure].randomElement(using: &random)
            fixture.breaker.record(outcome ?? .ignored, admission, nil)
        }
    }
}

/// Counts the probes that run, by the half-open state they belong to.
private final class RunningProbes: Sendable {
    private let state = Lock((running: [UInt64: Int](), most: 0))

    var most: Int { state.withLock { $0.most } }
    var generations: Int { state.withLock { $0.running.count } }

    func start(_ generation: UInt64) {
        state.withLock { state in
            let number = state.running[generation, default: 0] + 1
            state.running[generation] = number
            state.most = max(state.most, number)
        }
    }

    func end(_ generation: UInt64) {
        state.withLock { $0.running[generation, default: 0] -= 1 }
    }
}

#if THREAD_SANITIZER
    private let callsPerTask = 2_000
#else
    private let callsPerTask = 20_000
#endif
