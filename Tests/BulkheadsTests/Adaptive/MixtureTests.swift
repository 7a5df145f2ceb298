import ResilienceCore
import TestSupport
import Testing

@testable import Bulkheads

/// Each algorithm against a service whose calls do not all take equally long, or are not all measured rightly, under
/// twice the load it can serve: no limit runs to its maximum, and none starves the service.
@Suite struct MixtureTests {
    struct Algorithm: Sendable, CustomStringConvertible {
        let description: String
        let make: @Sendable () -> any ConcurrencyLimit
        var queueCapacity = Int.max
        /// A window takes longer to settle.
        var settling: Duration = .seconds(6)
    }

    static let algorithms = [
        Algorithm(description: "AIMD", make: { AIMDLimit(minimum: 1, maximum: 1000) }, queueCapacity: 20),
        Algorithm(description: "Vegas", make: { VegasLimit() }),
        Algorithm(description: "Gradient2", make: { Gradient2Limit(minimum: 1, maximum: 1000) }),
        Algorithm(
            description: "Vegas, windowed", make: { WindowedLimit(VegasLimit(), window: .milliseconds(100)) },
            settling: .seconds(20)),
        Algorithm(
            description: "Gradient2, windowed",
            make: { WindowedLimit(Gradient2Limit(minimum: 1, maximum: 1000), window: .milliseconds(100)) },
            settling: .seconds(50)),
        Algorithm(
            description: "AIMD, windowed",
            make: { WindowedLimit(AIMDLimit(minimum: 1, maximum: 1000), window: .milliseconds(100)) },
            queueCapacity: 20, settling: .seconds(20)),
    ]

    /// Runs a service for a while, and compares the limit with the workers and the work with what they
    /// can do.
    private func settles(
        _ algorithm: Algorithm, upTo highest: Double = 3.2, share: Double = 0.85, workers: Int = 20, work: Double = 1,
        sourceLocation: SourceLocation = #_sourceLocation, _ shape: (inout Simulation<AnyLimit>) -> Void
    ) {
        let capacity = Double(workers) * 100 / work
        forSeeds(1...1) { seed, _ in
            var simulation = Simulation(AnyLimit(algorithm.make()), workers: workers, seed: seed)
            simulation.queueCapacity = algorithm.queueCapacity
            simulation.variation = 0.2
            shape(&simulation)
            let report = simulation.run(
                for: algorithm.settling + .seconds(4), rate: 2 * capacity, settling: algorithm.settling)
            let told: Comment = "\(algorithm), seed \(seed): \(report)"
            #expect(report.average <= highest * Double(workers), told, sourceLocation: sourceLocation)
            #expect(report.throughput >= share * capacity, told, sourceLocation: sourceLocation)
        }
    }

    @Test("one call in a hundred is answered at once", arguments: algorithms, part(of: [1e5, 0, 3e6]))
    func fewFast(algorithm: Algorithm, time: Double) {
        settles(algorithm) { $0.fast = (0.01, time) }
    }

    @Test("one in ten, or one in four", arguments: algorithms, part(of: [0.1, 0.25]))
    func someFast(algorithm: Algorithm, share: Double) {
        settles(algorithm) { $0.fast = (share, 2e5) }
    }

    @Test(
        "the service does two kinds of work", arguments: algorithms, part(of: [(0.5, 10.0), (0.1, 20.0), (0.5, 2.0)]))
    func bimodal(algorithm: Algorithm, slow: (share: Double, factor: Double)) {
        let work = 1 - slow.share + slow.share * slow.factor
        settles(algorithm, upTo: 6, share: 0.4, work: work) { $0.slow = slow }
    }

    @Test(
        "one call is measured with a clock that is half an hour ahead, or behind, or stands still",
        arguments: algorithms, part(of: [15, 1, 700]))
    func outlier(algorithm: Algorithm, call: Int) {
        for error in [1.8e12, -1.8e12] {
            settles(algorithm, share: 0.7, workers: 30) { $0.outlier = (call, error) }
        }
    }
}

/// Any limit, so that one test goes through all of them.
struct AnyLimit: ConcurrencyLimit {
    private var base: any ConcurrencyLimit

    init(_ base: any ConcurrencyLimit) { self.base = base }

    var limit: Int { base.limit }

    mutating func record(roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant) {
        base.record(roundTripTime: roundTripTime, inFlight: inFlight, isDropped: isDropped, at: now)
    }
}
