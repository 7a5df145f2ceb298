import Bulkheads
import ResilienceCore

/// A service with so many workers and a queue, and callers that keep to a limit: a closed loop in virtual time.
///
/// Callers arrive at a steady rate, give or take a half; who finds the limit in use goes away. A call that finds all
/// workers busy waits in the order of arrival; one that finds the queue full is refused after a millisecond.
struct Simulation<Limit: ConcurrencyLimit> {
    var limit: Limit
    var workers: Int
    var serviceTime: Double
    /// How much a service time varies, as a share of it, to both sides.
    var variation = 0.0
    var queueCapacity = Int.max
    /// A call that takes longer is dropped, in nanoseconds; it is the service that notices, when it has done the work.
    var timeout = Double.infinity

    /// Calls that are answered without a worker, from a cache say, after so many nanoseconds.
    var fast: (share: Double, time: Double) = (0, 0)
    /// Another kind of work: so much of it, and how many times as long it takes.
    var slow: (share: Double, factor: Double) = (0, 1)
    /// The number of a call that is measured wrongly, and by how much, in nanoseconds.
    var outlier: (call: Int, by: Double)?
    private var recorded = 0

    private(set) var now = 0.0
    private var nextArrival = 0.0
    private var running = 0
    private var queue: [Call] = []
    /// The calls that will end, by time, the next one last.
    private var ends: [(time: Double, call: Call, isRefusal: Bool, isFast: Bool)] = []
    private var inFlight = 0
    private var random: SplitMix64

    struct Call {
        let start: Double
        let inFlight: Int
    }

    /// What was seen during a run.
    struct Report {
        var average = 0.0
        var lowest = Int.max
        var highest = 0
        /// Calls that succeeded, each second.
        var throughput = 0.0
        var mostInFlight = 0
    }

    init(_ limit: Limit, workers: Int, serviceTime: Duration = .milliseconds(10), seed: UInt64 = 1) {
        self.limit = limit
        self.workers = workers
        self.serviceTime = Double(serviceTime.saturatedNanoseconds)
        random = SplitMix64(seed: seed)
    }

    /// Lets time pass.
    ///
    /// - Parameters:
    ///   - rate: How many callers arrive each second.
    ///   - settling: How much of the time is left out of the report.
    mutating func run(
        for duration: Duration, rate: Double, settling: Duration = .zero
    ) -> Report {
        let end = now + Double(duration.saturatedNanoseconds)
        let begin = now + Double(settling.saturatedNanoseconds)
        var report = Report()
        var (area, last) = (0.0, begin)
        while true {
            let time = min(ends.last?.time ?? .infinity, nextArrival)
            guard time < end else { break }
            if time > begin {
                let current = limit.limit
                area += Double(current) * (time - last)
                last = time
                report.lowest = min(report.lowest, current)
                report.highest = max(report.highest, current)
                report.mostInFlight = max(report.mostInFlight, inFlight)
            }
            now = time
            if time == nextArrival {
                arrive()
                nextArrival = time + 1e9 / rate * Double.random(in: 0.5...1.5, using: &random)
            } else if finish(), time > begin {
                report.throughput += 1
            }
        }
        now = end
        report.average = area / max(1, last - begin)
        report.throughput /= (end - begin) / 1e9
        return report
    }

    private mutating func arrive() {
        guard inFlight < limit.limit else { return }
        inFlight += 1
        let call = Call(start: now, inFlight: inFlight)
        if fast.share > 0, Double.random(in: 0..<1, using: &random) < fast.share {
            schedule(call, at: now + fast.time, isRefusal: true, isFast: true)
        } else if running < workers {
            serve(call)
        } else if queue.count < queueCapacity {
            queue.append(call)
        } else {
            schedule(call, at: now + 1e6, isRefusal: true)
        }
    }

    private mutating func serve(_ call: Call) {
        running += 1
        let factor = variation > 0 ? 1 + variation * Double.random(in: -1...1, using: &random) : 1
        let isSlow = slow.share > 0 && Double.random(in: 0..<1, using: &random) < slow.share
        schedule(call, at: now + serviceTime * factor * (isSlow ? slow.factor : 1), isRefusal: false)
    }

    private mutating func schedule(_ call: Call, at time: Double, isRefusal: Bool, isFast: Bool = false) {
        let index = ends.lastIndex { $0.time >= time }.map { $0 + 1 } ?? 0
        ends.insert((time, call, isRefusal, isFast), at: index)
    }

    /// Ends the next call.
    ///
    /// - Returns: Whether the service did it.
    private mutating func finish() -> Bool {
        guard let (_, call, isRefusal, isFast) = ends.popLast() else { return false }
        inFlight -= 1
        if !isRefusal {
            running -= 1
            while running < workers, !queue.isEmpty { serve(queue.removeFirst()) }
        }
        let time = now - call.start
        let isDropped = !isFast && (isRefusal || time > timeout)
        recorded += 1
        let error = recorded == outlier?.call ? outlier?.by ?? 0 : 0
        limit.record(
            roundTripTime: .nanoseconds(Int64(time + error)), inFlight: call.inFlight, isDropped: isDropped,
            at: .init(nanoseconds: Int64(now + error)))
        return !isDropped && !isFast
    }
}
