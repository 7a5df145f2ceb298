import ResilienceCore
import TestSupport
import Testing

@testable import Bulkheads

/// Feeds a limit with calls, each admitted when the one before has ended.
struct Feed<Limit: ConcurrencyLimit> {
    var limit: Limit
    private(set) var now: Int64 = 0

    init(_ limit: Limit) {
        self.limit = limit
    }

    /// - Parameters:
    ///   - inFlight: By default, all that the limit allows.
    /// - Returns: The limit then.
    @discardableResult
    mutating func call(_ milliseconds: Double, inFlight: Int? = nil, isDropped: Bool = false) -> Int {
        let time = Int64(milliseconds * 1e6)
        now += max(1, time)
        limit.record(
            roundTripTime: .nanoseconds(time), inFlight: inFlight ?? limit.limit, isDropped: isDropped,
            at: .init(nanoseconds: now))
        return limit.limit
    }
}

/// The figures of the published algorithms.
@Suite struct AlgorithmTests {
    @Test("CL-4: AIMD, 30 and a drop; 21 of at most 21 and a success with 10 in flight")
    func row() {
        var dropped = Feed(AIMDLimit(initial: 30))
        #expect(dropped.call(10, isDropped: true) == 27)
        var full = Feed(AIMDLimit(initial: 21, maximum: 21))
        #expect(full.call(10, inFlight: 10) == 21)
        #expect(full.call(10, inFlight: 21) == 21)
    }

    @Test("AIMD grows by one, shrinks to nine tenths rounded down, and stays below half use")
    func aimd() {
        var feed = Feed(AIMDLimit(initial: 10, minimum: 1))
        #expect(feed.call(1) == 11)
        #expect(feed.call(1, inFlight: 6) == 12)
        #expect(feed.call(1, inFlight: 5) == 12)
        #expect(feed.call(1, inFlight: 0, isDropped: true) == 10)
        #expect(feed.call(5000) == 11)
        #expect(feed.call(5001) == 9)
        #expect(feed.call(1, inFlight: .min) == 9)
        #expect(feed.call(1, inFlight: .max) == 10)
        for _ in 0..<20 { feed.call(1, isDropped: true) }
        #expect(feed.limit.limit == 1)
        var floor = Feed(AIMDLimit())
        #expect(floor.call(1, isDropped: true) == 20)
    }

    @Test("AIMD grows no sooner than calls usually take, however many fast ones come back")
    func aimdPace() {
        var feed = Feed(AIMDLimit(initial: 10, minimum: 1))
        for _ in 1...3 { feed.call(10) }
        #expect(feed.limit.limit == 13)
        // What is usual comes down to 9.4 ms with the first, and further with each.
        for _ in 1...9 { feed.call(0.1) }
        #expect(feed.limit.limit == 13)
        for _ in 1...100 where feed.limit.limit == 13 { feed.call(0.1) }
        #expect(feed.limit.limit == 14)
    }

    @Test("only calls admitted after the last step lead to the next")
    func pace() {
        func check(_ limit: some ConcurrencyLimit, _ expected: [Int]) {
            var limit = limit
            func drop(at end: Int64, taking time: Int64) -> Int {
                limit.record(
                    roundTripTime: .nanoseconds(time), inFlight: 100, isDropped: true, at: .init(nanoseconds: end))
                return limit.limit
            }
            // Together, and just before the step; at the step; while the next are in flight.
            #expect([drop(at: 100, taking: 50), drop(at: 100, taking: 90)] == [expected[0], expected[0]])
            #expect([drop(at: 120, taking: 21), drop(at: 120, taking: 20)] == [expected[0], expected[1]])
            #expect(drop(at: 200, taking: 81) == expected[1])
        }
        check(AIMDLimit(initial: 100), [90, 81])
        check(VegasLimit(initial: 100), [98, 97])
        check(Gradient2Limit(initial: 100), [90, 81])
    }

    @Test("Vegas: 10 of at most 20")
    func vegas() {
        func fresh() -> Feed<VegasLimit> {
            var feed = Feed(VegasLimit(initial: 10, maximum: 20))
            #expect(feed.call(10) == 10)
            return feed
        }
        // No queue: by beta · log.
        var feed = fresh()
        #expect(feed.call(10, inFlight: 11) == 16)
        #expect(feed.call(10) == 20)
        // ceil(10 · (1 − 10/11)) = 1, no more than log.
        feed = fresh()
        #expect(feed.call(11) == 16)
        // ceil(10 · (1 − 10/12)) = 2, below alpha: by log.
        feed = fresh()
        #expect(feed.call(12) == 11)
        // ceil(10 · (1 − 10/14)) = 3, between alpha and beta.
        feed = fresh()
        #expect(feed.call(14) == 10)
        // ceil(10 · (1 − 10/25)) = 6, still no more than beta; 7 is.
        feed = fresh()
        #expect(feed.call(25) == 10)
        #expect(feed.call(25.1) == 9)
        // ceil(9 · (1 − 10/50)) = 8.
        #expect(feed.call(50) == 8)
        // Below half use nothing changes, save by a drop.
        feed = fresh()
        #expect(feed.call(50, inFlight: 4) == 10)
        #expect(feed.call(50, inFlight: 5) == 9)
        #expect(feed.call(10, inFlight: 1, isDropped: true) == 8)
    }

    @Test(
        "Vegas: the logarithm is whole, and at least 1",
        arguments: [(5, 1), (20, 1), (99, 1), (100, 2), (999, 2), (1000, 3), (999_999, 5)])
    func logarithm(limit: Int, step: Int) {
        var feed = Feed(VegasLimit(initial: limit, maximum: 1_000_000))
        #expect(feed.call(10, isDropped: true) == limit - step)
        feed = Feed(VegasLimit(initial: limit, maximum: 1_000_000))
        feed.call(10)
        #expect(feed.call(10) == min(limit + 6 * step, 1_000_000))
    }

    @Test("Vegas: smoothing takes a part of each step; a shorter time is only noted; a drop is not")
    func vegasMeasuring() {
        var feed = Feed(VegasLimit(initial: 100, maximum: 200, smoothing: 0.5))
        #expect(feed.limit.shortestRoundTripTime == nil)
        feed.call(1, isDropped: true)
        #expect(feed.limit.shortestRoundTripTime == nil)
        feed = Feed(VegasLimit(initial: 100, maximum: 200, smoothing: 0.5))
        #expect(feed.call(10) == 100)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(10))
        #expect(feed.call(20) == 99)
        #expect(feed.call(20) == 98)
        #expect(feed.call(9) == 98)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(9))
        #expect(feed.call(9) == 101)
    }

    @Test("Vegas: the shortest time is measured again after 30 calls for each of the limit, times 0.5 to 1")
    func vegasProbe() {
        forSeeds(0..<20) { seed, _ in
            var feed = Feed(VegasLimit(initial: 20, maximum: 20))
            feed.limit.seed(from: .seeded(seed))
            var calls = 0
            while feed.limit.limit == 20, calls < 1000 {
                feed.call(10)
                calls += 1
            }
            #expect((300...600).contains(calls), "seed \(seed)")
            // Those that met more than half of the limit do not count, nor does a drop.
            #expect(feed.call(15, inFlight: 11) == 10)
            feed.call(3, isDropped: true)
            for _ in 1...9 { feed.call(15, inFlight: 10) }
            #expect(feed.limit.limit == 10 && feed.limit.shortestRoundTripTime == .milliseconds(10))
            feed.call(14, inFlight: 9)
            #expect(feed.limit.limit == 19 && feed.limit.shortestRoundTripTime == .milliseconds(14))
        }
    }

    @Test("a probe leaves out calls that were let through before it began, and lasts for some round trips")
    func probeStart() {
        var limit = VegasLimit(initial: 20, maximum: 20)
        var now: Int64 = 1_000_000
        func end(taking time: Int64) {
            limit.record(
                roundTripTime: .nanoseconds(time), inFlight: 10, isDropped: false, at: .init(nanoseconds: now))
        }
        while limit.limit == 20 {
            now += 1000
            end(taking: 1000)
        }
        now += 50
        for _ in 1...10 { end(taking: 51) }
        #expect(limit.limit == 10)
        for _ in 1...10 { end(taking: 50) }
        // It lasts for four usual round trips, for the first to come back may be the fastest; and one such probe is not
        // believed.
        #expect(limit.limit == 10)
        now += 4000
        end(taking: 50)
        #expect(limit.limit == 20 && limit.shortestRoundTripTime == .nanoseconds(1000))
    }

    @Test("a probe that measures nothing is given up")
    func probeGivenUp() {
        var feed = Feed(VegasLimit(initial: 20, maximum: 20))
        while feed.limit.limit == 20 { feed.call(10) }
        for _ in 1..<80 { feed.call(30, inFlight: 20) }
        #expect(feed.limit.limit == 10)
        feed.call(30, inFlight: 20)
        #expect(feed.limit.limit == 20 && feed.limit.shortestRoundTripTime == .milliseconds(10))
    }

    @Test("the seed decides when probes come, and different ones differ")
    func seeds() {
        func firstProbe(_ source: RandomSource) -> Int {
            var feed = Feed(VegasLimit(initial: 20, maximum: 20))
            feed.limit.seed(from: source)
            var calls = 0
            while feed.limit.limit == 20 {
                feed.call(10)
                calls += 1
            }
            return calls
        }
        #expect(firstProbe(.seeded(1)) == firstProbe(.seeded(1)))
        #expect(Set((0..<10).map { firstProbe(.seeded($0)) }).count > 5)
        _ = (firstProbe(.constant(0)), firstProbe(.constant(1)))
    }

    @Test("Gradient2: without a queue it grows by a fifth of the queue size")
    func gradientGrowth() {
        var feed = Feed(Gradient2Limit())
        #expect((1...5).map { _ in feed.call(10) } == [20, 21, 22, 23, 24])
        #expect(feed.limit.averageRoundTripTime == .milliseconds(10))
        // Up to 1.5 times as long.
        #expect(feed.call(10) == 24)
        for _ in 0..<300 where feed.limit.limit < 200 { feed.call(10) }
        #expect(feed.limit.limit == 200)
    }

    @Test("Gradient2: the gradient is 1 up to the tolerance, then tolerance · average/time, and at least 0.5")
    func gradient() {
        func fresh() -> Feed<Gradient2Limit> {
            var feed = Feed(Gradient2Limit(initial: 100, minimum: 1, smoothing: 1, queueSize: 4))
            for _ in 0..<10 { feed.call(10, inFlight: 1) }
            #expect(feed.limit.limit == 100)
            return feed
        }
        for (time, limit) in [(15, 104), (20, 79), (25, 64), (30, 54), (40, 54), (1000, 54)] as [(Double, Int)] {
            var feed = fresh()
            #expect(feed.call(time) == limit, "\(time)")
        }
        // With less than half of the limit in use, the limit stays and the average moves, by 2/601.
        var feed = fresh()
        #expect(feed.call(40, inFlight: 49) == 100)
        let average = feed.limit.averageRoundTripTime ?? .zero
        #expect(abs((average / .milliseconds(1)) - (10 + 30 * 2 / 601.0)) < 1e-5)
        #expect(feed.call(10, inFlight: 50) == 104)
        // A drop: half, whatever time it took; and no part of the average.
        feed = fresh()
        #expect(feed.call(1, isDropped: true) == 50)
        #expect(feed.limit.averageRoundTripTime == .milliseconds(10))
        // Once calls are usually more than twice as fast as on average, that comes down by a twentieth for each; a
        // single one does not do it.
        feed = fresh()
        feed.call(4)
        #expect(feed.limit.averageRoundTripTime == .milliseconds(10))
        for _ in 0..<60 { feed.call(4) }
        #expect((.milliseconds(7)...(.milliseconds(9))).contains(feed.limit.averageRoundTripTime ?? .zero))
    }

    @Test("Gradient2: the average of a probe counts from then on")
    func gradientProbe() {
        var feed = Feed(Gradient2Limit(initial: 100, minimum: 1, maximum: 100))
        var calls = 0
        while feed.limit.limit == 100 {
            feed.call(10)
            calls += 1
        }
        #expect((300...600).contains(calls) && feed.limit.limit == 50)
        for time in 21...30 { feed.call(Double(time), inFlight: 50) }
        #expect(feed.limit.limit == 100)
        #expect(feed.limit.averageRoundTripTime == .milliseconds(25.5))
    }
}
