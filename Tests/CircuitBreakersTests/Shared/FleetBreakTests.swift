import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// What a node tells of a break of its fleet.
@Suite struct FleetBreakTests {
    /// What is told beyond the break, so that one node finds out first and the others do not come back together.
    private static let spread = Duration.milliseconds(500)...Duration.milliseconds(750)

    /// What a rejection says, whether somebody listens or not.
    private static func hints(_ node: FleetNode) throws -> [Duration] {
        var hints: [Duration] = []
        do {
            try node.breaker.tryAcquirePermit().complete(as: .success)
        } catch {
            hints.append(try #require(error.retryAfter))
        }
        hints.append(try #require(node.breaker.remainingBreak))
        return hints
    }

    private static func open(_ fleet: Fleet, for length: Duration) -> Task<Void, any Error> {
        let circuit = fleet.nodes[0].fleet
        let task = Task(executorPreference: fleet.executor) { try await circuit.open(for: length) }
        fleet.executor.drain()
        fleet.pass(.milliseconds(1))
        return task
    }

    @Test(
        "Rejections name what is left of the fleet's break, also where it is longer than the grace",
        arguments: [3, 12, 60, 3600, 86_400], [false, true])
    func namesTheBreak(seconds: Int, isObserved: Bool) async throws {
        let fleet = try Fleet(2)
        let observer = EventRecorder()
        if isObserved { fleet.nodes.forEach { $0.breaker.addObserver(observer) } }
        let opening = Self.open(fleet, for: .seconds(seconds))
        var rest = Duration.seconds(seconds) - .milliseconds(1)
        for step in [0, 1, 1, 20, 25].map({ Duration.seconds($0) }) where rest > step {
            fleet.pass(step)
            rest -= step
            for node in fleet.nodes {
                for hint in try Self.hints(node) {
                    #expect(Self.spread.contains(hint - rest), "\(hint) at \(rest) before the end")
                }
            }
        }
        try await opening.value
        fleet.stop()
    }

    @Test("The transition names the fleet's break, and not for how long a node holds it without an answer")
    func transition() async throws {
        let fleet = try Fleet(2)
        let observer = EventRecorder()
        fleet.nodes[1].breaker.addObserver(observer)
        let opening = Self.open(fleet, for: .seconds(60))
        let transitions = observer.events(of: CircuitBreaker.Event.self).compactMap {
            event -> CircuitBreaker.Transition? in
            if case .transition(let transition) = event.kind { transition } else { nil }
        }
        let transition: CircuitBreaker.Transition = try #require(transitions.last)
        #expect(transition.reason == .fleet)
        #expect(Self.spread.contains(try #require(transition.breakLength) - .seconds(60)))
        try await opening.value
        fleet.stop()
    }

    @Test("Without an answer of the store a break is told as it was, and still ends after the grace")
    func graceWithoutStore() async throws {
        let fleet = try Fleet(2)
        let opening = Self.open(fleet, for: .seconds(60))
        fleet.pass(.seconds(20))
        fleet.store.fault = .down(.unavailable("connection refused"))
        fleet.pass(.seconds(8))
        for node in fleet.nodes {
            for hint in try Self.hints(node) { #expect(Self.spread.contains(hint - .milliseconds(31_999))) }
        }
        fleet.pass(.milliseconds(2500))
        #expect(fleet.nodes.map { $0.call("S") } == [1, 1])
        #expect(fleet.states == [.closed, .closed])
        try await opening.value
        fleet.stop()
    }

    @Test("A break that is closed by hand is over at once, and so is what is told of it")
    func closedByHand() async throws {
        let fleet = try Fleet(2)
        let opening = Self.open(fleet, for: .seconds(60))
        fleet.pass(.seconds(5))
        let circuit = fleet.nodes[1].fleet
        let closing = Task(executorPreference: fleet.executor) { try await circuit.close() }
        fleet.executor.drain()
        fleet.pass(.milliseconds(1))
        #expect(fleet.states == [.closed, .closed])
        #expect(fleet.nodes.allSatisfy { $0.breaker.remainingBreak == nil })
        try await opening.value
        try await closing.value
        fleet.stop()
    }

    @Test("A breaker's own break that lasts longer than the fleet's is what is told, and a shorter one is not")
    func ownBreak() throws {
        let breaker = try CircuitBreaker("payments", .alone, clock: ManualClock())
        breaker.open()
        let second = { (seconds: Int64) in TimeSource.Instant(nanoseconds: seconds * 1_000_000_000) }
        breaker.apply(.hold(epoch: 1, until: second(10), breakEnd: second(15)), 1)
        #expect(breaker.remainingBreak == .seconds(20))
        breaker.apply(.hold(epoch: 1, until: second(10), breakEnd: second(60)), 2)
        #expect(breaker.remainingBreak == .seconds(60))
        breaker.apply(.release, 3)
        #expect(breaker.remainingBreak == .seconds(20))
    }

    @Test("A snapshot keeps of the fleet's break what the node holds by itself: the fleet tells the rest again")
    func snapshot() throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("payments", .alone, clock: clock)
        let second = { (seconds: Int64) in TimeSource.Instant(nanoseconds: seconds * 1_000_000_000) }
        breaker.apply(.hold(epoch: 1, until: second(10), breakEnd: second(60)), 1)
        #expect(breaker.remainingBreak == .seconds(60) && breaker.snapshot.remainingBreak == .seconds(10))
        clock.advance(by: .seconds(10))
        #expect(breaker.state == .halfOpen && breaker.remainingBreak == nil)
    }

    /// What the last event of a node says, without the circuit's name.
    private static func sentence(_ node: FleetNode) -> String {
        String(describing: node.recorder.events.last.map { "\($0)" } ?? "").replacing(
            "fleet circuit \"payments\" ", with: "")
    }

    @Test("A break by the rule says what was counted, and one after failed probes does not repeat it")
    func causes() throws {
        let fleet = try Fleet(3)
        fleet.trip()
        for node in fleet.nodes {
            #expect(Self.sentence(node).hasSuffix(": 6 of 6 calls failed, as 3 of 3 nodes see by themselves"))
        }
        for _ in 0..<2 {
            fleet.nodes.forEach { $0.recorder.clear() }
            for _ in 0..<100 where !fleet.nodes.allSatisfy({ $0.names.contains("opened") }) {
                fleet.nodes.forEach { $0.call("F") }
                fleet.pass(.milliseconds(200))
            }
            for node in fleet.nodes {
                let sentence = Self.sentence(node)
                #expect(sentence.hasPrefix("opened for ") && !sentence.contains("calls"), "\(sentence)")
            }
        }
        fleet.stop()
    }

    @Test(
        "A break by hand claims no calls that failed, whatever was counted before, and also where it restarts one",
        arguments: ["", "SSSF", "FF"], [false, true])
    func byHand(calls: String, isOpen: Bool) async throws {
        let fleet = try Fleet(2, .init(rule: .init(trip: .failures(60), breakLength: .growing(from: .seconds(5)))))
        fleet.nodes.forEach { $0.call(calls) }
        fleet.pass(.seconds(2))
        if isOpen {
            let first = Self.open(fleet, for: .seconds(30))
            try await first.value
        }
        let opening = Self.open(fleet, for: .seconds(60))
        for node in fleet.nodes { #expect(Self.sentence(node) == "opened for 60 seconds") }
        try await opening.value
        fleet.stop()
    }

    @Test("A node that comes to a circuit that is open by hand claims no calls that failed")
    func newcomer() async throws {
        let fleet = try Fleet(2, starts: false)
        fleet.nodes[0].start()
        fleet.executor.drain()
        let opening = Self.open(fleet, for: .seconds(60))
        fleet.nodes[1].start()
        fleet.executor.drain()
        #expect(
            Self.sentence(fleet.nodes[1]).contains("opened for ") && !Self.sentence(fleet.nodes[1]).contains("calls"))
        try await opening.value
        fleet.stop()
    }
}
