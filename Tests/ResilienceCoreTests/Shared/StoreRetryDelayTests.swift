import ResilienceCore
import TestSupport
import Testing

@Suite("The delay before a store is tried again")
struct StoreRetryDelayTests {
    private func delays(
        _ count: Int, upTo longest: Duration = StoreRetryDelay.longest, random: Double = 1
    ) -> [Duration] {
        var delay = StoreRetryDelay()
        return (0..<count).map { _ in delay.next(upTo: longest, random: random) }
    }

    private func milliseconds(_ values: Int...) -> [Duration] { values.map { .milliseconds($0) } }

    @Test("it doubles from 100 ms up to the longest, which is 10 s unless another is given")
    func grows() {
        #expect(delays(9) == milliseconds(100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000))
        #expect(delays(6, upTo: .seconds(1)) == milliseconds(100, 200, 400, 800, 1000, 1000))
        #expect(delays(3, upTo: .milliseconds(30)) == milliseconds(30, 30, 30))
        var delay = StoreRetryDelay()
        let last = (0..<9).map { _ in delay.next(random: 1) }.last
        #expect(last == .seconds(10))
    }

    @Test("a random part of up to half is left out, of the longest one too")
    func jittered() {
        #expect(delays(4, upTo: .milliseconds(400), random: 0) == milliseconds(50, 100, 200, 200))
        #expect(delays(4, upTo: .milliseconds(400), random: 0.5) == milliseconds(75, 150, 300, 300))
    }

    @Test("after the store has worked it begins again")
    func reset() {
        var delay = StoreRetryDelay()
        for count in [1, 3, 100] {
            for _ in 0..<count { _ = delay.next(random: 1) }
            delay.reset()
            let first = delay.next(random: 1)
            #expect(first == .milliseconds(100), "\(count)")
            delay.reset()
        }
    }

    @Test("however often the store fails and however long the longest may be, it only grows, and stays there")
    func saturates() {
        let most = Duration.nanoseconds(Int64.max)
        for longest in [most, .seconds(Int64.max), .seconds(86_400)] {
            let delays = delays(3000, upTo: longest)
            #expect(zip(delays, delays.dropFirst()).allSatisfy { $0 <= $1 })
            #expect(delays.last == min(longest, most))
        }
    }

    @Test("whatever is drawn, it is at least half of the whole and at most the longest")
    func bounds() {
        forSeeds(0..<200) { seed, random in
            let longest = Duration.milliseconds(Int.random(in: 1...60_000, using: &random))
            var delay = StoreRetryDelay()
            for whole in delays(20, upTo: longest) {
                let drawn = delay.next(upTo: longest, random: .random(in: 0...1, using: &random))
                #expect(drawn >= whole / 2 && drawn <= whole && whole <= longest, "seed \(seed)")
            }
        }
    }
}
