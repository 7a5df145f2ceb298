import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// A snapshot that was damaged is refused, or makes a breaker that works.
@Suite(.timeLimit(.minutes(30)))
struct SnapshotMutationTests {
    private static let configurations: [Configuration] = [
        .init(trip: .failureRate(0.5, minimumCalls: 4), window: .calls(8), slowCallDuration: .seconds(1)),
        .init(trip: .failureRate(0.5, minimumCalls: 4), window: .time(.seconds(10), buckets: 5)),
        .init(
            trip: .consecutiveFailures(3),
            halfOpen: .init(probes: 4, verdict: .failureRate(below: 0.5))),
        .fragile(probes: 4, verdict: .successes(atLeast: 2)),
    ]

    private func goodSnapshot(_ configuration: Configuration, _ random: inout SplitMix64) throws -> [String: Any] {
        let stage = try Stage(configuration, observed: false)
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            try? stage.play(String("SFSX".randomElement(using: &random) ?? "S"), pause: .milliseconds(700))
        }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: stage.breaker.open()
        case 1:
            stage.breaker.open()
            try stage.breaker.halfOpen()
            try stage.play("S")
        case 2: stage.breaker.isolate()
        default: break
        }
        return try SnapshotTests.object(stage.breaker.snapshot)
    }

    /// Changes one value, somewhere, or drops it.
    private func mutate(_ value: Any, _ random: inout SplitMix64) -> Any? {
        if var object = value as? [String: Any], let key = object.keys.sorted().randomElement(using: &random) {
            object[key] = object[key].flatMap { mutate($0, &random) }
            return object
        }
        if var array = value as? [Any], let index = array.indices.randomElement(using: &random) {
            if Bool.random(using: &random) {
                array.append(contentsOf: array)
            } else if let new = mutate(array[index], &random) {
                array[index] = new
            } else {
                array.remove(at: index)
            }
            return array
        }
        let strings = ["", "s", "ffFFSs", "closed", "open", "half_open", "isolated", "💥", "sx"]
        let numbers = [0, 1, -1, 2, 3, 7, Int.max, Int.max - 1, Int.min, Int.max / 2 + 1]
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return nil
        case 1: return Double.random(in: -1e300...1e300, using: &random)
        case 2: return strings.randomElement(using: &random)
        case 3 where value is Int: return (value as? Int).map { $0 &+ Int.random(in: -2...2, using: &random) }
        default: return value is String ? strings.randomElement(using: &random) : numbers.randomElement(using: &random)
        }
    }

    @Test("damaged snapshots never trap, and restore consistently or not at all")
    func damaged() throws {
        var restored = 0
        try forSeeds(seeds(2_000)) { seed, random in
            let configuration = Self.configurations[Int(seed % 4)]
            var object: Any = try goodSnapshot(configuration, &random)
            for _ in 0..<Int.random(in: 1...3, using: &random) { object = mutate(object, &random) ?? object }
            let data = try JSONSerialization.data(withJSONObject: object)
            guard let snapshot = try? JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: data) else { return }
            let target = Self.configurations[Int.random(in: 0..<4, using: &random)]
            let stage = try Stage(target, observed: false)
            let before = stage.breaker.totals
            do {
                try stage.breaker.restore(snapshot)
                restored += 1
            } catch {
                #expect(stage.breaker.totals == before && stage.state == .closed, "seed \(seed)")
                return
            }
            try expectConsistent(stage, "seed \(seed): \(String(decoding: data, as: UTF8.self))")
        }
        #expect(restored > inputs(2_000) / 20, "too few of the damaged snapshots are still possible to test anything")
    }

    private func expectConsistent(_ stage: Stage, _ comment: Comment) throws {
        func check() {
            let counts = stage.breaker.counts
            #expect(counts.row.allSatisfy { $0 >= 0 } && counts.slow >= 0 && counts.slow <= counts.calls, comment)
            if ![.closed, .observing, .halfOpen].contains(stage.state) { #expect(counts == Counts(), comment) }
            if let rest = stage.breaker.remainingBreak { #expect(rest > .zero, comment) }
            let snapshot = stage.breaker.snapshot
            #expect(throws: Never.self, comment) { try snapshot.validate() }
        }
        check()
        for letter in "SFXCSFS" {
            try? stage.play(String(letter), pause: .milliseconds(1_700))
            check()
        }
        stage.clock.advance(by: Duration(attoseconds: .max))
        check()
        try? stage.play("SSSSFFFF")
        check()
    }
}
