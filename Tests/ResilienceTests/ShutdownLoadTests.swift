import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Shutdown under load", .timeLimit(.minutes(30)))
struct ShutdownLoadTests {
    @Test("1 000 calls in flight, new ones arriving: none lost, none let in after, the deadline kept")
    func load() async throws {
        let stage = try Stage(options: .init(gracePeriod: .seconds(10), cancellationPeriod: .seconds(1))) {
            Registration("a") {
                Retry.layer(.immediate, maxAttempts: 2)
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(.max)))
            }
            Registration(hedged: "b", .init(delay: .onlyAfterFailure)) { Bulkhead.layer(limit: 100_000) }
        }
        let (module, clock) = (stage.module, stage.clock)
        // Half of the calls end within the grace period; of the others half listen to cancellation.
        let quick = ScriptedOperation(clock: clock, [.success(1, after: .seconds(5))])
        let slow = ScriptedOperation(clock: clock, [.success(2, after: .seconds(60))])
        let deaf = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation])
        let hedged = try module.hedgedPolicy("b")
        let calls = (0..<1000).map { index in
            Task { () -> Result<Int, any Error> in
                let operation = index % 4 < 2 ? quick : index % 4 == 2 ? slow : deaf
                do {
                    if index % 10 == 0 { return .success(try await hedged.execute { try await operation() }) }
                    return .success(try await module.execute("a") { try await operation() })
                } catch {
                    return .failure(error)
                }
            }
        }
        try await quick.waitForCalls(500)
        try await slow.waitForCalls(250)
        try await deaf.waitForCalls(250)
        #expect(module.callsInFlight == 1000)
        let (admitted, after, closed) = (Counter(), Counter(), Counter())
        let isBusy = Waiter<Void>()
        // Of each task, so that none of its calls is still in.
        let areRefused = (0..<8).map { _ in Waiter<Void>() }
        let arriving = areRefused.map { isRefused in
            Task {
                var refused = 0
                while !Task.isCancelled {
                    let wasClosed = closed.value > 0
                    do {
                        try await module.execute("a") {}
                        admitted.add()
                        if admitted.value >= 100 { isBusy.finish() }
                        if wasClosed { after.add() }
                    } catch {
                        refused += 1
                        if refused == 13 { isRefused.finish() }
                    }
                    await Task.yield()
                }
            }
        }
        try await isBusy.value()
        async let report = module.shutdown()
        try await stage.waitForState(.draining)
        closed.add()
        for isRefused in areRefused { try await isRefused.value() }
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(5))
        for (index, call) in calls.enumerated() where index % 4 < 2 { _ = await call.value }
        #expect(module.callsInFlight == 500)
        clock.advance(by: .seconds(5))
        for (index, call) in calls.enumerated() where index % 4 == 2 { _ = await call.value }
        #expect(module.callsInFlight == 250)
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(1))
        let seen = await report
        #expect(seen.callsInFlight >= 1000 && seen.callsInFlight <= 1008)
        #expect(seen.cancelledCalls == 500 && seen.abandonedCalls == 250 && seen.duration == .seconds(11))
        deaf.release(with: .success(3))
        var ends = [0, 0, 0, 0]
        for call in calls {
            switch await call.value {
            case .success(let value): ends[value] += 1
            case .failure(let error): if error is CancellationError { ends[0] += 1 }
            }
        }
        for task in arriving { task.cancel() }
        for task in arriving { await task.value }
        #expect(ends == [250, 500, 0, 250])
        #expect(after.value == 0)
        #expect(module.callsInFlight == 0)
    }
}
