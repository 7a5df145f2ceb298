import Testing

@testable import ResilienceDemo

@Suite("Behaviour of the upstream")
struct UpstreamBehaviourTests {
    private func fates(_ behaviour: UpstreamBehaviour, seed: UInt64 = 1) -> [UpstreamBehaviour.Fate] {
        (0..<2_000).map { behaviour.fate(ofRequest: $0, seed: seed) }
    }

    @Test("The same request meets the same fate", arguments: Phase.allCases)
    func sameFate(phase: Phase) {
        let behaviour = UpstreamBehaviour.during(phase)
        #expect(fates(behaviour) == fates(behaviour))
        #expect(fates(behaviour) != fates(behaviour, seed: 2))
    }

    @Test("A slow or overloaded upstream serves every request", arguments: [Phase.slow, .overloaded])
    func slowOrOverloaded(phase: Phase) {
        #expect(fates(.during(phase)).allSatisfy { $0.answer == .ok })
    }

    @Test("Even a healthy upstream refuses some requests", arguments: [Phase.healthy, .recovered, .calm])
    func healthy(phase: Phase) {
        let answers = fates(.during(phase)).map(\.answer)
        #expect(answers.allSatisfy { $0 != .reset })
        #expect(abs(Double(answers.count { $0 == .unavailable }) / Double(answers.count) - 0.03) < 0.02)
    }

    @Test("A failing upstream gives most requests no good answer")
    func failing() {
        let answers = fates(.during(.failing)).map(\.answer)
        let share = { (answer: UpstreamBehaviour.Answer) in
            Double(answers.count { $0 == answer }) / Double(answers.count)
        }
        #expect(abs(share(.unavailable) - 0.7) < 0.05)
        #expect(abs(share(.reset) - 0.15) < 0.05)
        #expect(abs(share(.ok) - 0.15) < 0.05)
    }

    @Test("Work stays within its jitter")
    func workJitter() {
        let works = fates(.during(.slow)).map(\.work)
        #expect(works.allSatisfy { $0 >= .milliseconds(320) && $0 <= .milliseconds(480) })
        #expect((works.max() ?? .zero) > .milliseconds(470))
        #expect((works.min() ?? .zero) < .milliseconds(330))
    }

    @Test("The port is closed only while the upstream is down")
    func portClosed() {
        #expect(Phase.allCases.filter { !UpstreamBehaviour.during($0).isListening } == [.down])
    }
}

@Suite("Workers of the upstream")
struct WorkerPoolTests {
    private let start = ContinuousClock.now

    private func job(_ order: UInt64, work: Duration = .milliseconds(10)) -> WorkerPool.Job {
        .init(connection: 0, order: order, fate: .init(work: work, answer: .ok))
    }

    private func step(_ pool: inout WorkerPool, _ milliseconds: Int) -> [UInt64] {
        pool.step(now: start.advanced(by: .milliseconds(milliseconds))).map(\.order)
    }

    @Test("As many requests as there are workers run at once, the others in order")
    func workers() {
        var pool = WorkerPool(workers: 2)
        for order in 1...5 as ClosedRange<UInt64> { pool.add(job(order)) }
        #expect(pool.canStartWork)
        #expect(step(&pool, 0) == [])
        #expect(!pool.canStartWork)
        #expect(pool.nextEnd == start.advanced(by: .milliseconds(10)))
        #expect(step(&pool, 9) == [])
        #expect(step(&pool, 10) == [1, 2])
        #expect(step(&pool, 20) == [3, 4])
        #expect(step(&pool, 30) == [5])
        #expect(pool.nextEnd == nil)
    }

    @Test("A cleared upstream forgets what ran and what waited")
    func cleared() {
        var pool = WorkerPool(workers: 1)
        for order in 1...3 as ClosedRange<UInt64> { pool.add(job(order)) }
        #expect(step(&pool, 0) == [])
        pool.clear()
        #expect(pool.nextEnd == nil)
        #expect(step(&pool, 100) == [])
    }

    @Test("A waiting request keeps the work that it came with")
    func waitingRequest() {
        var pool = WorkerPool(workers: 1)
        pool.add(job(1, work: .milliseconds(100)))
        pool.add(job(2, work: .milliseconds(50)))
        #expect(step(&pool, 0) == [])
        pool.add(job(3, work: .milliseconds(1)))
        #expect(step(&pool, 100) == [1])
        #expect(step(&pool, 149) == [])
        #expect(step(&pool, 150) == [2])
        #expect(step(&pool, 151) == [3])
    }

    /// How many of the calls that come in the phase are answered before a caller gives up after a second.
    private func answeredInTime(callRate: Double, seed: UInt64) -> Double {
        let behaviour = UpstreamBehaviour.during(.overloaded)
        let arrivals = Traffic(seed: seed, callRate: callRate, length: .seconds(4)).arrivals
        var pool = WorkerPool(workers: 8)
        var answered = 0
        func work(until moment: Duration) {
            while let end = pool.nextEnd, end <= start.advanced(by: moment) {
                for job in pool.step(now: end) where end <= start.advanced(by: arrivals[Int(job.order)] + .seconds(1)) {
                    answered += 1
                }
            }
        }
        for (number, moment) in arrivals.enumerated() {
            work(until: moment)
            let fate = behaviour.fate(ofRequest: UInt64(number), seed: seed)
            pool.add(.init(connection: 0, order: UInt64(number), fate: fate))
            _ = pool.step(now: start.advanced(by: moment))
        }
        work(until: .seconds(60))
        return Double(answered) / Double(max(1, arrivals.count))
    }

    @Test(
        "Under three times its load, most answers come after their callers have left; with its load, none",
        arguments: 1...20 as ClosedRange<UInt64>)
    func tripleLoad(
        seed: UInt64
    ) {
        // With each second of it the queue grows by two seconds' work: only calls of the first half second are in time.
        let overloaded = answeredInTime(callRate: 240, seed: seed)
        #expect(overloaded > 0.05 && overloaded < 0.25, "seed \(seed)")
        #expect(answeredInTime(callRate: 60, seed: seed) == 1, "seed \(seed)")
    }
}
