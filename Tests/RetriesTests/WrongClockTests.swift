import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// One wrong reading of the clock: as soon as the clock is right again, a budget works within its own window.
@Suite struct WrongClockTests {
    @Test(
        "what a budget has spent comes back within its window, and what it has earned goes",
        arguments: [Duration.seconds(1800), .seconds(-1800), .seconds(90), .seconds(40 * 365 * 86_400)])
    func budget(error: Duration) throws {
        let clock = SkewedClock()
        let rule = RetryBudget.Configuration.ratio(1, minimumPerSecond: 5, window: .seconds(1))
        for use in [
            { _ = $0.balance }, { _ = $0.tryWithdraw() }, { $0.deposit() }, { try? $0.update(rule) },
        ] as [(RetryBudget) -> Void] {
            clock.show(.seconds(100))
            let budget = try RetryBudget(rule, clock: clock)
            for _ in 0..<3 { _ = budget.tryWithdraw() }
            clock.show(.seconds(100) + error)
            use(budget)
            for second in 0..<5 {
                clock.show(.milliseconds(101_500 + 1100 * second))
                let granted = (0..<20).count { _ in budget.tryWithdraw() }
                #expect(abs(granted - 5) <= (second == 0 ? 5 : 0), "second \(second): \(granted)")
            }
            for _ in 0..<10 { budget.deposit() }
            clock.show(.seconds(120))
            #expect(budget.balance == 5)
        }
    }

    @Test("what was earned by a clock that was ahead by more than the window is gone after the window")
    func earnedAhead() throws {
        let clock = SkewedClock()
        clock.show(.zero)
        let budget = try RetryBudget(
            .ratio(1, minimumPerSecond: 0, window: .milliseconds(1)), clock: clock)
        clock.show(.nanoseconds(10_000_500_000))
        budget.deposit()
        clock.show(.zero)
        _ = budget.balance
        clock.show(.milliseconds(2))
        #expect(budget.balance == 0)
    }
}
