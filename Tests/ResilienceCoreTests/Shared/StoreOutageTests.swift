import ResilienceCore
import Testing

@Suite("The outage of a store")
struct StoreOutageTests {
    private func at(_ milliseconds: Int) -> TimeSource.Instant {
        TimeSource.Instant(nanoseconds: Int64(milliseconds) * 1_000_000)
    }

    /// Whether a failure is told.
    private func fail(_ outage: inout StoreOutage, at milliseconds: Int) -> Bool {
        outage.failed(now: at(milliseconds), random: 1).isNews
    }

    @Test("the first error is told and no other, and once the store answers, after how long")
    func once() {
        var outage = StoreOutage()
        for begin in [0, 10_000] {
            #expect(!outage.isPresent)
            let told = (0..<5).map { fail(&outage, at: begin + 100 * $0) }
            #expect(told == [true, false, false, false, false] && outage.isPresent)
            let lengths = (0..<2).map { _ in outage.answered(now: at(begin + 700)) }
            #expect(lengths == [.milliseconds(700), nil] && !outage.isPresent)
        }
    }

    @Test("a store that answers is no news")
    func fine() {
        var outage = StoreOutage()
        let length = outage.answered(now: at(5))
        #expect(length == nil && !outage.isPresent)
    }

    @Test("that nobody asks is told once, and then why the store is away; the outage began before")
    func unasked() {
        var outage = StoreOutage()
        let told = [outage.beginUnasked(now: at(100)), outage.beginUnasked(now: at(200))]
        #expect(told == [true, false] && outage.isPresent)
        let causes = [fail(&outage, at: 300), fail(&outage, at: 400)]
        #expect(causes == [true, false])
        let length = outage.answered(now: at(1000))
        #expect(length == .milliseconds(900))
        // The next one has a cause at once.
        let next = [fail(&outage, at: 2000), outage.beginUnasked(now: at(2100)), fail(&outage, at: 2200)]
        #expect(next == [true, false, false])
    }

    @Test("a store that nobody asked and that answers is back, and its next outage is told in full")
    func unaskedAndFine() {
        var outage = StoreOutage()
        _ = outage.beginUnasked(now: at(100))
        let length = outage.answered(now: at(150))
        #expect(length == .milliseconds(50))
        let told = [fail(&outage, at: 200), fail(&outage, at: 300)]
        #expect(told == [true, false])
    }

    @Test("it is tried again after delays that grow up to the longest, and begin again with the next outage")
    func tries() {
        var outage = StoreOutage()
        func delays() -> [Int64] {
            (0..<5).map { number in
                let now = at(1000 * number)
                let retryAt = outage.failed(now: now, upTo: .milliseconds(500), random: 0).retryAt
                return now.duration(to: retryAt).saturatedNanoseconds / 1_000_000
            }
        }
        let first = delays()
        _ = outage.answered(now: at(5000))
        let second = delays()
        #expect(first == [50, 100, 200, 250, 250] && second == first)
        let most = (0..<20).map { _ in outage.failed(now: at(0), random: 1).retryAt }.last
        #expect(most == at(10_000))
    }
}
