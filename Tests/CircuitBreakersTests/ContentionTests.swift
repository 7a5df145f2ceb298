import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// Many tasks on one breaker.
@Suite(.timeLimit(.minutes(30)))
struct ContentionTests {
    @Test("X-05: a thousand tasks race at the end of a break", arguments: [true, false])
    func race(observed: Bool) async throws {
        let stage = try Stage(.fragile(probes: 3), observed: observed)
        try stage.play("F")
        stage.clock.advance(by: .seconds(10))
        stage.recorder.clear()
        let admitted = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 1...1000 {
                group.addTask {
                    do {
                        try await stage.breaker.execute { try await stage.clock.sleep(for: .seconds(5)) }
                        return true
                    } catch is OpenError {
                        return false
                    }
                }
            }
            // The probes return only after all others were rejected.
            for _ in 1...997 { #expect(try await group.next() == false) }
            try await stage.clock.waitForSleepers(3)
            #expect(stage.breaker.counts.running == 3)
            stage.clock.advance(by: .seconds(5))
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(admitted == 3)
        #expect(stage.breaker.totals.rejected == 997)
        #expect(stage.breaker.totals.calls == 1001)
        #expect(stage.state == .closed)
        guard observed else { return }
        #expect(stage.path == [.halfOpen, .closed])
        #expect(stage.rejections == 997)
        #expect(stage.events.count - stage.rejections == 3 + 2)
    }

    @Test("X-12: totals add up across 50 changes of state", arguments: [true, false])
    func fiftyChanges(observed: Bool) throws {
        let stage = try Stage(.fragile(probes: 2), observed: observed)
        var random = SplitMix64(seed: 12)
        var asks = 0
        var running: [RunningCall] = []
        var changes = 0
        while changes < 50 {
            let before = stage.state
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                asks += 1
                guard let call = try? stage.start() else { continue }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    running.append(call)
                } else {
                    call.end("SSFXC".randomElement(using: &random) ?? "S")
                }
                #expect(stage.breaker.totals.calls + running.count == asks)
            }
            stage.clock.advance(by: .seconds(Int.random(in: 0...10, using: &random)))
            if stage.state != before { changes += 1 }
        }
        for call in running { call.end("F") }
        let totals = stage.breaker.totals
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
        let stage = try Stage(configuration, observed: observed)
        let isDone = Log<Void>()
        let tally = try await withThrowingTaskGroup(of: Tally?.self) { group in
            for task in 0..<8 as Range<UInt64> { group.addTask { await Self.call(stage, seed: task) } }
            group.addTask {
                await Self.flip(stage, until: isDone)
                return nil
            }
            group.addTask {
                await Self.read(stage, until: isDone)
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
        let totals = stage.breaker.totals
        #expect([totals.succeeded, totals.failed, totals.ignored, totals.cancelled] == tally.ended)
        #expect(totals.rejected == tally.rejected)
        #expect(totals.calls == 8 * callsPerTask)
        #expect(totals.late > 0 && totals.late < totals.calls - totals.rejected)
        #expect(stage.breaker.counts.running == 0)
        guard observed else { return }
        expectOrdered(stage)
        #expect(stage.rejections == totals.rejected)
        // A breaker that is disabled now and then does not tell about the calls that end meanwhile.
        let called = stage.events.count { if case .called = $0.kind { true } else { false } }
        #expect(called > 0 && called <= tally.ended.reduce(0, +))
        // A break that is started again by hand is no change of state.
        #expect(stage.transitions.count { $0.to == .open } <= totals.opened)
    }

    private static func call(_ stage: Stage, seed: UInt64) async -> Tally {
        var random = SplitMix64(seed: seed)
        var tally = Tally()
        for call in 0..<callsPerTask {
            do {
                let permit = try stage.breaker.tryAcquirePermit()
                if call.isMultiple(of: 16) { await Task.yield() }
                let outcome = Int.random(in: 0..<4, using: &random)
                tally.ended[outcome] += 1
                permit.complete(as: outcomes[outcome])
            } catch {
                tally.rejected += 1
                if call.isMultiple(of: 64) { await Task.yield() }
            }
            if call.isMultiple(of: 8) { stage.clock.advance(by: .milliseconds(1)) }
        }
        return tally
    }

    private static func flip(_ stage: Stage, until isDone: Log<Void>) async {
        var random = SplitMix64(seed: 99)
        while isDone.elements.isEmpty {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: stage.breaker.isolate()
            case 1: stage.breaker.disable()
            case 2: stage.breaker.observe()
            case 3: try? stage.breaker.halfOpen()
            case 4: stage.breaker.open()
            default: stage.breaker.close()
            }
            await Task.yield()
        }
        stage.breaker.close()
    }

    private static func read(_ stage: Stage, until isDone: Log<Void>) async {
        var last = CircuitBreaker.Totals()
        while isDone.elements.isEmpty {
            let totals = stage.breaker.totals
            #expect(totals.calls >= last.calls && totals.late >= last.late && totals.rejected >= last.rejected)
            last = totals
            let counts = stage.breaker.counts
            #expect(counts.row.allSatisfy { $0 >= 0 } && counts.running <= 3)
            _ = stage.breaker.snapshot
            await Task.yield()
        }
    }

    private func expectOrdered(_ stage: Stage) {
        var state = CircuitBreaker.State.closed
        for transition in stage.transitions {
            guard transition.from == state, transition.to != state else {
                Issue.record("\(transition) after \(state)")
                return
            }
            state = transition.to
        }
        #expect(state == stage.state)
    }

    @Test("never more probes at once than there are places, in any half-open state")
    func probes() async throws {
        // No probe succeeds: all that is ever let through is a probe, told apart by its generation.
        let stage = try Stage(.fragile(probes: 3), observed: false)
        stage.breaker.open()
        let running = RunningProbes()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 as Range<UInt64> {
                group.addTask { await Self.probe(stage, running, seed: task) }
            }
        }
        #expect(running.most == 3)
        #expect(running.generations > 10)
        let totals = stage.breaker.totals
        #expect(totals.calls == 8 * (callsPerTask / 4) && totals.succeeded == 0)
    }

    private static func probe(_ stage: Stage, _ running: RunningProbes, seed: UInt64) async {
        var random = SplitMix64(seed: seed)
        for call in 0..<callsPerTask / 4 {
            guard let admission = try? stage.breaker.admit(stage.breaker.rootContext) else {
                if seed == 0 { stage.clock.advance(by: .seconds(1)) }
                if call.isMultiple(of: 16) { await Task.yield() }
                continue
            }
            // A probe that is out still tells the state that it belongs to.
            let generation = stage.breaker.machine.withLock { machine in
                machine.probes.running.contains(admission.gate.number) ? machine.generation : nil
            }
            if let generation { running.start(generation) }
            if call.isMultiple(of: 2) { await Task.yield() }
            if let generation { running.end(generation) }
            let outcome = [Outcome.ignored, .cancelled, .cancelled, .failure].randomElement(using: &random)
            stage.breaker.record(outcome ?? .ignored, admission, nil)
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
