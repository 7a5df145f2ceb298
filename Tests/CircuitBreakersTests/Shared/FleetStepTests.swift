import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// When a node of a fleet asks, holds, and gives up, to the millisecond.
@Suite struct FleetStepTests {
    private typealias Instant = TimeSource.Instant

    private static let start = Instant(nanoseconds: 0)

    private static func state(
        tick: Duration = .seconds(1), _ random: RandomSource = .constant(0.5)
    ) -> FleetCircuitState {
        FleetCircuitState(
            circuit: "payments", node: "me", FleetCircuit.Configuration(rule: .sixFailures, tick: tick), random,
            FleetView())
    }

    /// What is asked next, where the store is due to be asked.
    private static func ask(
        _ state: inout FleetCircuitState, _ view: FleetView, at now: Instant
    ) -> CircuitReport? {
        if case .exchange(let report) = state.next(view, hasFailed: false, now: now).decision { report } else { nil }
    }

    @Test("The lease is not asked for at the end of the break but up to a quarter of a second later, by chance")
    func askingSpread() throws {
        for (milliseconds, asks) in [(1000, false), (1124, false), (1125, true), (1300, true)] {
            var state = Self.state()
            var view = FleetView()
            let report = try #require(Self.ask(&state, view, at: Self.start))
            _ = state.answered(
                SharedCircuit(.open(remaining: .seconds(1)), epoch: 1), to: report, sent: Self.start, view,
                now: Self.start)
            (view.state, view.isHeld, view.totals.rejected, view.generation) = (.open, true, 3, 2)
            let now = Self.start.advanced(by: .milliseconds(milliseconds))
            #expect((Self.ask(&state, view, at: now)?.request == .lease(.seconds(10))) == asks, "\(milliseconds)")
        }
    }

    @Test("Only a node whose breaker is held by the fleet asks for the lease, and only if calls were rejected")
    func asksIfHeld() {
        for (isHeld, rejected, asks) in [(true, 3, true), (false, 3, false), (true, 0, false)] {
            var state = Self.state()
            var view = FleetView()
            _ = state.received(SharedCircuit(.open(remaining: .seconds(1)), epoch: 1), view, now: Self.start)
            (view.state, view.isHeld, view.totals.rejected) = (.open, isHeld, rejected)
            let request = Self.ask(&state, view, at: Self.start.advanced(by: .seconds(2)))?.request
            #expect((request == .lease(.seconds(10))) == asks, "\(isHeld), \(rejected)")
        }
    }

    @Test("An outage is counted once, however often the store fails in it, and the next one again")
    func outages() throws {
        var state = Self.state()
        for outage in 1...3 {
            for failure in 1...3 {
                let action = state.failed(SharedStateError.unavailable("gone"), now: Self.start)
                #expect(action.events.count == (failure == 1 ? 1 : 0))
                #expect(state.totals.outages == outage && state.totals.failedExchanges == 3 * (outage - 1) + failure)
                // One succeeded after each outage before.
                #expect(state.totals.exchanges == 4 * (outage - 1) + failure)
            }
            let report = state.report(by: .nothing, FleetView(), now: Self.start)
            let action = state.answered(.new, to: report, sent: Self.start, FleetView(), now: Self.start)
            #expect(action.events.map(\.label.name) == ["fleet_circuit.recovered"])
        }
    }

    @Test("A breaker is held beyond the break once it is over, once")
    func heldBeyond() {
        var state = Self.state()
        _ = state.received(SharedCircuit(.open(remaining: .seconds(1)), epoch: 1), FleetView(), now: Self.start)
        for (milliseconds, isHeld) in [(0, false), (500, false), (999, false), (1000, true), (1001, false)] {
            let now = Self.start.advanced(by: .milliseconds(milliseconds))
            let order = state.next(FleetView(), hasFailed: false, now: now).action.order?.order
            guard case .hold(let epoch, let end, let breakEnd) = order else {
                #expect(!isHeld, "\(milliseconds)")
                continue
            }
            #expect(isHeld && epoch == 1 && end > now && breakEnd == nil, "\(milliseconds)")
        }
    }

    @Test("A lease that is lost leaves the breaker held, unless it goes by itself", arguments: [false, true])
    func lostLease(isAway: Bool) {
        var state = Self.state()
        _ = state.received(
            SharedCircuit(.probing(node: "me", remaining: .seconds(2)), epoch: 1), FleetView(), now: Self.start)
        if isAway { _ = state.failed(SharedStateError.unavailable("gone"), now: Self.start) }
        let early = state.next(FleetView(), hasFailed: false, now: Self.start.advanced(by: .milliseconds(1999)))
        #expect(early.action.events.isEmpty && state.lease != nil)
        let action = state.next(FleetView(), hasFailed: false, now: Self.start.advanced(by: .seconds(2))).action
        let isHeld = if case .hold(epoch: 1, _, _) = action.order?.order { true } else { false }
        #expect(action.events.map(\.label.name) == ["fleet_circuit.lease_lost"] && isHeld == !isAway)
    }

    @Test(
        "Ticks are up to a tenth shorter or longer", arguments: [(0, 900), (0.5, 1000), (1, 1100)] as [(Double, Int)])
    func ticks(random: Double, milliseconds: Int) throws {
        var state = Self.state(.constant(random))
        var view = FleetView()
        let report = try #require(Self.ask(&state, view, at: Self.start))
        _ = state.answered(.new, to: report, sent: Self.start, view, now: Self.start)
        view.totals.succeeded = 3
        let step = state.next(view, hasFailed: false, now: Self.start).decision
        #expect(
            step == .wait(until: Self.start.advanced(by: .milliseconds(milliseconds)), wakesOnFailure: true))
    }

    @Test("A node that begins to run again asks at the next tick too, though there is nothing to tell")
    func beginsAgain() {
        var state = Self.state()
        func exchanges(from second: Int) -> [Bool] {
            (0...3).map { step in
                let now = Self.start.advanced(by: .seconds(second + step))
                guard let report = Self.ask(&state, FleetView(), at: now) else { return false }
                _ = state.answered(.new, to: report, sent: now, FleetView(), now: now)
                return true
            }
        }
        #expect(exchanges(from: 0) == [true, true, false, false])
        state.begin(now: Self.start.advanced(by: .seconds(4)))
        #expect(exchanges(from: 4) == [true, true, false, false])
    }

    @Test(
        "A node is a witness by the sums of its own slots alone",
        arguments: [
            (.failures(6), [(9, 0, 9)], false), (.failures(6), [(9, 0, 0), (1, 1, 0)], true),
            (.failureRate(0.5, minimumCalls: 10), [], false), (.failures(6), [], false),
            (.failureRate(0.5, minimumCalls: 10), [(1, 1, 0), (1, 0, 0)], true),
            (.failureRate(0.5, minimumCalls: 10), [(1, 1, 0), (2, 0, 2)], false),
            (.slowCallRate(0.5, minimumCalls: 10), [(2, 0, 0), (2, 0, 2)], true),
            (.slowCallRate(0.5, minimumCalls: 10), [(2, 2, 0), (3, 3, 2)], false),
        ] as [(SharedCircuitRule.Trip, [(Int, Int, Int)], Bool)])
    func witness(trip: SharedCircuitRule.Trip, counted: [(calls: Int, failures: Int, slow: Int)], isWitness: Bool) {
        let rule = SharedCircuitRule(trip: trip, window: .seconds(10))
        var (slots, totals) = (FleetSlots(rule, .init()), CircuitBreaker.Totals())
        for (second, counts) in counted.enumerated() {
            totals.succeeded += counts.calls - counts.failures
            totals.failed += counts.failures
            totals.slow += counts.slow
            slots.take(totals, now: Self.start.advanced(by: .seconds(second)))
        }
        #expect(slots.isWitness(rule) == isWitness)
    }

    @Test("Each slot has the calls, failures and slow calls that were counted since the one before")
    func countsOfSlots() {
        var (slots, totals) = (FleetSlots(.sixFailures, .init()), CircuitBreaker.Totals())
        for (second, counts) in [(5, 2, 3), (7, 2, 4), (9, 5, 6)].enumerated() {
            (totals.succeeded, totals.failed, totals.slow) = counts
            slots.take(totals, now: Self.start.advanced(by: .seconds(second)))
        }
        let counts = slots.report(now: Self.start.advanced(by: .seconds(2))).map(\.counts)
        #expect(
            counts == [
                .init(calls: 7, failures: 2, slow: 3), .init(calls: 2, failures: 0, slow: 1),
                .init(calls: 5, failures: 3, slow: 2),
            ])
    }

    @Test("What a store was not told just now is owed again, and what was counted before a change may be forgotten")
    func owedSlots() {
        var (slots, totals) = (FleetSlots(.sixFailures, .init()), CircuitBreaker.Totals())
        for second in 0...2 {
            totals.failed += 1
            slots.take(totals, now: Self.start.advanced(by: .seconds(second)))
        }
        let now = Self.start.advanced(by: .seconds(2))
        let all = slots.report(now: now)
        #expect(all.map(\.number) == [1, 2, 3])
        slots.acknowledge(all)
        #expect(slots.report(now: now).isEmpty)
        slots.resendAll(but: [all[1]])
        #expect(slots.report(now: now).map(\.number) == [1, 3])
        slots.begin(forgetting: false)
        #expect(slots.report(now: now).map(\.number) == [1, 3])
        slots.begin(forgetting: true)
        slots.resendAll()
        #expect(slots.report(now: now).isEmpty && !slots.mustResend)
        totals.failed += 1
        slots.take(totals, now: now)
        #expect(slots.report(now: now).map(\.number) == [4])
    }
}
