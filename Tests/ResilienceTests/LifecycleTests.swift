import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Resilience

@Suite("Lifecycle", .timeLimit(.minutes(30)))
struct LifecycleTests {
    typealias ShutdownError = ResilienceModule.ShutdownError
    typealias LifecycleError = ResilienceModule.LifecycleError

    private func changes(_ stage: Stage) -> [String] {
        stage.events.compactMap {
            if case .stateChanged(let old, let new) = $0.kind { "\(old) → \(new)" } else { nil }
        }
    }

    @Test("calls are let in before the start, while it runs, and not after the end")
    func states() async throws {
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        let module = stage.module
        #expect(module.state == .idle)
        #expect(try await module.execute("x") { 1 } == 1)
        let running = Task { try await module.run() }
        try await stage.waitForState(.running)
        #expect(module.state == .running)
        #expect(try await module.execute("x") { 2 } == 2)
        running.cancel()
        try await running.value
        #expect(module.state == .stopped)
        let policy = try module.policy("x")
        let error = await #expect(throws: ShutdownError.self) { try await policy.execute { 3 } }
        #expect(error?.description == "call of \"x\" refused: resilience module \"test\" has shut down")
        #expect(error?.retryAfter == nil && error?.policyName == "x")
        #expect(changes(stage) == ["idle → running", "running → draining", "draining → stopped"])
        // A breaker does not take a refused call for a failure.
        #expect(policy.circuitBreakers.first?.totals.calls == 2)
    }

    @Test("what runs in the background goes on until the calls that run have ended", arguments: [false, true])
    func background(byCancellation: Bool) async throws {
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        let module = stage.module
        let (gate, order, executor) = (Waiter<Void>(), Log<String>(), SteppingExecutor())
        module.addJob { _ in
            try? await Waiter<Void>().value { true }
            order.append("background")
        }
        let running = Task(executorPreference: executor) { try await module.run() }
        let call = Task(executorPreference: executor) {
            try await module.execute("x") {
                try await gate.value()
                order.append("call")
            }
        }
        executor.drain()
        #expect(module.state == .running && module.callsInFlight == 1)
        if byCancellation { running.cancel() } else { Task(executorPreference: executor) { await module.shutdown() } }
        // Until nothing is left to do before the call ends.
        executor.drain()
        #expect(module.state == .draining && order.elements.isEmpty)
        gate.finish()
        executor.drain()
        try await call.value
        try await running.value
        #expect(order.elements == ["call", "background"])
    }

    @Test("what runs in the background and does not listen is not waited for for ever")
    func deafBackground() async throws {
        let stage = try Stage()
        let module = stage.module
        let (isIn, gate) = (Waiter<Void>(), Waiter<Void>())
        module.addJob { _ in
            isIn.finish()
            // Not cancelled with its task.
            await Task { try? await gate.value() }.value
        }
        let running = Task { try await module.run() }
        try await isIn.value()
        let ending = Task { await module.shutdown() }
        try await stage.clock.waitForTimers(1)
        stage.clock.advance(by: .seconds(5))
        _ = await ending.value
        #expect(module.state == .stopped)
        try await running.value
        gate.finish()
    }

    @Test("what runs in the background may end the module, and wait for that", arguments: [false, true])
    func endedByBackground(begunElsewhere: Bool) async throws {
        let stage = try Stage()
        let module = stage.module
        let ended = Waiter<Void>()
        module.addJob { module in
            if begunElsewhere { try? await Waiter<Void>().value { true } }
            await module.shutdown()
            ended.finish()
        }
        let running = Task { try await module.run() }
        try await stage.waitForState(.running)
        if begunElsewhere { running.cancel() }
        // On a clock that stands still.
        try await running.value
        try await ended.value()
        #expect(module.state == .stopped)
    }

    @Test("running twice, or after the end, is an error and changes nothing")
    func runTwice() async throws {
        let stage = try Stage()
        let module = stage.module
        let running = Task { try await module.run() }
        try await stage.waitForState(.running)
        let twice = await #expect(throws: LifecycleError.self) { try await module.run() }
        #expect(twice?.description == "resilience module \"test\" cannot run: it is running")
        #expect(module.state == .running)
        await module.shutdown()
        try await running.value
        let after = await #expect(throws: LifecycleError.self) { try await module.run() }
        #expect(after?.state == .stopped)
    }

    @Test("shutting down without having run, twice and by many, is one shutdown")
    func shutdownTwice() async throws {
        let stage = try Stage()
        let module = stage.module
        let reports = await withTaskGroup(of: ResilienceModule.ShutdownReport.self) { group in
            for _ in 0..<10 { group.addTask { await module.shutdown() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(reports).count == 1)
        #expect(changes(stage) == ["idle → draining", "draining → stopped"])
        #expect(stage.events.filter { $0.name == "module.ended" }.count == 1)
        #expect(await module.shutdown() == reports.first)
    }

    @Test("a run after an early shutdown waits for its end and returns; so do others, one after another and at once")
    func runAfterShutdown() async throws {
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        let module = stage.module
        let operation = ScriptedOperation(clock: stage.clock, [.success(1, after: .seconds(3))])
        let call = Task { try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(1)
        async let report = module.shutdown()
        try await stage.clock.waitForTimers(1)
        let runs = (0..<5).map { _ in
            Task {
                try await module.run()
                return module.state
            }
        }
        stage.clock.advance(by: .seconds(3))
        for run in runs { #expect(try await run.value == .stopped) }
        #expect(await report.callsInFlight == 1)
        #expect(try await call.value == 1)
        try await module.run()
        try await inCancelledTask { try await module.run() }
        #expect(changes(stage) == ["idle → draining", "draining → stopped"])
        #expect(stage.events.filter { $0.name == "module.ended" }.count == 1)
    }

    @Test("of runs and shutdowns that come at once, one run at most runs, and all end")
    func runsAndShutdowns() async throws {
        for round in 0..<100 {
            let module = try Stage().module
            let refused = Counter()
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<6 {
                    group.addTask {
                        do {
                            if (index + round) % 3 == 0 { await module.shutdown() } else { try await module.run() }
                            #expect(module.state == .stopped)
                        } catch {
                            refused.add()
                        }
                    }
                }
            }
            #expect(refused.value <= 3 && module.state == .stopped, "round \(round)")
        }
    }

    // MARK: The time before draining

    @Test("in the drain delay health says so, and calls are let in until it is over")
    func drainDelay() async throws {
        let stage = try Stage(options: .init(drainDelay: .seconds(5))) {
            Registration("x") { CircuitBreaker.layer() }
        }
        let (module, clock) = (stage.module, stage.clock)
        let running = Task { try await module.run() }
        try await stage.waitForState(.running)
        #expect(module.health.status == .healthy)
        let operation = ScriptedOperation(clock: clock, [.success(7, after: .seconds(6))])
        async let report = module.shutdown(gracePeriod: .seconds(10))
        try await clock.waitForTimers(1)
        #expect(module.state == .closing && module.health.status == .down)
        #expect(
            module.health.reasons.map(\.description)
                == ["resilience module \"test\" is about to let no call in"])
        #expect(try await module.execute("x") { 1 } == 1)
        let call = Task { try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(5) - .nanoseconds(1))
        #expect(module.state == .closing)
        #expect(try await module.execute("x") { 2 } == 2)
        clock.advance(by: .nanoseconds(1))
        try await stage.waitForState(.draining)
        await #expect(throws: ShutdownError.self) { try await module.execute("x") { 3 } }
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(1))
        #expect(try await call.value == 7)
        let seen = await report
        #expect(seen.duration == .seconds(6) && seen.callsInFlight == 1 && seen.cancelledCalls == 0)
        try await running.value
        #expect(
            changes(stage) == ["idle → running", "running → closing", "closing → draining", "draining → stopped"])
        #expect(clock.timerCount == 0)
    }

    @Test("a drain delay of the caller's goes before that of the options; none, or less, is none", arguments: [0, -3])
    func ownDrainDelay(_ seconds: Int) async throws {
        let stage = try Stage(options: .init(drainDelay: .seconds(5)))
        let report = await stage.module.shutdown(drainDelay: .seconds(seconds))
        #expect(report.duration == .zero)
        #expect(changes(stage) == ["idle → draining", "draining → stopped"])
        #expect(
            faults { _ = try Stage(options: .init(drainDelay: .seconds(-1))) }.first?.contains("drainDelay") == true)
    }

    @Test("closing ahead of the shutdown waits for the drain delay, once; all callers for the same")
    func closesFirst() async throws {
        let stage = try Stage(options: .init(drainDelay: .seconds(5))) {
            Registration("x") { CircuitBreaker.layer() }
        }
        let module = stage.module
        let closings = (0..<4).map { _ in Task { await module.close() } }
        try await stage.clock.waitForTimers(1)
        #expect(module.state == .closing && module.health.status == .down)
        stage.clock.advance(by: .seconds(5))
        for closing in closings { await closing.value }
        // Still, until it is shut down.
        #expect(try await module.execute("x") { 1 } == 1)
        let report = await module.shutdown()
        #expect(report.duration == .zero && module.state == .stopped)
        await module.close()
        #expect(changes(stage) == ["idle → closing", "closing → draining", "draining → stopped"])
        try await module.run()
    }

    @Test("cancelling the caller of close ends the wait")
    func closingCancelled() async throws {
        let stage = try Stage()
        let closing = Task { [module = stage.module] in await module.close(drainDelay: .seconds(3600)) }
        try await stage.clock.waitForTimers(1)
        closing.cancel()
        await closing.value
        #expect(stage.module.state == .closing && stage.clock.timerCount == 0)
        #expect(await stage.module.shutdown().duration == .zero)
    }

    @Test("a caller that loses patience in the drain delay ends that and the calls at once")
    func impatient() async throws {
        let stage = try Stage(options: .init(drainDelay: .seconds(5)))
        let module = stage.module
        let operation = ScriptedOperation<Int>(clock: stage.clock, [.hang])
        let call = Task { try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(1)
        module.cancelCallsOfShutdown()
        async let report = module.shutdown()
        try await stage.clock.waitForTimers(1)
        module.cancelCallsOfShutdown()
        let seen = await report
        #expect(seen.duration == .zero && seen.cancelledCalls == 1 && seen.abandonedCalls == 0)
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(stage.clock.timerCount == 0)
    }

    @Test("a caller cancelled beforehand is seen by every form of call", arguments: 0..<5)
    func cancelledCaller(_ form: Int) async throws {
        let stage = try Stage {
            Registration("x") { CircuitBreaker.layer() }
            Registration(hedged: "hedged", .init(delay: .onlyAfterFailure)) { CircuitBreaker.layer() }
            Registration("covered", for: Bool.self) {
                CircuitBreaker.layer()
            } fallback: {
                .value(false)
            }
        }
        let module = stage.module
        let wasCancelled = try await inCancelledTask { () -> Bool in
            switch form {
            case 0: try await module.execute("x") { Task.isCancelled }
            case 1: try await module.run("x") { Task.isCancelled }.get()
            case 2: try await module.admit("x") { Task.isCancelled }
            case 3: try await module.fallbackPolicy("covered", for: Bool.self).execute { Task.isCancelled }
            default: try await module.policy("x").execute { try await module.execute("x") { Task.isCancelled } }
            }
        }
        #expect(wasCancelled)
    }

    @Test("a run whose task is cancelled beforehand shuts down at once")
    func cancelledBefore() async throws {
        let stage = try Stage()
        let task = Task { [module = stage.module] in
            withUnsafeCurrentTask { $0?.cancel() }
            try await module.run()
        }
        try await task.value
        #expect(stage.module.state == .stopped)
    }

    @Test("the shutdown waits for calls within the grace period, and they end as they would have")
    func grace() async throws {
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        let operation = ScriptedOperation(clock: stage.clock, [.success(1, after: .seconds(29))])
        let call = Task { [module = stage.module] in try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(1)
        async let report = stage.module.shutdown()
        try await stage.clock.waitForTimers(1)
        #expect(stage.module.state == .draining && stage.module.callsInFlight == 1)
        await #expect(throws: ShutdownError.self) { try await stage.module.execute("x") { 1 } }
        stage.clock.advance(by: .seconds(29))
        #expect(try await call.value == 1)
        let seen = await report
        #expect(seen.callsInFlight == 1 && seen.cancelledCalls == 0 && seen.abandonedCalls == 0)
        #expect(seen.duration == .seconds(29))
        #expect(stage.clock.timerCount == 0)
    }

    @Test("calls that outlast the grace period are cancelled, and those that do not listen left after the next")
    func cancellation() async throws {
        let stage = try Stage(options: .init(gracePeriod: .seconds(10), cancellationPeriod: .seconds(3)))
        let (listens, deaf) = (
            ScriptedOperation<Int>(clock: stage.clock, [.hang]),
            ScriptedOperation<Int>(clock: stage.clock, [.hangIgnoringCancellation])
        )
        let module = stage.module
        let first = Task { try await module.execute("x") { try await listens() } }
        let second = Task { try await module.execute("x") { try await deaf() } }
        try await listens.waitForCalls(1)
        try await deaf.waitForCalls(1)
        async let report = module.shutdown()
        try await stage.clock.waitForTimers(1)
        stage.clock.advance(by: .seconds(10) - .nanoseconds(1))
        #expect(listens.cancelled == 0)
        stage.clock.advance(by: .nanoseconds(1))
        await #expect(throws: CancellationError.self) { try await first.value }
        try await stage.clock.waitForTimers(1)
        stage.clock.advance(by: .seconds(3))
        let seen = await report
        #expect(seen.callsInFlight == 2 && seen.cancelledCalls == 2 && seen.abandonedCalls == 1)
        #expect(seen.duration == .seconds(13))
        #expect(
            seen.description.hasPrefix("shut down in 13 seconds: 2 calls were running, 2 were cancelled, 1 were left"))
        deaf.release(with: .success(4))
        #expect(try await second.value == 4)
    }

    @Test("the grace period of the first caller counts; less than none is none")
    func ownGrace() async throws {
        let stage = try Stage()
        let operation = ScriptedOperation<Int>(clock: stage.clock, [.hang])
        let call = Task { [module = stage.module] in try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(1)
        let report = await stage.module.shutdown(gracePeriod: .seconds(-5))
        #expect(report.cancelledCalls == 1 && report.abandonedCalls == 0 && report.duration == .zero)
        await #expect(throws: CancellationError.self) { try await call.value }
    }

    @Test("what belongs to a call that was let in is let in while it drains: nested calls, retries, hedges, fallbacks")
    func parts() async throws {
        let go = ScriptedOperation<Int>(clock: ManualClock(), [.hang])
        let stage = try Stage {
            Registration("outer") { Retry.layer(.immediate, maxAttempts: 3) }
            Registration("inner") { CircuitBreaker.layer() }
            Registration(hedged: "hedged", .init(delay: .onlyAfterFailure, maxHedges: 2)) { CircuitBreaker.layer() }
            Registration("covered", for: Int.self) {
                CircuitBreaker.layer()
            } fallback: {
                .step("second") { _ in 40 }
            }
        }
        let module = stage.module
        let (hedged, covered) = (
            try module.hedgedPolicy("hedged"), try module.fallbackPolicy("covered", for: Int.self)
        )
        let nested = Task {
            try await module.execute("outer") { context in
                _ = try await go()
                if context.attempt < 3 { throw InjectedFailure() }
                return try await module.execute("inner") { 10 }
            }
        }
        let hedge = Task {
            try await hedged.execute { context in
                _ = try await go()
                if context.hedge < 2 { throw InjectedFailure() }
                return 20
            }
        }
        let steps = Task {
            try await covered.execute {
                _ = try await go()
                throw InjectedFailure()
            }
        }
        let closure = Task {
            try await module.policy("inner").execute {
                _ = try await go()
                throw InjectedFailure()
            } fallback: { _ in
                try await module.execute("inner") { 50 }
            }
        }
        try await go.waitForCalls(4)
        #expect(module.callsInFlight == 4)
        async let report = module.shutdown()
        try await stage.clock.waitForTimers(1)
        // The retry and the hedge make three attempts each.
        for calls in [4, 6, 8] {
            try await go.waitForCalls(calls)
            go.release(with: .success(0))
        }
        #expect(try await nested.value == 10)
        #expect(try await hedge.value == 20)
        #expect(try await steps.value == 40)
        #expect(try await closure.value == 50)
        let seen = await report
        #expect(seen.callsInFlight == 4 && seen.cancelledCalls == 0 && seen.abandonedCalls == 0)
    }

    @Test("after the end neither the operation nor the fallback of a call runs")
    func noFallback() async throws {
        let stage = try Stage {
            Registration("covered", for: Int.self) {
                CircuitBreaker.layer()
            } fallback: {
                .value(1)
            }
        }
        let module = stage.module
        let covered = try module.fallbackPolicy("covered", for: Int.self)
        await module.shutdown()
        await #expect(throws: ShutdownError.self) { try await covered.execute { 2 } }
        await #expect(throws: ShutdownError.self) {
            try await module.execute("covered") {
                2
            } fallback: { _ in
                3
            }
        }
        let run = try await module.run("covered") {
            2
        } fallback: { _ in
            3
        }
        #expect(run.rejection is ShutdownError && run.attempts == 0)
        #expect(await covered.run { 2 }.rejection is ShutdownError)
        await #expect(throws: ShutdownError.self) { try await module.admit("by hand") { 3 } }
        #expect(covered.fallback.totals.calls == 0)
    }

    @Test("observers that hold something back deliver it, after the last event")
    func flush() async throws {
        let observer = Batching()
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        stage.module.addObserver(observer)
        stage.module.addObserver(Relay(target: observer))
        await stage.module.shutdown()
        #expect(observer.delivered.last == "module.ended")
        #expect(observer.flushes == 2)
    }

    @Test("the report is over everything, not only what was used")
    func report() async throws {
        let stage = try Stage {
            Registration("used") { CircuitBreaker.layer() }
            Registration("unused") { Retry.layer() }
            Registration(budget: "budget")
            Registration(family: "hosts", by: String.self, maxKeys: 10) { CircuitBreaker.layer() }
        }
        await fail(try stage.module.policy("used"), times: 2)
        let report = await stage.module.shutdown()
        #expect(report.snapshot.policies.map(\.name) == ["used", "unused"])
        #expect(report.snapshot.components.map(\.name) == ["budget", "hosts"])
        #expect(report.snapshot.state == .stopped)
        let lines = report.description.split(separator: "\n").map(String.init)
        #expect(lines.first == "shut down in 0 seconds: 0 calls were running, 0 were cancelled, 0 were left")
        #expect(lines.contains { $0.contains("circuit_breaker.calls{kind=failed} 2") })
        #expect(lines.contains { $0.contains("retry \"unused\": nothing seen") })
        #expect(lines.contains { $0.contains("retry budget \"budget\"") })
        guard case .ended(let heard) = try #require(stage.events.last).kind else {
            Issue.record("no report")
            return
        }
        #expect(heard == report)
    }
}

/// Keeps events until it is told to deliver them.
private final class Batching: FlushingObserver {
    private let state = Lock((held: [String](), delivered: [String](), flushes: 0))
    var delivered: [String] { state.withLock { $0.delivered } }
    var flushes: Int { state.withLock { $0.flushes } }
    func observe(_ event: some PolicyEvent) { state.withLock { $0.held.append(event.name) } }
    func flush() async {
        state.withLock { state in
            state.delivered += state.held
            state.held = []
            state.flushes += 1
        }
    }
}

/// The same as a value.
private struct Relay: FlushingObserver {
    let target: Batching
    func observe(_ event: some PolicyEvent) {}
    func flush() async { await target.flush() }
}
