import IsolationTestSupport
import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// A delay leaves the caller's actor, and comes back to it.
@Suite("Retry: isolation of a call that waits", .timeLimit(.minutes(30)))
struct RetryIsolationTests {
    @Test("after a delay the operation runs on the actor")
    func actor() async throws {
        let clock = ManualClock()
        let retry = try Retry(.constant(.seconds(1)), maxAttempts: 3, clock: clock)
        let policy = try Policy("p", clock: clock) {
            Retry.layer(.constant(.seconds(1)), maxAttempts: 3)
            Retry.layer(.init(maxAttempts: 1))
        }
        for strategy in [retry, policy] as [any Strategy] {
            let call = Task { await OwnActor().call(strategy) }
            for _ in 1...2 {
                try await clock.waitForSleepers(1)
                clock.advance(by: .seconds(1))
            }
            #expect(await call.value == Places(body: [true, true, true], inCatch: true))
        }
    }

    @Test("cancelled during a delay, the caller goes on on its actor", arguments: [true, false])
    func cancelled(isManual: Bool) async throws {
        let recorder = EventRecorder()
        let configuration = Configuration(backoff: .constant(.seconds(3600)), maxDelay: .seconds(3600))
        let retry =
            isManual
            ? try Retry("r", configuration, clock: ManualClock(), observers: [recorder])
            : try Retry("r", configuration, observers: [recorder])
        for strategy in [retry, try Policy("p") { retry }] as [any Strategy] {
            recorder.clear()
            let call = Task { await OwnActor().call(strategy) }
            try await recorder.waitForEvents(1)
            call.cancel()
            #expect(await call.value == Places(body: [true], inCatch: true))
        }
    }
}

private actor OwnActor {
    nonisolated var unownedExecutor: UnownedSerialExecutor { QueueExecutor.shared.asUnownedSerialExecutor() }

    func call(_ strategy: any Strategy) async -> Places {
        var places = Places()
        do {
            try await strategy.execute {
                places.body.append(QueueExecutor.shared.isCurrent)
                await hopAway()
                throw IsolationTestError()
            }
        } catch {
            places.inCatch = QueueExecutor.shared.isCurrent
        }
        return places
    }
}
