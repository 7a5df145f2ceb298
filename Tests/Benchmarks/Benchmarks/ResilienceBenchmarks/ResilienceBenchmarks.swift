import Benchmark
import CallRows

/// Nanoseconds per call of every row.
let benchmarks: @Sendable () -> Void = {
    for row in Row.all {
        // A thousand calls a sample, so that most samples are not interrupted; with two callers a million, because it
        // takes the second one longer than a thousand calls to be woken.
        let configuration = Benchmark.Configuration(
            metrics: [.wallClock],
            timeUnits: .nanoseconds,
            warmupIterations: row.callers == 1 ? 10 : 1,
            scalingFactor: row.callers == 1 ? .kilo : .mega,
            maxDuration: row.callers == 1 ? .milliseconds(500) : .seconds(2),
            maxIterations: .mega(1))
        Benchmark(row.name, configuration: configuration) { benchmark, loop in
            try await loop(benchmark.scaledIterations.count)
        } setup: {
            try row.prepared()
        }
    }
}
