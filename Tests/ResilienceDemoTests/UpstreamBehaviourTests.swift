import Testing

@testable import ResilienceDemo

@Suite("Behaviour of the upstream")
struct UpstreamBehaviourTests {
    private func fates(_ behaviour: UpstreamBehaviour, seed: UInt64 = 1) -> [UpstreamBehaviour.Fate] {
        (0..<2_000).map { behaviour.fate(ofRequest: $0, seed: seed) }
    }

    @Test(arguments: Phase.allCases)
    func `The same request meets the same fate`(phase: Phase) {
        let behaviour = UpstreamBehaviour.during(phase)
        #expect(fates(behaviour) == fates(behaviour))
        #expect(fates(behaviour) != fates(behaviour, seed: 2))
    }

    @Test func `Slow, every request is served`() {
        #expect(fates(.during(.slow)).allSatisfy { $0.answer == .ok })
    }

    @Test(arguments: [Phase.healthy, .recovered])
    func `Also a healthy upstream refuses some requests`(phase: Phase) {
        let answers = fates(.during(phase)).map(\.answer)
        #expect(answers.allSatisfy { $0 != .reset })
        #expect(abs(Double(answers.count { $0 == .unavailable }) / Double(answers.count) - 0.03) < 0.02)
    }

    @Test func `Failing, most requests get no good answer`() {
        let answers = fates(.during(.failing)).map(\.answer)
        let share = { (answer: UpstreamBehaviour.Answer) in
            Double(answers.count { $0 == answer }) / Double(answers.count)
        }
        #expect(abs(share(.unavailable) - 0.7) < 0.05)
        #expect(abs(share(.reset) - 0.15) < 0.05)
        #expect(abs(share(.ok) - 0.15) < 0.05)
    }

    @Test func `Work stays within its jitter`() {
        let works = fates(.during(.slow)).map(\.work)
        #expect(works.allSatisfy { $0 >= .milliseconds(320) && $0 <= .milliseconds(480) })
        #expect((works.max() ?? .zero) > .milliseconds(470))
        #expect((works.min() ?? .zero) < .milliseconds(330))
    }

    @Test func `Only down is the port closed`() {
        #expect(Phase.allCases.filter { !UpstreamBehaviour.during($0).isListening } == [.down])
    }
}

@Suite("Workers of the upstream")
struct WorkerPoolTests {
    private let start = ContinuousClock.now
    private let fate = { (_: WorkerPool.Job) in UpstreamBehaviour.Fate(work: .milliseconds(10), answer: .ok) }

    private func step(_ pool: inout WorkerPool, _ milliseconds: Int) -> [UInt64] {
        pool.step(now: start.advanced(by: .milliseconds(milliseconds)), fate: fate).map(\.job.request)
    }

    @Test func `As many requests as there are workers run at once, the others in order`() {
        var pool = WorkerPool(workers: 2)
        for request in 1...5 as ClosedRange<UInt64> { pool.add(.init(connection: 0, request: request)) }
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

    @Test func `Cleared, it forgets what ran and what waited`() {
        var pool = WorkerPool(workers: 1)
        for request in 1...3 as ClosedRange<UInt64> { pool.add(.init(connection: 0, request: request)) }
        #expect(step(&pool, 0) == [])
        pool.clear()
        #expect(pool.nextEnd == nil)
        #expect(step(&pool, 100) == [])
    }
}
