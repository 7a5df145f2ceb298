import ResilienceCore
import Testing

@Suite("Delays that grow by a factor")
struct ExponentialGrowthTests {
    @Test("the first is as given, and each is longer than the one before by the factor, until the longest there is")
    func delays() {
        let doubled = ExponentialGrowth(from: .milliseconds(100), factor: 2)
        #expect((1...4).map(doubled.delay) == [100, 200, 400, 800].map { .milliseconds($0) })
        let halfMore = ExponentialGrowth(from: .seconds(4), factor: 1.5)
        #expect((1...3).map(halfMore.delay) == [.seconds(4), .seconds(6), .seconds(9)])
        #expect(
            (1...3).map(ExponentialGrowth(from: .seconds(7), factor: 1).delay) == [
                .seconds(7), .seconds(7), .seconds(7),
            ])
        let longest = doubled.delay(.max)
        #expect(longest > .seconds(292 * 365 * 86_400) && doubled.delay(200) == longest)
    }

    @Test(
        "a factor is a number of at least 1",
        arguments: [
            (-1, false), (0, false), (0.999, false), (1, true), (1.001, true), (.greatestFiniteMagnitude, true),
            (.infinity, false), (.nan, false),
        ])
    func factors(factor: Double, isSound: Bool) {
        var check = ConfigurationCheck("growth")
        check.require(growth: "factor", factor)
        #expect(check.faults.map(\.field) == (isSound ? [] : ["growth.factor"]))
    }
}
