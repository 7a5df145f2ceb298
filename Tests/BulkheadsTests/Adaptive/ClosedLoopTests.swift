import Bulkheads
import ResilienceCore
import TestSupport
import Testing

/// Each algorithm against a simulated service with three times the load it can serve: the limit settles near what the
/// service can do at once (its workers), follows when that changes, and stays when nobody asks for more.
@Suite struct ClosedLoopTests {
    /// How long a phase lasts, and how much of it is for settling.
    private struct Phases {
        var length: Duration = .seconds(10)
        var settling: Duration = .seconds(5)
        var seeds = 3
    }

    /// Runs 20 workers, then 10, then 40.
    ///
    /// - Parameters:
    ///   - band: Where the average limit has to be, as multiples of the workers.
    ///   - share: Which share of the service's capacity has to be used.
    private func follow(
        _ limit: some ConcurrencyLimit, band: ClosedRange<Double>, share: Double, phases: Phases = Phases(),
        variation: Double = 0.3, queueCapacity: Int = .max, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        forSeeds(seeds(phases.seeds, from: 1)) { seed, _ in
            var simulation = Simulation(limit, workers: 20, seed: seed)
            simulation.variation = variation
            simulation.queueCapacity = queueCapacity
            for workers in [20, 10, 40] {
                simulation.workers = workers
                let report = simulation.run(
                    for: phases.length, rate: Double(workers) * 300, settling: phases.settling)
                let told: Comment = "seed \(seed), \(workers) workers: \(report)"
                #expect(band.contains(report.average / Double(workers)), told, sourceLocation: sourceLocation)
                #expect(report.throughput >= share * Double(workers) * 100, told, sourceLocation: sourceLocation)
            }
        }
    }

    @Test("AIMD, by refusals of a service with a short queue")
    func aimd() {
        follow(AIMDLimit(minimum: 1), band: 0.9...2.2, share: 0.97, queueCapacity: 10)
        follow(
            WindowedLimit(AIMDLimit(minimum: 1), window: .milliseconds(100)), band: 0.9...2.2, share: 0.97,
            queueCapacity: 10)
    }

    @Test("Vegas, by single calls and by averages")
    func vegas() {
        follow(VegasLimit(), band: 0.9...2, share: 0.93)
        follow(VegasLimit(), band: 1...2, share: 0.93, variation: 0)
        follow(WindowedLimit(VegasLimit(), window: .milliseconds(100)), band: 1...1.8, share: 0.97)
    }

    @Test("Gradient2, by single calls and by averages")
    func gradient2() {
        follow(Gradient2Limit(minimum: 1), band: 1.2...2.4, share: 0.95)
        follow(
            WindowedLimit(Gradient2Limit(minimum: 1), window: .milliseconds(100)), band: 1.2...2.6, share: 0.95,
            phases: Phases(length: .seconds(90), settling: .seconds(50), seeds: 1))
    }

    @Test("an overload that lasts does not drive the limit up")
    func noDrift() {
        func drift(_ limit: some ConcurrencyLimit, below bound: Double) {
            var simulation = Simulation(limit, workers: 10)
            let first = simulation.run(for: .seconds(30), rate: 1500, settling: .seconds(20))
            let last = simulation.run(for: .seconds(90), rate: 1500, settling: .seconds(80))
            #expect(first.average < bound && last.average < bound, "\(first), \(last)")
            #expect(last.average < first.average * 1.2 + 2, "\(first), \(last)")
        }
        drift(VegasLimit(), below: 22)
        drift(Gradient2Limit(minimum: 1), below: 25)
    }

    @Test("calls that all time out drive every limit down, though their times do not vary")
    func stableTimeouts() {
        func fall(_ limit: some ConcurrencyLimit) {
            var limit = limit
            for second in 1...200 {
                limit.record(
                    roundTripTime: .seconds(1), inFlight: limit.limit, isDropped: true,
                    at: .init(nanoseconds: Int64(second) * 1_000_000_000))
            }
            #expect(limit.limit == 1)
        }
        fall(AIMDLimit(initial: 100, minimum: 1))
        fall(VegasLimit(initial: 100))
        fall(Gradient2Limit(initial: 100, minimum: 1))
        fall(WindowedLimit(Gradient2Limit(initial: 100, minimum: 1), minimumSamples: 1))
    }

    @Test("the limit does not grow while the application asks for little")
    func idle() {
        func rest(_ limit: some ConcurrencyLimit) {
            let initial = limit.limit
            var simulation = Simulation(limit, workers: 100)
            // 200 calls a second that take 10 ms: two or three at once.
            let report = simulation.run(for: .seconds(60), rate: 200)
            #expect(report.highest == initial, "\(report)")
            #expect(report.lowest >= initial / 2 && report.mostInFlight <= 4, "\(report)")
        }
        rest(AIMDLimit())
        rest(VegasLimit())
        rest(Gradient2Limit())
        rest(WindowedLimit(VegasLimit(), window: .milliseconds(100)))
    }

    @Test("a service that becomes slower, without a queue, is not throttled forever")
    func slowdown() {
        func adapt(_ limit: some ConcurrencyLimit) {
            var simulation = Simulation(limit, workers: 40)
            _ = simulation.run(for: .seconds(5), rate: 12_000)
            simulation.serviceTime *= 4
            let report = simulation.run(for: .seconds(60), rate: 3000, settling: .seconds(40))
            #expect((0.9 * 40...2.6 * 40).contains(report.average), "\(report)")
            #expect(report.throughput > 0.9 * 1000, "\(report)")
        }
        adapt(VegasLimit())
        adapt(Gradient2Limit(minimum: 1))
    }
}
