import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Duration histograms")
struct HistogramMetricsTests {
    @Test("a duration is in the first bucket that it does not exceed")
    func bounds() throws {
        let histogram = DurationHistogram(try HistogramBuckets([.milliseconds(1), .milliseconds(10)]))
        for nanoseconds in [-5, 0, 1, 1_000_000, 1_000_001, 10_000_000, 10_000_001, .max] as [Int64] {
            histogram.record(.nanoseconds(nanoseconds))
        }
        let snapshot = histogram.snapshot
        #expect(snapshot.counts == [4, 2, 2])
        #expect(snapshot.count == 8)
        let first: [Int64] = [1, 1_000_000, 1_000_001, 10_000_000, 10_000_001]
        let expected = Duration.nanoseconds(first.reduce(0, +)) + .nanoseconds(Int64.max)
        #expect(snapshot.sum == expected)
    }

    @Test("the sum goes on past what one word holds")
    func longSum() {
        let histogram = DurationHistogram()
        for _ in 0..<5 { histogram.record(.nanoseconds(Int64.max)) }
        #expect(histogram.snapshot.sum == .nanoseconds(Int64.max) * 5)
        #expect(histogram.snapshot.counts.last == 5)
    }

    @Test("the standard buckets increase from 1 ms to 10 s")
    func standard() throws {
        let bounds = HistogramBuckets.standard.bounds
        #expect(bounds.first == .milliseconds(1) && bounds.last == .seconds(10) && bounds.count == 13)
        #expect(bounds.contains(.microseconds(2500)))
        #expect(try HistogramBuckets(bounds) == .standard)
    }

    @Test("the standard buckets are those that their description names")
    func standardBounds() {
        let milliseconds: [Double] = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]
        #expect(HistogramBuckets.standard.bounds == milliseconds.map { .microseconds(Int($0 * 1_000)) })
    }

    @Test("there are 1 to 100 bounds, whichever way they are given", arguments: [0, 1, 2, 99, 100, 101])
    func numberOfBounds(count: Int) throws {
        let isValid = (1...100).contains(count)
        let exponential = try? HistogramBuckets.exponential(from: .seconds(1), factor: 1.01, count: count)
        #expect(exponential?.bounds.count == (isValid ? count : nil))
        let given = try? HistogramBuckets((0..<count).map { .seconds($0 + 1) })
        #expect(given?.bounds.count == (isValid ? count : nil))
    }

    @Test("exponential buckets")
    func exponential() throws {
        let buckets = try HistogramBuckets.exponential(from: .milliseconds(2), factor: 3, count: 3)
        #expect(buckets.bounds == [.milliseconds(2), .milliseconds(6), .milliseconds(18)])
        #expect(throws: ConfigurationError.self) {
            try HistogramBuckets.exponential(from: .zero, factor: 1, count: 0)
        }
        // The later bounds do not fit into what an instant can hold, and are no wider than the last.
        #expect(throws: ConfigurationError.self) {
            try HistogramBuckets.exponential(from: .seconds(1), factor: 1000, count: 100)
        }
    }

    @Test("a factor is from 1.01 to 1000, and the first bound 1 ns or more; all that is wrong is told")
    func factors() throws {
        for factor in [1.01, 1.5, 999.5, 1000] {
            let bounds = try HistogramBuckets.exponential(from: .seconds(1), factor: factor, count: 2).bounds
            #expect(bounds == [.seconds(1), Duration.seconds(1).multipliedSaturated(by: factor)])
        }
        for factor in [1.0099, 1, 0, -2, 1000.01, .infinity, .nan] {
            let error = #expect(throws: ConfigurationError.self) {
                try HistogramBuckets.exponential(from: .seconds(1), factor: factor, count: 2)
            }
            #expect(error?.faults.map(\.field) == ["buckets.factor"])
        }
        #expect(try HistogramBuckets.exponential(from: .nanoseconds(1), count: 3).bounds.last == .nanoseconds(4))
        let all = #expect(throws: ConfigurationError.self) {
            try HistogramBuckets.exponential(from: .zero, factor: 0, count: 0)
        }
        #expect(all?.faults.map(\.field) == ["buckets.first", "buckets.factor", "buckets.count"])
        // Of bounds that were not asked for in a way that makes sense, nothing else is told.
        let tooMany = #expect(throws: ConfigurationError.self) {
            try HistogramBuckets.exponential(from: .seconds(1), count: 101)
        }
        #expect(tooMany?.faults.map(\.field) == ["buckets.count"])
    }

    @Test("bounds that do not increase, or are too many, are reported together")
    func faults() {
        do throws(ConfigurationError) {
            _ = try HistogramBuckets([.seconds(1), .seconds(1), .zero])
            Issue.record("accepted")
        } catch {
            #expect(error.faults.map(\.field) == ["buckets.2", "buckets.1", "buckets.2"])
        }
        #expect(throws: ConfigurationError.self) { try HistogramBuckets([]) }
        #expect(throws: ConfigurationError.self) { try HistogramBuckets((1...101).map { .seconds($0) }) }
    }

    @Test("two histograms of the same buckets are added bucket by bucket, and others not at all")
    func adding() throws {
        let buckets = try HistogramBuckets([.nanoseconds(1), .nanoseconds(10)])
        func snapshot(_ buckets: HistogramBuckets, _ nanoseconds: [Int64]) -> DurationHistogram.Snapshot {
            let histogram = DurationHistogram(buckets)
            for nanoseconds in nanoseconds { histogram.record(.nanoseconds(nanoseconds)) }
            return histogram.snapshot
        }
        let rows: [(one: [Int64], two: [Int64])] = [
            ([], []), ([1], []), ([], [5, 20]), ([1, 2, 30], [1, 1, 9]), ([.max, .max, .max], [.max, .max]),
        ]
        for (one, two) in rows {
            let sum = snapshot(buckets, one).adding(snapshot(buckets, two))
            #expect(sum == snapshot(buckets, one + two))
            #expect(sum?.sum == (one + two).reduce(.zero) { $0 + .nanoseconds($1) })
        }
        for other in [[1], [1, 11], [1, 10, 100]] {
            let other = snapshot(try HistogramBuckets(other.map { .nanoseconds($0) }), [1])
            #expect(snapshot(buckets, [1]).adding(other) == nil && other.adding(snapshot(buckets, [1])) == nil)
        }
    }

    @Test("a sum that does not fit any more is the longest, and so is a number of durations")
    func fullSum() throws {
        let histogram = DurationHistogram()
        histogram.record(.nanoseconds(Int64.max))
        var snapshot = histogram.snapshot
        for doubling in 1...150 {
            let doubled = try #require(snapshot.adding(snapshot))
            #expect(doubled.sum >= snapshot.sum, "\(doubling)")
            snapshot = doubled
            #expect(snapshot.count == (doubling < 63 ? 1 << doubling : .max), "\(doubling)")
        }
        #expect(snapshot.sum.components == (.max, 999_999_999_000_000_000) && snapshot.nanoseconds == .max)
    }

    @Test("sorting agrees with a plain model")
    func model() throws {
        try forSeeds(1...200) { seed, random in
            let bounds = Set(
                (0..<Int.random(in: 1...20, using: &random)).map { _ in
                    Int64.random(in: 1...1000, using: &random)
                }
            ).sorted()
            let histogram = DurationHistogram(try HistogramBuckets(bounds.map { .nanoseconds($0) }))
            var counts = [Int](repeating: 0, count: bounds.count + 1)
            var sum: Int64 = 0
            for _ in 0..<200 {
                let value = Int64.random(in: 0...1100, using: &random)
                histogram.record(.nanoseconds(value))
                counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
                sum += value
            }
            #expect(histogram.snapshot.counts == counts, "seed \(seed)")
            #expect(histogram.snapshot.sum == .nanoseconds(sum), "seed \(seed)")
        }
    }

    @Test("nothing is lost under contention, and no reading goes back")
    func contention() async {
        let histogram = DurationHistogram()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for call in 0..<2000 { histogram.record(.microseconds(call * (task + 1))) }
                }
            }
            group.addTask {
                var before = histogram.snapshot
                for _ in 0..<500 {
                    let now = histogram.snapshot
                    #expect(zip(before.counts, now.counts).allSatisfy { $0 <= $1 })
                    #expect(before.sum <= now.sum)
                    before = now
                }
            }
        }
        #expect(histogram.snapshot.count == 16_000)
        #expect(histogram.snapshot.sum == .microseconds(1999 * 1000 * 36))
    }

    #if canImport(Glibc) && !THREAD_SANITIZER
        @Test("what a histogram takes is given back with it")
        func memory() async {
            // In a process of its own, where nothing else takes memory.
            await #expect(processExitsWith: .success) {
                let buckets = try HistogramBuckets((1...100).map { .seconds($0) })
                func make(_ count: Int) { for _ in 0..<count { DurationHistogram(buckets).record(.seconds(1)) } }
                func peak() -> Int {
                    var usage = rusage()
                    getrusage(0, &usage)  // Of this process.
                    return usage.ru_maxrss * 1024
                }
                make(100)
                let before = peak()
                make(20_000)
                // Each of its two blocks has 800 bytes or more.
                #expect(peak() - before < 800 * 10_000)
            }
        }
    #endif
}
