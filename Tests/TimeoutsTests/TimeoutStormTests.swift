import ResilienceCore
import ResilienceTesting
import Synchronization
import Testing
import Timeouts

@Suite("Timeout, many calls at one instant")
struct TimeoutStormTests {
    /// Held by each operation while it runs; counts how many are alive.
    final class Sentinel: Sendable {
        static let alive = Atomic(0)
        init() { Self.alive.wrappingAdd(1, ordering: .relaxed) }
        deinit { Self.alive.wrappingSubtract(1, ordering: .relaxed) }
    }

    enum Ending: Hashable { case returned, exceeded, cancelled }

    @Test("10 000 calls that expire, are cancelled and complete at one instant each end exactly once")
    func storm() async throws {
        let clock = ManualClock()
        let timeout = try Timeout(.seconds(2), clock: clock)
        let number = 10_000
        let calls = (0..<number).map { index in
            Task { () -> Ending in
                let sentinel = Sentinel()
                do {
                    // A third ends with the limit, a third before it, a third would go on.
                    let length = Duration.seconds(index % 3 + 1)
                    try await timeout.execute {
                        try await clock.sleep(for: length)
                        withExtendedLifetime(sentinel) {}
                    }
                    return .returned
                } catch is Timeout.ExceededError {
                    return .exceeded
                } catch {
                    return .cancelled
                }
            }
        }
        try await clock.waitForSleepers(number)
        #expect(timeout.running == number)
        let cancelling = Task.detached {
            for index in stride(from: 0, to: number, by: 4) { calls[index].cancel() }
        }
        clock.advance(by: .seconds(2))
        await cancelling.value

        var endings: [Ending: Int] = [:]
        for call in calls { endings[await call.value, default: 0] += 1 }
        let totals = timeout.totals
        #expect(endings.values.reduce(0, +) == number)
        #expect(totals.calls == number)
        #expect(totals.succeeded + totals.late == endings[.returned, default: 0])
        #expect(totals.exceeded == endings[.exceeded, default: 0])
        #expect(totals.cancelled == endings[.cancelled, default: 0])
        #expect(totals.failed == 0)
        // Those that are not cancelled and would go on can only have expired.
        #expect(totals.exceeded >= number / 4)
        #expect(timeout.running == 0)
        #expect(clock.sleeperCount == 0)
        #expect(Sentinel.alive.load(ordering: .relaxed) == 0)
    }
}
