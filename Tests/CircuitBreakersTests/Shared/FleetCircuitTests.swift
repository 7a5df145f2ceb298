import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

@Suite struct FleetCircuitTests {
    @Test("X-30: two failures on each of three nodes open the breakers of all nodes, in a round trip")
    func opensTogether() throws {
        let fleet = try Fleet(5)
        fleet.nodes[0].call("FF")
        fleet.nodes[1].call("FF")
        fleet.executor.drain()
        #expect(fleet.states == Array(repeating: .closed, count: 5))
        // The failures that trip are told as they happen, and all nodes hear at once: no time passes.
        fleet.nodes[2].call("FF")
        fleet.executor.drain()
        fleet.pass(.milliseconds(20))
        #expect(fleet.states == Array(repeating: .open, count: 5))
        for node in fleet.nodes {
            #expect(node.names == ["opened"])
            #expect(node.breaker.totals.opened == 1 && node.call("S") == 0)
            #expect(node.fleet.shared.isOpen && node.fleet.shared.counts.failures == 6)
        }
        fleet.stop()
    }

    @Test("X-31: a node whose own network is broken opens alone, and the fleet goes on")
    func opensAlone() throws {
        let fleet = try Fleet(10)
        for second in 0..<10 {
            for node in fleet.nodes.dropFirst() { #expect(node.call("SSSSS") == 5) }
            fleet.nodes[0].call(String(repeating: "F", count: 100))
            fleet.pass(.seconds(1))
            #expect(fleet.states == [.open] + Array(repeating: .closed, count: 9), "\(second)")
        }
        #expect(fleet.nodes.allSatisfy { $0.names.isEmpty })
        fleet.stop()
    }

    @Test("X-33: while the store is down calls go on by local state, one event says degraded and one recovered")
    func storeDown() throws {
        let fleet = try Fleet(3)
        fleet.store.fault = .down(.unavailable("connection refused"))
        var count = 0
        for _ in 0..<60 {
            for node in fleet.nodes { count += node.call("SSSS") }
            fleet.pass(.seconds(1))
        }
        #expect(count == 60 * 3 * 4)
        #expect(fleet.nodes.allSatisfy { $0.names == ["degraded"] && $0.fleet.isDegraded })
        // Some seconds apart at the end, with jitter.
        #expect(fleet.store.reports.count < 3 * 30)
        fleet.nodes[0].call("FFF")
        fleet.store.fault = .none
        fleet.pass(.seconds(6))
        #expect(fleet.nodes.allSatisfy { $0.names == ["degraded", "recovered"] && !$0.fleet.isDegraded })
        // What was counted in the window while it was away is there, once.
        fleet.pass(.seconds(1))
        let counts = fleet.nodes[0].fleet.shared.counts
        #expect(counts.failures <= 3 && counts.calls <= 3 * 4 * 10)
        fleet.stop()
    }

    @Test("X-33: failures that were counted while the store was away open the fleet's circuit afterwards")
    func mergedAfterwards() throws {
        let fleet = try Fleet(3)
        fleet.store.fault = .down(.unavailable("connection refused"))
        fleet.pass(.seconds(2))
        fleet.nodes.forEach { $0.call("FF") }
        fleet.pass(.seconds(1))
        #expect(fleet.states == [.closed, .closed, .closed])
        fleet.store.fault = .none
        fleet.pass(.seconds(5))
        #expect(fleet.states == [.open, .open, .open])
        fleet.stop()
    }

    @Test("X-34: answers that are lost make nothing count twice, and no call fails")
    func lostReplies() throws {
        let fleet = try Fleet(3, .init(rule: .init(trip: .failures(7), breakLength: .growing(from: .seconds(5)))))
        fleet.store.fault = .losesReplies
        for node in fleet.nodes { #expect(node.call("FF") == 2) }
        fleet.pass(.seconds(3))
        fleet.store.fault = .none
        fleet.pass(.seconds(4))
        #expect(fleet.states == [.closed, .closed, .closed])
        fleet.nodes[0].call("S")
        fleet.pass(.seconds(1))
        #expect(fleet.nodes[0].fleet.shared.counts.failures == 6)
        fleet.stop()
    }

    @Test("X-32: a store that never answers is not waited for: calls go on, and it is asked once only")
    func hangingStore() throws {
        let fleet = try Fleet(1)
        fleet.pass(.seconds(1))
        fleet.store.forget()
        fleet.store.fault = .hangs
        fleet.nodes[0].call("S")
        for _ in 0..<30 {
            #expect(fleet.nodes[0].call("S") == 1)
            fleet.pass(.seconds(1))
        }
        #expect(fleet.store.reports.count == 1 && fleet.nodes[0].names == ["degraded"])
        fleet.store.fault = .none
        fleet.store.endHanging()
        fleet.pass(.seconds(6))
        #expect(fleet.nodes[0].names == ["degraded", "recovered"])
        fleet.stop()
    }

    @Test("X-32: with a store that takes 80 ms, no call waits, and all nodes agree in two round trips")
    func slowStore() throws {
        let fleet = try Fleet(3)
        fleet.store.fault = .slow(.milliseconds(80))
        fleet.pass(.seconds(1))
        let start = fleet.clock.now
        for node in fleet.nodes { #expect(node.call("FF") == 2) }
        #expect(fleet.clock.now == start)
        fleet.pass(.milliseconds(160))
        #expect(fleet.states == [.open, .open, .open])
        #expect(fleet.nodes.allSatisfy { $0.names == ["opened"] })
        fleet.stop()
    }

    @Test(
        "X-35: a store that was emptied is no error: the open circuit stays open on all nodes, and closes by its probes"
    )
    func emptiedStore() throws {
        let fleet = try Fleet(3)
        fleet.trip()
        fleet.pass(.seconds(1))
        fleet.store.inner.removeAll()
        fleet.pass(.seconds(2))
        #expect(fleet.states == [.open, .open, .open])
        #expect(fleet.nodes.allSatisfy { $0.names == ["opened"] })
        fleet.pass(.milliseconds(1900))
        fleet.nodes.forEach { $0.call("S") }
        fleet.pass(.milliseconds(500))
        #expect(fleet.states.count { $0 == .halfOpen } == 1)
        for node in fleet.nodes where node.breaker.state == .halfOpen { node.call("S") }
        fleet.pass(.milliseconds(50))
        #expect(fleet.states == [.closed, .closed, .closed])
        fleet.stop()
    }

    @Test("X-35: counts that an emptied store has lost are sent again")
    func emptiedCounts() throws {
        let fleet = try Fleet(3)
        fleet.nodes[0].call("FF")
        fleet.nodes[1].call("FF")
        fleet.pass(.seconds(2))
        fleet.store.inner.removeAll()
        fleet.pass(.seconds(6))
        fleet.nodes[2].call("FF")
        fleet.pass(.milliseconds(50))
        #expect(fleet.states == [.open, .open, .open])
        fleet.stop()
    }

    @Test("After a break one node probes for all, and its success closes all breakers")
    func onlyOneProbes() throws {
        let fleet = try Fleet(6)
        fleet.trip()
        for tenth in 0..<49 {
            for node in fleet.nodes { #expect(node.call("S") == 0, "\(tenth)") }
            fleet.pass(.milliseconds(100))
        }
        fleet.pass(.milliseconds(400))
        let probing = fleet.nodes.filter { $0.breaker.state == .halfOpen }
        #expect(probing.count == 1 && probing[0].names == ["opened", "leased"])
        for node in fleet.nodes where node !== probing[0] { #expect(node.call("S") == 0) }
        #expect(probing[0].call("S") == 1)
        fleet.pass(.milliseconds(20))
        #expect(fleet.states == Array(repeating: .closed, count: 6))
        #expect(fleet.nodes.allSatisfy { $0.names.last == "closed" })
        let reasons = fleet.nodes.map { $0.breaker.lastReason }
        #expect(reasons.count { $0 == .fleet } == 5 && reasons.count { $0 == .probesSucceeded } == 1)
        // What came before does not open it again.
        fleet.pass(.seconds(3))
        #expect(fleet.states == Array(repeating: .closed, count: 6))
        fleet.stop()
    }

    @Test("Probes that fail open the circuit on all nodes again, for longer")
    func probesFail() throws {
        let fleet = try Fleet(3)
        fleet.trip()
        fleet.nodes.forEach { $0.call("S") }
        fleet.pass(.milliseconds(5300))
        for node in fleet.nodes where node.breaker.state == .halfOpen { #expect(node.call("F") == 1) }
        fleet.pass(.milliseconds(20))
        #expect(fleet.states == [.open, .open, .open])
        #expect(fleet.nodes.allSatisfy { $0.names.count { $0 == "opened" } == 2 })
        fleet.nodes.forEach { $0.call("S") }
        fleet.pass(.seconds(9))
        #expect(fleet.states == [.open, .open, .open])
        fleet.pass(.seconds(2))
        #expect(fleet.nodes.count { $0.fleet.shared.isProbing } == 3)
        fleet.stop()
    }

    @Test("The break of a node whose probes for the fleet failed is the fleet's: it closes with the others")
    func failedProber() throws {
        for verdict in ["F", "timed out"] {
            var breaker = CircuitBreaker.Configuration.alone
            breaker.halfOpen.maxWait = .seconds(2)
            let fleet = try Fleet(3, breaker: breaker)
            fleet.trip()
            fleet.nodes.forEach { $0.call("S") }
            fleet.pass(.milliseconds(5300))
            let prober = try #require(fleet.nodes.first { $0.breaker.state == .halfOpen })
            let late = verdict == "F" ? nil : try prober.breaker.tryAcquirePermit()
            if verdict == "F" { prober.call("F") } else { fleet.pass(.seconds(3)) }
            fleet.pass(.milliseconds(20))
            #expect(fleet.states == [.open, .open, .open])
            let others = fleet.nodes.filter { $0 !== prober }
            others.forEach { $0.call("S") }
            // The next break of the fleet, shorter than that of a breaker by itself.
            fleet.pass(.milliseconds(10_300))
            let next = try #require(others.first { $0.breaker.state == .halfOpen }, "\(verdict)")
            next.call("S")
            fleet.pass(.milliseconds(20))
            #expect(fleet.states == [.closed, .closed, .closed], "\(verdict)")
            late?.complete(as: .failure)
            #expect(prober.breaker.state == .closed)
            fleet.stop()
        }
    }

    @Test("X-36: a node that dies with the lease blocks no other: it expires, and another probes")
    func deadHolder() throws {
        let fleet = try Fleet(3)
        fleet.trip()
        fleet.nodes.forEach { $0.call("S") }
        fleet.pass(.milliseconds(5300))
        let holder = try #require(fleet.nodes.first { $0.breaker.state == .halfOpen })
        // Its call is on the way, and nothing more is heard of it: not even that it was cancelled.
        let permit = try holder.breaker.tryAcquirePermit()
        fleet.store.fault = .hangs
        holder.cancel()
        fleet.executor.drain()
        fleet.pass(.milliseconds(100))
        fleet.store.fault = .none
        fleet.store.endHanging()
        fleet.pass(.seconds(13))
        let others = fleet.nodes.filter { $0 !== holder }
        let next = try #require(others.first { $0.breaker.state == .halfOpen })
        // What the dead one finds out is its own affair.
        permit.complete(as: .failure)
        #expect(next.call("S") == 1)
        fleet.pass(.milliseconds(50))
        #expect(others.allSatisfy { $0.breaker.state == .closed })
        fleet.stop()
    }

    @Test("A node without calls gives the lease up, and a node that is asked to stop gives it back at once")
    func givesUp() throws {
        for stops in [true, false] {
            let fleet = try Fleet(3)
            fleet.trip()
            fleet.nodes.forEach { $0.call("S") }
            fleet.pass(.milliseconds(5300))
            let holder = try #require(fleet.nodes.first { $0.breaker.state == .halfOpen })
            if stops {
                holder.cancel()
                fleet.executor.drain()
            } else {
                fleet.pass(.seconds(5))
                #expect(holder.breaker.state == .open)
            }
            #expect(holder.names == ["opened", "leased"])
            fleet.pass(.milliseconds(500))
            let others = fleet.nodes.filter { $0 !== holder }
            #expect(others.contains { $0.breaker.state == .halfOpen })
            fleet.stop()
        }
    }

    @Test("No node probes for a fleet without calls; the first call after the break makes its node ask")
    func noDemand() throws {
        let fleet = try Fleet(3)
        fleet.trip()
        fleet.pass(.seconds(60))
        #expect(fleet.states == [.open, .open, .open])
        #expect(fleet.nodes.allSatisfy { $0.fleet.totals.leases == 0 })
        fleet.nodes[1].call("S")
        fleet.pass(.milliseconds(1200))
        #expect(fleet.states == [.open, .halfOpen, .open])
        fleet.stop()
    }

    @Test("A break that ends while the store is away ends in what each node does by itself, and no circuit is stuck")
    func storeDiesWhileOpen() throws {
        let fleet = try Fleet(3)
        fleet.trip()
        fleet.store.fault = .hangs
        fleet.pass(.seconds(20))
        #expect(fleet.states == [.halfOpen, .halfOpen, .halfOpen])
        fleet.nodes.forEach { #expect($0.call("S") == 1) }
        #expect(fleet.states == [.closed, .closed, .closed])
        // They closed by themselves. The store comes back, still open, and does not open them again.
        fleet.store.fault = .none
        fleet.store.endHanging()
        fleet.pass(.seconds(8))
        #expect(fleet.states == [.closed, .closed, .closed])
        fleet.stop()
    }

    @Test("A long break by hand does not outlast the grace when the store is away")
    func grace() async throws {
        let fleet = try Fleet(2)
        let opened = Task(executorPreference: fleet.executor) {
            try await fleet.nodes[0].fleet.open(for: .seconds(3600))
        }
        fleet.executor.drain()
        try await opened.value
        #expect(fleet.states == [.open, .open])
        fleet.pass(.seconds(120))
        #expect(fleet.states == [.open, .open])
        fleet.store.fault = .down(.unavailable("gone"))
        fleet.pass(.seconds(11))
        #expect(fleet.states == [.halfOpen, .halfOpen])
        fleet.stop()
    }

    @Test("By hand the circuit opens and closes on all nodes, also where it was just changed by another")
    func byHand() async throws {
        let fleet = try Fleet(3)
        func perform(_ body: @escaping @Sendable () async throws -> Void) async throws {
            let task = Task(executorPreference: fleet.executor) { try await body() }
            fleet.executor.drain()
            try await task.value
        }
        let nodes = fleet.nodes
        try await perform { try await nodes[0].fleet.open(for: .seconds(30)) }
        #expect(fleet.states == [.open, .open, .open])
        try await perform { try await nodes[1].fleet.close() }
        #expect(fleet.states == [.closed, .closed, .closed])
        // A node that has not heard asks again by itself.
        nodes[2].cancel()
        fleet.executor.drain()
        try await perform { try await nodes[0].fleet.open(for: .seconds(30)) }
        try await perform { try await nodes[2].fleet.close() }
        #expect(fleet.states == [.closed, .closed, .closed])
        await #expect(throws: ConfigurationError.self) { try await nodes[0].fleet.open(for: .zero) }
        fleet.store.fault = .down(.unavailable("gone"))
        await #expect(throws: SharedStateError.unavailable("gone")) {
            try await perform { try await nodes[0].fleet.close() }
        }
        fleet.stop()
    }

    @Test("A breaker that opened by its own rule stays open for its own break when the fleet closes")
    func ownBreak() async throws {
        let fleet = try Fleet(2)
        fleet.nodes[0].call(String(repeating: "F", count: 100))
        fleet.pass(.milliseconds(100))
        #expect(fleet.states == [.open, .closed])
        for (hand, states) in [(true, [CircuitBreaker.State.open, .open]), (false, [.open, .closed])] {
            let node = fleet.nodes[1].fleet
            let task = Task(executorPreference: fleet.executor) {
                if hand { try await node.open(for: .seconds(60)) } else { try await node.close() }
            }
            fleet.executor.drain()
            try await task.value
            fleet.pass(.seconds(1))
            #expect(fleet.states == states)
        }
        fleet.pass(.seconds(20))
        #expect(fleet.states == [.halfOpen, .closed])
        fleet.stop()
    }

    @Test("A breaker goes by another fleet after it has left one, from its first break on", arguments: 1...4)
    func anotherFleet(breaks: Int) async throws {
        let fleet = try Fleet(2)
        let nodes = fleet.nodes
        func open(_ circuit: FleetCircuit) async throws {
            let task = Task(executorPreference: fleet.executor) { try await circuit.open(for: .seconds(5)) }
            fleet.executor.drain()
            try await task.value
        }
        for _ in 1...breaks {
            try await open(nodes[0].fleet)
            #expect(fleet.states == [.open, .open])
            fleet.pass(.seconds(7))
            nodes.forEach { $0.call("S") }
            fleet.pass(.seconds(2))
            nodes.forEach { $0.call("S") }
            fleet.pass(.seconds(2))
            #expect(fleet.states == [.closed, .closed])
        }
        fleet.stop()
        let store = InMemoryCircuitStore(clock: fleet.clock)
        let others = try nodes.map { try FleetCircuit($0.breaker, .sixFailures, through: store) }
        let tasks = others.map { other in Task(executorPreference: fleet.executor) { try await other.run() } }
        fleet.executor.drain()
        for _ in 1...breaks {
            try await open(others[0])
            #expect(fleet.states == [.open, .open])
            let closing = Task(executorPreference: fleet.executor) { try await others[1].close() }
            fleet.executor.drain()
            try await closing.value
            #expect(fleet.states == [.closed, .closed])
        }
        tasks.forEach { $0.cancel() }
        fleet.executor.drain()
    }

    @Test("A breaker that was closed by hand stays closed for this break of the fleet")
    func closedByHand() throws {
        let fleet = try Fleet(3)
        fleet.trip()
        fleet.nodes[0].breaker.close()
        fleet.pass(.seconds(3))
        #expect(fleet.states == [.closed, .open, .open])
        fleet.stop()
    }

    @Test("The fleet does not touch breakers that are isolated, disabled or observing")
    func otherStates() throws {
        let fleet = try Fleet(6)
        fleet.nodes[3].breaker.isolate()
        fleet.nodes[4].breaker.disable()
        fleet.nodes[5].breaker.observe()
        fleet.trip()
        #expect(fleet.states == [.open, .open, .open, .isolated, .disabled, .observing])
        fleet.stop()
    }

    @Test("A rejected caller is told the break of the fleet, but for a second, and no error of its own node")
    func rejections() throws {
        let fleet = try Fleet(4)
        fleet.trip()
        for node in fleet.nodes {
            let error = #expect(throws: CircuitBreaker.OpenError.self) { _ = try node.breaker.tryAcquirePermit() }
            let wait = try #require(error?.retryAfter)
            #expect(wait > .milliseconds(4900) && wait < .seconds(6))
            #expect(error?.lastFailure == nil)
        }
        fleet.stop()
    }

    @Test("A new node learns of an open circuit at once")
    func newNode() throws {
        let fleet = try Fleet(3)
        fleet.trip()
        let node = try FleetNode(
            "new", .alone, fleet.store, .sixFailures, clock: fleet.clock, random: .seeded(9), on: fleet.executor)
        node.start()
        fleet.executor.drain()
        #expect(node.breaker.state == .open)
        node.cancel()
        fleet.stop()
    }

    @Test("A node that cannot listen hears at the next tick")
    func deaf() throws {
        let fleet = try Fleet(4, starts: false)
        fleet.store.fault = .deaf
        fleet.start()
        fleet.pass(.seconds(30))
        fleet.trip()
        fleet.pass(.milliseconds(1100))
        #expect(fleet.states == Array(repeating: .open, count: 4))
        fleet.stop()
    }

    @Test("A node that cannot listen tries again after delays from 100 ms up to the longest, less up to half")
    func deafDelays() throws {
        var configuration = FleetCircuit.Configuration.sixFailures
        configuration.maxRetryDelay = .seconds(2)
        let fleet = try Fleet(1, configuration, starts: false)
        fleet.store.fault = .deaf
        fleet.start()
        fleet.pass(.seconds(30))
        let times = fleet.store.listened.withLock { $0 }
        let gaps = zip(times, times.dropFirst()).map { $0.duration(to: $1) }
        for (index, gap) in gaps.enumerated() {
            let whole = Duration.milliseconds(index < 5 ? 100 << index : 2000)
            #expect(gap >= whole / 2 && gap <= whole, "\(index)")
        }
        #expect(gaps.count > 15 && Set(gaps.suffix(10)).count == 10)
        fleet.stop()
    }

    @Test("The store is asked once a tick while calls come, and every fifth tick while none do")
    func atRest() throws {
        let fleet = try Fleet(1)
        fleet.pass(.seconds(5))
        fleet.store.forget()
        for _ in 0..<100 {
            fleet.nodes[0].call("S")
            fleet.pass(.seconds(1))
        }
        #expect((90...111).contains(fleet.store.reports.count))
        fleet.pass(.seconds(10))
        fleet.store.forget()
        fleet.pass(.seconds(100))
        #expect((18...22).contains(fleet.store.reports.count))
        fleet.stop()
    }

    @Test("Failures that go on are told ever more rarely, down to once a tick")
    func ongoingFailures() throws {
        let fleet = try Fleet(1)
        fleet.pass(.seconds(5))
        fleet.store.forget()
        for _ in 0..<1000 {
            fleet.nodes[0].call("FSSSSSSSSS")
            fleet.pass(.milliseconds(10))
        }
        #expect(fleet.store.reports.count < 60)
        fleet.store.forget()
        for _ in 0..<1000 {
            fleet.nodes[0].call("FSSSSSSSSS")
            fleet.pass(.milliseconds(10))
        }
        #expect(fleet.store.reports.count < 12)
        fleet.stop()
    }

    @Test("A required store that refuses to tell of changes ends the run, and one that is not required does not")
    func refusedChanges() async throws {
        var configuration = FleetCircuit.Configuration.sixFailures
        for isRequired in [true, false] {
            configuration.isRequired = isRequired
            let fleet = try Fleet(1, configuration, starts: false)
            fleet.store.fault = .refusesChanges
            fleet.start()
            fleet.pass(.seconds(30))
            if isRequired {
                #expect(await fleet.nodes[0].end as? SharedStateError == .refused("no right to the channel"))
            } else {
                #expect(fleet.nodes[0].names.isEmpty && fleet.nodes[0].call("S") == 1)
            }
            fleet.stop()
            #expect(fleet.clock.sleeperCount == 0 && fleet.clock.timerCount == 0 && fleet.executor.readyCount == 0)
        }
    }

    @Test("A required store that refuses to tell of changes later on does not end the run")
    func refusedChangesLater() async throws {
        var configuration = FleetCircuit.Configuration.sixFailures
        configuration.isRequired = true
        let fleet = try Fleet(1, configuration)
        fleet.pass(.seconds(2))
        fleet.store.inner.removeAll()
        fleet.store.fault = .refusesChanges
        fleet.pass(.seconds(10))
        #expect(fleet.nodes[0].call("S") == 1)
        fleet.stop()
        #expect(await fleet.nodes[0].end == nil)
    }

    @Test("A required store that is away ends the run; one that is not, does not, and one run is enough")
    func required() async throws {
        var configuration = FleetCircuit.Configuration.sixFailures
        configuration.isRequired = true
        let fleet = try Fleet(1, configuration, starts: false)
        fleet.store.fault = .down(.refused("wrong password"))
        fleet.start()
        #expect(await fleet.nodes[0].end as? SharedStateError == .refused("wrong password"))
        fleet.store.fault = .none
        fleet.start()
        fleet.store.fault = .down(.refused("wrong password"))
        fleet.pass(.seconds(10))
        let circuit = fleet.nodes[0].fleet
        let second = Task(executorPreference: fleet.executor) { try await circuit.run() }
        fleet.executor.drain()
        await #expect(throws: SharedStateError.self) { try await second.value }
        fleet.stop()
        #expect(await fleet.nodes[0].end == nil)
        #expect(fleet.clock.sleeperCount == 0 && fleet.clock.timerCount == 0 && fleet.executor.readyCount == 0)
    }

    @Test("X-37: clocks that are 5 s apart, and run at different speeds, agree on the end of the break")
    func skew() throws {
        let fleet = try Fleet(0)
        let nodes = try (0..<4).map { number in
            try FleetNode(
                "skewed\(number)", .alone, fleet.store, .sixFailures,
                clock: OffsetClock(fleet.clock, by: .seconds(number * 5 - 10)), random: .seeded(UInt64(number)),
                on: fleet.executor)
        }
        nodes.forEach { $0.start() }
        fleet.executor.drain()
        nodes.prefix(3).forEach { $0.call("FF") }
        fleet.pass(.milliseconds(50))
        for _ in 0..<9 {
            #expect(nodes.allSatisfy { $0.breaker.state == .open && $0.call("S") == 0 })
            fleet.pass(.milliseconds(500))
        }
        #expect(nodes.allSatisfy { $0.fleet.shared.phase.isOpen })
        fleet.pass(.milliseconds(800))
        #expect(nodes.count { $0.breaker.state == .halfOpen } == 1)
        for node in nodes where node.breaker.state == .halfOpen { node.call("S") }
        fleet.pass(.milliseconds(50))
        #expect(nodes.allSatisfy { $0.breaker.state == .closed && $0.names.count { $0 == "opened" } == 1 })
        nodes.forEach { $0.cancel() }
        fleet.executor.drain()
    }
}

/// A clock that shows another time than the one behind it.
final class OffsetClock: TimerClock {
    private let clock: ManualClock
    private let offset: Duration

    init(_ clock: ManualClock, by offset: Duration) { (self.clock, self.offset) = (clock, offset) }

    var now: ManualClock.Instant { clock.now.advanced(by: offset) }
    var minimumResolution: Duration { clock.minimumResolution }

    func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws {
        try await clock.sleep(until: deadline.advanced(by: .zero - offset), tolerance: tolerance)
    }

    func schedule(at instant: ManualClock.Instant, _ action: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        clock.schedule(at: instant.advanced(by: .zero - offset), action)
    }
}

extension CircuitBreaker {
    var lastReason: Reason? { fleetView.lastReason }
}
