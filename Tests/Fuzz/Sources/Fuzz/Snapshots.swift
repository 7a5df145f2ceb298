import Foundation
import Resilience
import ResilienceTesting

private let configurations: [CircuitBreaker.Configuration] = [
    .init(trip: .failureRate(0.5, minimumCalls: 4), window: .calls(8)),
    .init(trip: .failureRate(0.5, minimumCalls: 4), window: .time(.seconds(10))),
    .init(trip: .consecutiveFailures(3)),
]

/// State is refused and changes nothing, or is restored; then the breaker works, and its state can be restored again.
func fuzzSnapshot(_ bytes: [UInt8]) {
    let data = Data(bytes)
    if let snapshot = try? JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: data) { restore(snapshot) }
    guard let state = try? JSONDecoder().decode(ResilienceModule.SavedState.self, from: data) else { return }
    for snapshot in state.circuitBreakers.values { restore(snapshot) }
    do {
        let module = try ResilienceModule("fuzz", clock: ManualClock()) { Registration("a", CircuitBreaker.layer()) }
        let before = module.savedState
        do {
            try module.restore(state)
        } catch {
            check(module.savedState == before, "refused state has changed something")
        }
    } catch {
        fatalError("\(error)")
    }
}

private func restore(_ snapshot: CircuitBreaker.Snapshot) {
    do {
        for configuration in configurations {
            let clock = ManualClock()
            let breaker = try CircuitBreaker("fuzz", configuration, clock: clock)
            let before = breaker.snapshot
            do {
                try breaker.restore(snapshot)
            } catch {
                check(breaker.snapshot == before, "a refused snapshot has changed something")
                continue
            }
            let restored = breaker.snapshot
            let again = try CircuitBreaker("fuzz", configuration, clock: clock)
            try again.restore(
                JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: JSONEncoder().encode(restored)))
            check(again.state == breaker.state, "restored as \(again.state) what was \(breaker.state)")
            for _ in 0..<6 {
                clock.advance(by: .seconds(100))
                _ = breaker.state
                breaker.isolate()
                breaker.close()
            }
            _ = MetricCollection(of: [breaker])
        }
    } catch {
        fatalError("\(error)")
    }
}
