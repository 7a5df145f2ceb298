import ResilienceCore
import Testing

@testable import CircuitBreakers

/// How soon a node tells its store, tries it again, and wakes up, to the millisecond.
@Suite struct FleetTimingTests {
    /// A node alone with its clock: what comes is scripted, and what it does is written down.
    private struct Stage {
        var state: FleetCircuitState
        var view = FleetView()
        var now = TimeSource.Instant(nanoseconds: 0)
        /// When calls fail, in milliseconds.
        var failures: [Int] = []
        /// When the store was told, in milliseconds, rounded down.
        var told: [Int] = []
        var reports: [CircuitReport] = []
        /// When it woke up.
        var woke: [Int] = []
        var reply = SharedCircuit.new

        init(
            trip: SharedCircuitRule.Trip = .failures(6), tick: Duration = .seconds(1),
            maxRetryDelay: Duration = .seconds(5), random: Double = 0.5
        ) {
            let configuration = FleetCircuit.Configuration(
                rule: .init(trip: trip), tick: tick, maxRetryDelay: maxRetryDelay)
            state = FleetCircuitState(
                circuit: "payments", node: "me", configuration, .constant(random), FleetView())
        }

        var milliseconds: Int { Int(now.nanoseconds / 1_000_000) }

        static func at(_ milliseconds: Int) -> TimeSource.Instant {
            .init(nanoseconds: Int64(milliseconds) * 1_000_000)
        }

        /// Does what the state says until a moment, and answers whatever it tells.
        mutating func run(until end: Int) {
            var hasFailed = false
            while now < Self.at(end) {
                woke.append(milliseconds)
                let step = state.next(view, hasFailed: hasFailed, now: now).decision
                hasFailed = false
                switch step {
                case .exchange(let report):
                    told.append(milliseconds)
                    reports.append(report)
                    _ = state.answered(reply, to: report, sent: now, view, now: now)
                    reply.wasEmpty = false
                case .wait(let until, let wakesOnFailure):
                    now = min(until, Self.at(end))
                    if wakesOnFailure, let first = failures.first { now = min(now, Self.at(first)) }
                    while let first = failures.first, Self.at(first) <= now {
                        view.totals.failed += 1
                        failures.removeFirst()
                        hasFailed = true
                    }
                }
            }
        }
    }

    @Test("A node without calls tells the store every fifth tick, and for ten ticks after it may have missed something")
    func idle() {
        var stage = Stage()
        stage.run(until: 20_000)
        #expect(stage.told == [0, 1_000, 6_000, 11_000, 16_000])
        stage.told = []
        stage.state.missedChanges()
        stage.run(until: 40_000)
        #expect(stage.told == (20...29).map { $0 * 1000 } + [34_000, 39_000])
    }

    @Test("A node with calls tells the store at each tick")
    func busy() {
        var stage = Stage()
        for second in 0..<5 {
            stage.view.totals.succeeded += 1
            stage.run(until: 1000 * second + 1)
        }
        #expect(stage.told == [0, 1_000, 2_000, 3_000, 4_000])
    }

    @Test("A failure is told at once, and more of them at intervals that grow with the time since the first")
    func failing() {
        var stage = Stage()
        stage.failures = [300, 302, 1100, 1110, 3000, 3005]
        stage.run(until: 3500)
        // An eighth of 914 ms is 114 ms.
        #expect(stage.told == [0, 300, 310, 1100, 1214, 3000, 3010])
        // From eight ticks on, a tick.
        stage = Stage()
        stage.failures = Array(stride(from: 100, to: 30_000, by: 50))
        stage.run(until: 30_000)
        let gaps = zip(stage.told.dropFirst(), stage.told.dropFirst(2)).map { $1 - $0 }
        #expect(gaps.first == 50 && gaps.allSatisfy { 10...1000 ~= $0 })
        #expect(gaps.suffix(10).allSatisfy { 990...1000 ~= $0 })
    }

    @Test("A node that becomes a witness tells so at once")
    func becomingWitness() {
        for (successes, told) in [(3, [0, 300, 1200, 1210]), (9, [0, 300, 1200, 1328])] {
            var stage = Stage(trip: .failureRate(0.5, minimumCalls: 10))
            stage.view.totals.succeeded = successes
            stage.failures = [300, 1200, 1210]
            stage.run(until: 2000)
            #expect(stage.told == told, "\(successes)")
        }
    }

    @Test(
        "A store that fails is tried again after 100 ms and then after twice as long, less up to a half by chance",
        arguments: [
            (5000, 1, [100, 200, 400, 800, 1600, 3200, 5000, 5000]), (5000, 0, [50, 100, 200, 400, 800, 1600, 2500]),
            (5000, 0.5, [75, 150, 300]), (30, 1, [30, 30, 30]), (30, 0, [15, 15]), (150, 1, [100, 150, 150]),
        ] as [(Int, Double, [Int])])
    func retries(most: Int, random: Double, delays: [Int]) throws {
        var stage = Stage(tick: .seconds(60), maxRetryDelay: .milliseconds(most), random: random)
        for _ in 1...2 {
            for delay in delays {
                _ = stage.state.failed(SharedStateError.unavailable("gone"), now: stage.now)
                let retryAt = stage.now.advanced(by: .milliseconds(delay))
                let early = stage.state.next(stage.view, hasFailed: false, now: stage.now).decision
                #expect(early == .wait(until: retryAt, wakesOnFailure: false))
                stage.now = retryAt
                guard case .exchange = stage.state.next(stage.view, hasFailed: false, now: retryAt).decision else {
                    Issue.record("not tried again after \(delay) ms")
                    return
                }
            }
            let report = stage.state.report(by: .nothing, stage.view, now: stage.now)
            _ = stage.state.answered(.new, to: report, sent: stage.now, stage.view, now: stage.now)
        }
    }

    @Test(
        "A breaker is held a little beyond the break, and not longer than the store may be silent",
        arguments: [(0, 1500, 60_500), (0.5, 1625, 60_625), (1, 1750, 60_750)] as [(Double, Int, Int)])
    func holds(random: Double, short: Int, long: Int) {
        var stage = Stage(random: random)
        func hold(_ action: FleetCircuitState.Action) -> [Int?] {
            guard case .hold(_, let until, let breakEnd) = action.order?.order else { return [] }
            return [until, breakEnd].map { $0.map { Int($0.nanoseconds / 1_000_000) } }
        }
        var action = stage.state.received(
            SharedCircuit(.open(remaining: .seconds(1)), epoch: 1), stage.view, now: stage.now)
        #expect(hold(action) == [short, short])
        action = stage.state.received(
            SharedCircuit(.open(remaining: .seconds(60)), epoch: 2), stage.view, now: stage.now)
        // Ten seconds of grace.
        #expect(hold(action) == [10_000, long])
        // Another node probes: two ticks, and an operation.
        action = stage.state.received(
            SharedCircuit(.probing(node: "other", remaining: .seconds(5)), epoch: 3), stage.view, now: stage.now)
        #expect(hold(action) == [Int(2100 * (1 + random / 2)), nil])
    }

    @Test("A node wakes up when the break is over, when it may ask for the lease, and when it has to give that up")
    func wakes() {
        var stage = Stage(tick: .seconds(60))
        stage.run(until: 100)
        stage.woke = []
        _ = stage.state.received(
            SharedCircuit(.open(remaining: .milliseconds(900)), epoch: 1), stage.view, now: stage.now)
        (stage.view.state, stage.view.isHeld, stage.view.generation) = (.open, true, 1)
        stage.view.totals.rejected = 1
        stage.reply = SharedCircuit(.probing(node: "me", remaining: .seconds(4)), epoch: 2)
        stage.run(until: 1200)
        // The lease is granted and asked for at once; half of it is the time for a first probe.
        #expect(Set(stage.woke) == [100, 1000, 1125] && stage.reports.last?.request == .lease(.seconds(10)))
        (stage.view.state, stage.view.isHeld, stage.view.generation) = (.halfOpen, false, 2)
        stage.reply = SharedCircuit(.open(remaining: .seconds(90)), epoch: 3)
        var probed = stage
        stage.told = []
        stage.run(until: 6000)
        #expect(stage.told == [3125] && stage.reports.last?.request == .giveUp(epoch: 2))
        // With a probe under way it is kept to its end.
        probed.told = []
        probed.view.hasProbed = true
        probed.run(until: 6000)
        #expect(probed.told == [5125] && probed.reports.last?.request == .giveUp(epoch: 2))
    }

    @Test("A node that hears that the break is over, or that another probes, does not wake up for the lease")
    func wakesNoMore() {
        for next in [SharedCircuit.Phase.closed, .probing(node: "other", remaining: .seconds(60))] {
            var stage = Stage(tick: .seconds(60))
            stage.run(until: 100)
            for (phase, epoch) in [(.open(remaining: .milliseconds(900)), 1), (next, 2)]
                as [(SharedCircuit.Phase, Int64)]
            {
                _ = stage.state.received(SharedCircuit(phase, epoch: epoch), stage.view, now: stage.now)
            }
            stage.woke = []
            stage.run(until: 5000)
            #expect(stage.woke == [100])
        }
    }

    @Test("What a store has lost that was emptied is told again at once")
    func emptied() {
        var stage = Stage()
        stage.view.totals.succeeded = 3
        stage.run(until: 1500)
        stage.view.totals.succeeded = 5
        stage.reply.wasEmpty = true
        (stage.told, stage.reports) = ([], [])
        stage.run(until: 2500)
        #expect(stage.told == [2000, 2010])
        #expect(stage.reports.map { $0.slots.map(\.counts.calls) } == [[2], [3]])
    }
}
