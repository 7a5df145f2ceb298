import ResilienceCore
import ResilienceTesting
import Testing

@testable import Fallbacks

/// One wrong reading of the clock: as soon as the clock is right again, values are renewed as ever.
@Suite struct WrongClockTests {
    static let errors: [Duration] = [.seconds(1800), .seconds(-1800), .seconds(90), .seconds(40 * 365 * 86_400)]

    @Test(
        "a value that was read at a wrong moment is renewed, and so is one whose refresh failed then", arguments: errors
    )
    func refresh(error: Duration) async throws {
        let clock = SkewedClock()
        let pages = try StaleWhileRevalidate<Int>(
            "pages", .init(freshFor: .seconds(5), staleFor: .seconds(3600)), clock: clock)
        func ask(at time: Duration, _ operation: @escaping @Sendable () async throws -> Int) async throws -> Int {
            clock.show(time)
            let value = try await pages.execute(operation)
            await pages.waitForRefreshes()
            return value
        }
        #expect(try await ask(at: .seconds(100) + error) { 1 } == 1)
        _ = try await ask(at: .seconds(100)) { 2 }
        #expect(try await ask(at: .seconds(101)) { 3 } == 2)
        // Due, and failing.
        _ = try? await ask(at: .seconds(107) + error) { throw Down() }
        _ = try? await ask(at: .seconds(108)) { throw Down() }
        _ = try await ask(at: .seconds(110)) { 4 }
        _ = try await ask(at: .seconds(111)) { 5 }
        #expect(pages.kept(for: NoKey())?.value == 4)
    }
}
