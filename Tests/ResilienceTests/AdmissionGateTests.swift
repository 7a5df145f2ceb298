import ResilienceCore
import ResilienceTesting
import Synchronization
import Testing

@testable import Resilience

@Suite("Admission gate")
struct AdmissionGateTests {
    struct Refused: Error {}

    private let gate = AdmissionGate()
    private let clock = ManualClock()
    private var time: TimeSource { TimeSource(clock) }

    private func deadline(_ duration: Duration) -> TimeSource.Instant { time.now.advanced(by: duration) }

    @Test("a closed gate refuses, and an empty one that closes is waited for no longer")
    func closes() async throws {
        try await gate.admit(refusal: { Refused() }) {
            #expect(gate.count == 1)
        }
        #expect(gate.count == 0)
        gate.close()
        #expect(gate.isClosed)
        await #expect(throws: Refused.self) {
            try await gate.admit(refusal: { Refused() }) { Issue.record("let in") }
        }
        #expect(await gate.waitUntilEmpty(until: deadline(.seconds(1)), on: time))
    }
}
