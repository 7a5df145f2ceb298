import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

@Suite struct FleetCircuitStateTests {
    private typealias Instant = TimeSource.Instant

    private static func state() -> FleetCircuitState {
        FleetCircuitState(
            circuit: "payments", node: "me", .sixFailures, .constant(0.5), FleetView())
    }

    private static let start = Instant(nanoseconds: 0)

    /// What is asked next, where the store is due to be asked.
    private static func ask(
        _ state: inout FleetCircuitState, _ view: FleetView, at now: Instant
    ) -> CircuitReport? {
        if case .exchange(let report) = state.next(view, hasFailed: false, now: now).decision { report } else { nil }
    }

    @Test(
        "A store that makes of one epoch another phase, as after it was emptied, is believed, and asked for the lease")
    func sameEpoch() throws {
        var state = Self.state()
        var view = FleetView()
        let first = try #require(Self.ask(&state, view, at: Self.start))
        _ = state.answered(SharedCircuit(.closed, epoch: 5), to: first, sent: Self.start, FleetView(), now: Self.start)
        let report = try #require(Self.ask(&state, view, at: Self.start.advanced(by: .seconds(2))))
        let action = state.answered(
            SharedCircuit(.open(remaining: .seconds(1)), epoch: 5), to: report, sent: Self.start, FleetView(),
            now: Self.start)
        #expect(action.events.map(\.label.name) == ["fleet_circuit.opened"] && action.order != nil)
        (view.state, view.isHeld, view.totals.rejected, view.generation) = (.open, true, 3, 2)
        let later = Self.start.advanced(by: .seconds(2))
        #expect(Self.ask(&state, view, at: later)?.request == .lease(.seconds(10)))
    }

    @Test(
        "A break or lease counts from when the question was sent, so that a node never takes it for longer than it is")
    func conservative() throws {
        var state = Self.state()
        let report = try #require(Self.ask(&state, FleetView(), at: Self.start))
        let answered = Self.start.advanced(by: .milliseconds(80))
        _ = state.answered(
            SharedCircuit(.open(remaining: .seconds(5)), epoch: 1), to: report, sent: Self.start, FleetView(),
            now: answered)
        #expect(state.shown(now: answered).phase == .open(remaining: .milliseconds(4920)))
        _ = state.received(
            SharedCircuit(.probing(node: "me", remaining: .seconds(2)), epoch: 2), FleetView(), now: answered)
        #expect(state.lease?.end == answered.advanced(by: .seconds(2)))
        #expect(state.shown(now: Self.start.advanced(by: .seconds(9))).phase == .probing(node: "me", remaining: .zero))
    }

    @Test("What was counted before the circuit was closed is not told as if it came after")
    func countedBefore() throws {
        var state = Self.state()
        var view = FleetView()
        let report = try #require(Self.ask(&state, view, at: Self.start))
        _ = state.answered(SharedCircuit(.closed, epoch: 1), to: report, sent: Self.start, view, now: Self.start)
        view.totals.failed = 5
        let later = Self.start.advanced(by: .milliseconds(500))
        _ = state.received(SharedCircuit(.closed, epoch: 2), view, now: later)
        view.totals.failed = 7
        let next = try #require(Self.ask(&state, view, at: Self.start.advanced(by: .seconds(2))))
        #expect(next.slots.map(\.counts.failures) == [5, 2] && next.slots[0].age == .milliseconds(1500))
    }

    @Test("Totals that were read before others, and come after them, count nothing twice")
    func overtakenTotals() {
        var slots = FleetSlots(.sixFailures, .init())
        for (successes, failures) in [(5, 2), (3, 1), (5, 2), (4, 3), (6, 3)] {
            var totals = CircuitBreaker.Totals()
            (totals.succeeded, totals.failed) = (successes, failures)
            slots.take(totals, now: Self.start)
        }
        #expect(slots.report(now: Self.start).map(\.counts) == [SharedCounts(calls: 9, failures: 3)])
    }

    @Test("A failure that was told before its signal came does not keep the next one from being heard at once")
    func lateSignal() throws {
        var state = Self.state()
        var view = FleetView()
        view.totals.failed = 1
        let report = try #require(Self.ask(&state, view, at: Self.start))
        _ = state.answered(SharedCircuit(.closed, epoch: 0), to: report, sent: Self.start, view, now: Self.start)
        let step = state.next(view, hasFailed: true, now: Self.start).decision
        let hears = if case .wait(_, let wakesOnFailure) = step { wakesOnFailure } else { false }
        #expect(hears)
        view.totals.failed = 2
        let soon = Self.start.advanced(by: .milliseconds(10))
        let next = state.next(view, hasFailed: true, now: soon).decision
        let told = if case .exchange(let report) = next { report.slots.map(\.counts.failures) } else { [Int]() }
        #expect(told == [2])
        // While the circuit is open a failure tells the fleet nothing.
        let open = SharedCircuit(.open(remaining: .seconds(60)), epoch: 1)
        let later = Self.start.advanced(by: .milliseconds(20))
        let second = try #require(Self.ask(&state, view, at: later))
        _ = state.answered(open, to: second, sent: later, view, now: later)
        let rest = state.next(view, hasFailed: true, now: later).decision
        let isDeaf = if case .wait(_, let wakesOnFailure) = rest { !wakesOnFailure } else { false }
        #expect(isDeaf, "\(rest)")
    }

    @Test(
        "Counts are told with an opening if by the rule they may have led to it, and otherwise none",
        arguments: [
            (.failures(6), SharedCounts(calls: 9, failures: 6), 2, 1, true),
            (.failures(6), .init(failures: 7), 3, 1, true),
            (.failures(6), .init(failures: 5), 2, 1, false),
            (.failures(6), .init(failures: 6), 1, 1, false), (.failures(6), .init(failures: 6), 2, 2, false),
            (.failures(6), .init(failures: 6), 2, 0, false),
            (.failureRate(0.5, minimumCalls: 10), .init(calls: 10, failures: 5), 2, 1, true),
            (.failureRate(0.5, minimumCalls: 10), .init(calls: 9, failures: 9), 2, 1, false),
            (.failureRate(0.5, minimumCalls: 10), .init(calls: 11, failures: 5), 2, 1, false),
            (.failureRate(0.5, minimumCalls: 10), .init(calls: 10, failures: 4, slow: 9), 2, 1, false),
            (.slowCallRate(0.5, minimumCalls: 10), .init(calls: 10, slow: 5), 2, 1, true),
            (.slowCallRate(0.5, minimumCalls: 10), .init(calls: 9, slow: 9), 2, 1, false),
            (.slowCallRate(0.5, minimumCalls: 10), .init(calls: 10, failures: 9, slow: 4), 2, 1, false),
            // The record has rates in whole millionths.
            (.failureRate(1.0 / 3, minimumCalls: 1), .init(calls: 3_000_000, failures: 999_999), 2, 1, true),
            (.slowCallRate(1.0 / 3, minimumCalls: 1), .init(calls: 3_000_000, slow: 999_999), 2, 1, true),
            (.failureRate(1.0 / 3, minimumCalls: 1), .init(calls: 3_000_000, failures: 999_990), 2, 1, false),
            (.slowCallRate(1.0 / 3, minimumCalls: 1), .init(calls: 3_000_000, slow: 999_990), 2, 1, false),
        ] as [(SharedCircuitRule.Trip, SharedCounts, Int, Int, Bool)])
    func countsOfAnOpening(
        trip: SharedCircuitRule.Trip, counts: SharedCounts, witnesses: Int, opens: Int, areTold: Bool
    ) throws {
        var state = FleetCircuitState(
            circuit: "payments", node: "me", FleetCircuit.Configuration(rule: .init(trip: trip)), .constant(0.5),
            FleetView())
        let opened = SharedCircuit(
            .open(remaining: .seconds(5)), epoch: 1, consecutiveOpens: opens, counts: counts, nodes: 3,
            witnesses: witnesses)
        let action = state.received(opened, FleetView(), now: Self.start)
        let told = action.events.compactMap { event in
            if case .opened(_, let counts, let nodes, let witnesses) = event { (counts, nodes, witnesses) } else { nil }
        }
        try #require(told.count == 1)
        #expect(told[0].0 == (areTold ? counts : SharedCounts()) && told[0].1 == 3)
        #expect(told[0].2 == (areTold ? witnesses : 0))
    }

    @Test("News that are older than what is known change nothing")
    func older() throws {
        var state = Self.state()
        _ = state.received(SharedCircuit(.closed, epoch: 8), FleetView(), now: Self.start)
        let action = state.received(
            SharedCircuit(.open(remaining: .seconds(5)), epoch: 7), FleetView(), now: Self.start)
        #expect(action.order == nil && action.events.isEmpty && state.known.epoch == 8)
    }

    @Test("A reply that was overtaken by a change changes nothing")
    func overtakenReply() throws {
        var state = Self.state()
        let report = try #require(Self.ask(&state, FleetView(), at: Self.start))
        _ = state.received(SharedCircuit(.open(remaining: .seconds(5)), epoch: 8), FleetView(), now: Self.start)
        let action = state.answered(
            SharedCircuit(.closed, epoch: 7), to: report, sent: Self.start, FleetView(), now: Self.start)
        #expect(action.order == nil && action.events.isEmpty && state.known.epoch == 8)
    }

    @Test("A change that is heard again does not make the break longer")
    func heardAgain() {
        var state = Self.state()
        let open = SharedCircuit(.open(remaining: .seconds(5)), epoch: 1)
        _ = state.received(open, FleetView(), now: Self.start)
        let later = Self.start.advanced(by: .seconds(2))
        let action = state.received(open, FleetView(), now: later)
        #expect(action.order == nil && action.events.isEmpty)
        #expect(state.shown(now: later).phase == .open(remaining: .seconds(3)))
    }

    @Test("An opening of which is heard only when the break is over is told all the same")
    func lateOpening() {
        var state = Self.state()
        let action = state.received(SharedCircuit(.open(remaining: .zero), epoch: 1), FleetView(), now: Self.start)
        #expect(action.events.map(\.label.name) == ["fleet_circuit.opened"] && state.totals.opened == 1)
    }

    @Test("Of two orders to a breaker that overtake each other the newer one is obeyed")
    func orders() throws {
        let breaker = try CircuitBreaker("payments", .alone, clock: ManualClock())
        breaker.apply(.release, 2)
        breaker.apply(.hold(epoch: 1, until: Instant(nanoseconds: 1_000_000_000)), 1)
        #expect(breaker.state == .closed)
        breaker.apply(.hold(epoch: 3, until: Instant(nanoseconds: 1_000_000_000)), 3)
        #expect(breaker.state == .open)
    }

    @Test("A wrong configuration is refused with all its faults")
    func faults() throws {
        let configuration = FleetCircuit.Configuration(
            rule: .init(minimumNodes: 0), tick: .zero, operationLimit: .zero, leaseLength: .zero, grace: .seconds(-1),
            maxRetryDelay: .seconds(7200))
        let error = #expect(throws: ConfigurationError.self) {
            try FleetCircuit(CircuitBreaker("p"), configuration, through: InMemoryCircuitStore())
        }
        #expect(
            error?.faults.map(\.field)
                == [
                    "rule.minimumNodes", "tick", "operationLimit", "leaseLength", "grace", "maxRetryDelay",
                ].map { "fleetCircuit.\($0)" })
    }

    @Test("Events say in a sentence what happened, and with which severity")
    func sentences() {
        let kinds: [(FleetCircuit.EventKind, String, EventSeverity)] = [
            (
                .opened(breakLength: .seconds(5), counts: .init(calls: 9, failures: 6), nodes: 4, witnesses: 3),
                "fleet circuit \"p\" opened for 5 seconds: 6 of 9 calls failed, as 3 of 4 nodes see by themselves",
                .warning
            ),
            (.closed, "fleet circuit \"p\" closed", .info),
            (.leased(.seconds(10)), "fleet circuit \"p\" is probed by this node, for at most 10 seconds", .info),
            (.leaseLost, "fleet circuit \"p\" is no longer probed by this node, which took too long", .info),
            (
                .degraded(SharedStateError.unavailable("gone")),
                "fleet circuit \"p\" goes by this node alone: the shared state is unavailable: gone", .warning
            ),
            (.recovered(after: .seconds(60)), "fleet circuit \"p\" is shared again, after 60 seconds", .info),
        ]
        for (kind, sentence, severity) in kinds {
            let event = FleetCircuit.Event(source: "p", kind)
            #expect(event.description == sentence && event.severity == severity)
        }
    }

    @Test("A signal that is raised before a task waits is not lost, and wakes once")
    func signal() async throws {
        let (clock, executor, signal) = (ManualClock(), SteppingExecutor(), FleetSignal())
        let time = TimeSource(clock)
        let later = Instant(nanoseconds: 1_000_000_000)
        func wait(wakingOnFailure: Bool) -> Task<Void, any Error> {
            Task(executorPreference: executor) {
                try await signal.wait(until: later, wakingOnFailure: wakingOnFailure, on: time)
            }
        }
        signal.raise()
        signal.raise()
        let first = wait(wakingOnFailure: false)
        executor.drain()
        try await first.value
        // A failure wakes who listens for it, also if it came before.
        signal.failed()
        #expect(clock.timerCount == 0)
        let second = wait(wakingOnFailure: true)
        executor.drain()
        try await second.value
        #expect(signal.takeFailure() && !signal.takeFailure())
        let third = wait(wakingOnFailure: false)
        executor.drain()
        signal.failed()
        executor.drain()
        #expect(clock.timerCount == 1)
        clock.advance(by: .seconds(1))
        executor.drain()
        try await third.value
        let fourth = wait(wakingOnFailure: true)
        fourth.cancel()
        executor.drain()
        await #expect(throws: CancellationError.self) { try await fourth.value }
        #expect(clock.timerCount == 0)
    }

    @Test("A view of the breaker that was read before a newer one, and comes after it, is no verdict of the probes")
    func overtakenView() throws {
        var state = Self.state()
        let report = try #require(Self.ask(&state, FleetView(), at: Self.start))
        _ = state.answered(.new, to: report, sent: Self.start, FleetView(), now: Self.start)
        let held = FleetView(state: .open, generation: 6, isHeld: true)
        let lease = SharedCircuit(.probing(node: "me", remaining: .seconds(4)), epoch: 2)
        _ = state.received(lease, held, now: Self.start)
        for older in [
            FleetView(state: .open, generation: 5, lastReason: .probesFailed, isHeld: true),
            FleetView(state: .closed, generation: 4, lastReason: .probesSucceeded), FleetView(),
        ] {
            #expect(Self.ask(&state, older, at: Self.start.advanced(by: .milliseconds(500))) == nil)
            #expect(state.lastView.generation == 6)
        }
        let failed = FleetView(state: .open, generation: 8, lastReason: .probesFailed, isHeld: true)
        let verdict = Self.ask(&state, failed, at: Self.start.advanced(by: .milliseconds(600)))
        #expect(verdict?.request == .failed(epoch: 2))
    }

    @Test("Of two views that come in the wrong order, what only grows is taken of both")
    func mergedViews() {
        var (older, newer) = (FleetView(generation: 3, lastOrder: 4), FleetView(generation: 3, lastOrder: 5))
        (older.totals.rejected, newer.totals.rejected) = (7, 9)
        older.hasProbed = true
        for view in [older.after(newer), newer.after(older)] {
            #expect(view.lastOrder == 5 && view.hasProbed && view.totals.rejected == 9)
        }
        let next = FleetView(generation: 4, lastOrder: 5)
        for view in [next.after(older), older.after(next)] {
            #expect(view.generation == 4 && !view.hasProbed && view.totals.rejected == 7)
        }
        // One that is new, and has never changed, is news to who has seen none.
        #expect(FleetView(state: .isolated, lastOrder: 0).after(FleetView()).state == .isolated)
    }

    @Test("After several idle ticks the store is asked, however many there were", arguments: 4...6)
    func idleTicks(count: Int) throws {
        var state = Self.state()
        let report = try #require(Self.ask(&state, FleetView(), at: Self.start))
        _ = state.answered(.new, to: report, sent: Self.start, FleetView(), now: Self.start)
        state.catchUpTicks = 0
        state.idleTicks = count
        #expect(Self.ask(&state, FleetView(), at: Self.start.advanced(by: .seconds(2))) != nil)
    }
}
