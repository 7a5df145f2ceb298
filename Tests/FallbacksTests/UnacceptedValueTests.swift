import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing

@testable import Fallbacks

/// A fallback sees the value that was not accepted, as every function that is given such a failure does.
@Suite("Fallback: values that are not accepted", .timeLimit(.minutes(30)))
struct UnacceptedValueTests {
    private let clock = ManualClock()

    private func value(_ error: any Error) -> Int? { (error as? UnacceptedResultError)?.value(as: Int.self) }

    private func fallback() throws -> Fallback<Int> {
        try Fallback<Int>(
            "f",
            .init(handles: .init { error in value(error).map { $0 < 100 } ?? true }) {
                .value(-1, handles: .init { error in value(error) == 1 })
                    .step("computed") { [self] error in value(error).map { $0 * 10 } ?? -2 }
            }, clock: clock)
    }

    @Test("conditions and steps look at it, in every form", arguments: 0..<5)
    func steps(way: Int) async throws {
        let fallback = try fallback()
        let policy = try Policy("p", clock: clock) { CircuitBreaker.layer(.init(trip: .consecutiveFailures(1_000))) }
        for (returned, expected) in [(1, -1), (2, 20), (100, 100), (7, 70)] {
            let value =
                switch way {
                case 0: try await fallback.execute(accepting: { _ in false }) { returned }
                case 1: try await policy.fallback(to: fallback).execute(accepting: { _ in false }) { returned }
                case 2: try await policy.accepting(Int.self) { _ in false }.fallback(to: fallback).execute { returned }
                case 3: await policy.fallback(to: fallback).run(accepting: { _ in false }) { returned }.value ?? 0
                default:
                    try await policy.accepting(Int.self) { _ in false }.fallback(to: fallback).execute { _ in returned }
                }
            #expect(value == expected)
        }
    }

    @Test("a client's own CancellationError is answered, the caller's is not", arguments: [false, true])
    func cancellation(isCallers: Bool) async throws {
        let fallback = try fallback()
        if isCallers {
            await #expect(throws: CancellationError.self) {
                try await inCancelledTask { _ = try await fallback.execute { throw CancellationError() } }
            }
        } else {
            #expect(try await fallback.execute { throw CancellationError() } == -2)
        }
    }
}
