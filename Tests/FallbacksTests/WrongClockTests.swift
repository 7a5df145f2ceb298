import ResilienceCore
import ResilienceTesting
import Testing

@testable import Fallbacks

/// One wrong reading of the clock: as soon as the clock is right again, values are renewed as ever.
@Suite struct WrongClockTests {
    static let errors: [Duration] = [.seconds(1800), .seconds(-1800), .seconds(90), .seconds(40 * 365 * 86_400)]

    @Test("a last good value from a moment ahead serves as one that is as old")
    func lastGood() async throws {
        let clock = SkewedClock()
        let fallback = try Fallback<Int>("f", .init { .lastGood(maxAge: .seconds(60)) }, clock: clock)
        for (ahead, serves) in [
            (Duration.seconds(60), true), (.nanoseconds(60_000_000_001), false), (.seconds(1800), false),
            (.seconds(40 * 365 * 86_400), false), (.seconds(-60), true), (.seconds(-61), false),
        ] {
            clock.show(.seconds(100) + ahead)
            _ = try await fallback.execute { 1 }
            clock.show(.seconds(100))
            let value = try? await fallback.execute { throw Down() }
            #expect((value != nil) == serves, "\(ahead)")
            #expect(fallback.lastGood(for: NoKey())?.age == (ahead < .zero ? .zero - ahead : .zero))
            // The next value is as good as ever.
            _ = try await fallback.execute { 2 }
            clock.show(.seconds(101))
            #expect(try await fallback.execute { throw Down() } == 2)
        }
    }

    @Test("a value from further ahead than values are kept is made again, and makes room as an old one does")
    func kept() async throws {
        let clock = SkewedClock()
        let pages = try StaleWhileRevalidate<Int>(
            "pages", .init(freshFor: .seconds(5), staleFor: .seconds(55)), clock: clock)
        for (ahead, expected) in [(Duration.seconds(4), 1), (.seconds(59), 1), (.seconds(61), 2), (.seconds(1800), 2)] {
            clock.show(.seconds(100) + ahead)
            pages.forgetAll()
            _ = try await pages.execute { 1 }
            clock.show(.seconds(100))
            #expect(try await pages.execute { 2 } == expected, "\(ahead)")
            await pages.waitForRefreshes()
        }
        let keyed = try KeyedFallback<Int, Int>("f", .init { .lastGood(maxAge: .seconds(60)) }, clock: clock)
        clock.show(.seconds(5000))
        for key in 0..<10 { _ = try await keyed.execute(for: key) { key } }
        clock.show(.seconds(100))
        for key in 10..<20 { _ = try await keyed.execute(for: key) { key } }
        #expect((0..<10).allSatisfy { keyed.lastGood(for: $0) == nil } && keyed.lastGood(for: 15)?.value == 15)
    }

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
