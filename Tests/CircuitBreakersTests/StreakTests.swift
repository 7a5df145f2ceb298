import Foundation
import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// "Five in a row" is five in a row, whatever else the breaker looks at.
@Suite(.timeLimit(.minutes(30)))
struct StreakTests {
    static let windows: [CircuitBreaker.Window] = [
        .automatic, .unbounded, .calls(100), .calls(2), .time(.seconds(30)), .time(.seconds(30), buckets: 2),
        .interval(.seconds(30)), .interval(.seconds(1)),
    ]

    private func patient(_ window: CircuitBreaker.Window) -> Configuration {
        Configuration(
            trip: .any(.consecutiveFailures(5), .slowCallRate(1, minimumCalls: 1)), window: window,
            slowCallDuration: .seconds(1_000))
    }

    @Test("opens at the fifth, with 19 seconds between them", arguments: windows)
    func opensAtTheFifth(window: CircuitBreaker.Window) throws {
        for trip in [
            CircuitBreaker.Trip.any(.consecutiveFailures(5), .slowCallRate(1, minimumCalls: 1)),
            .when { $0.consecutiveFailures >= 5 },
        ] {
            var configuration = patient(window)
            configuration.trip = trip
            let stage = try Stage(configuration)
            try stage.play("FSFFXFCF", pause: .seconds(19))
            #expect(stage.state == .closed)
            try stage.play("F")
            #expect(stage.state == .open && stage.transitions.first?.counts.consecutiveFailures == 5)
        }
    }

    @Test("the row goes on after a new configuration and in another process", arguments: windows)
    func goesOn(window: CircuitBreaker.Window) throws {
        for other in Self.windows {
            let updated = try Stage(patient(window))
            try updated.play("SFFF", pause: .seconds(19))
            let data = try JSONEncoder().encode(updated.breaker.snapshot)
            let restored = try Stage(
                patient(other), restoring: try JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: data))
            try updated.breaker.update(patient(other))
            for stage in [updated, restored] {
                try stage.play("F", pause: .seconds(100))
                #expect(stage.state == .closed && stage.breaker.counts.consecutiveFailures == 4)
                try stage.play("F")
                #expect(stage.state == .open, "\(window) → \(other)")
            }
        }
    }

    @Test("calls that take longer than the window open the breaker", arguments: [11, 15, 40, 1_000])
    func lateFailures(seconds: Int) throws {
        for window: CircuitBreaker.Window in [
            .time(.seconds(10)), .interval(.seconds(10)), .time(.seconds(10), buckets: 3),
        ] {
            let stage = try Stage(.init(trip: .failureRate(0.5, minimumCalls: 5), window: window))
            let calls = try (0..<5).map { _ in try stage.start() }
            stage.clock.advance(by: .seconds(seconds))
            for call in calls { call.end("F") }
            #expect(stage.state == .open, "\(window)")
        }
    }
}
