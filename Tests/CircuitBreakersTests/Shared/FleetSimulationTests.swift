import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// A thousand nodes in virtual time, each of which calls ten times a second, with a store that takes 2 ms. In debug a
/// hundred, because each exchange looks at every node.
@Suite struct FleetSimulationTests {
    #if DEBUG
        static let count = 100
    #else
        static let count = 1000
    #endif

    @Test(
        "Many nodes agree within half a second once the rule holds, with few messages, and recover by one node's probe")
    func outage() throws {
        let simulation = try Simulation(Self.count, poisoned: 0)
        simulation.pass(3)
        let atRest = simulation.messages { simulation.pass(2) } / 2
        #expect(atRest * 100 <= Self.count * 115, "\(atRest) messages a second at rest")

        simulation.isServiceDown = true
        // Half of the calls in a window of two seconds have failed a second after this.
        let start = simulation.fleet.clock.now.advanced(by: .seconds(1))
        let messages = simulation.messages { simulation.passUntil(within: .seconds(3)) { $0.openShare == 1 } }
        let agreed = start.duration(to: simulation.fleet.clock.now)
        print("simulation: \(atRest) messages/s at rest; all open after \(agreed), \(messages) messages")
        #expect(agreed <= .milliseconds(500), "\(agreed) until all were open")
        #expect(messages <= 15 * Self.count, "\(messages) messages until all were open")

        simulation.isServiceDown = false
        let recovery = simulation.fleet.clock.now
        simulation.passUntil(within: .seconds(8)) { $0.openShare == 0 }
        let length = recovery.duration(to: simulation.fleet.clock.now)
        print("simulation: all closed after \(length), leases \(simulation.leases)")
        #expect(simulation.openShare == 0 && simulation.leases == 1, "\(length), \(simulation.leases) leases")
        #expect(length <= .milliseconds(5_600))
        simulation.fleet.stop()
    }

    @Test("One node in a hundred with a broken network opens alone, and neither opens nor holds up the rest")
    func poisoned() throws {
        let count = max(Self.count, 400)
        let simulation = try Simulation(count, poisoned: count / 100)
        // From the first call on, when nothing is known of the others.
        for _ in 0..<4 {
            simulation.pass(1)
            #expect(simulation.openShare == 0 && simulation.poisonedOpen == count / 100)
        }
        let shared = simulation.fleet.nodes[count / 2].fleet.shared
        print("simulation: \(shared.counts) of \(shared.nodes) nodes, \(shared.witnesses) witnesses")
        #expect(shared.isClosed && shared.witnesses <= count / 100)
        simulation.fleet.stop()
    }
}

private final class Simulation {
    let fleet: Fleet
    let poisoned: Int
    var isServiceDown = false
    private var turn = 0

    init(_ count: Int, poisoned: Int) throws {
        self.poisoned = poisoned
        fleet = try Fleet(
            count,
            FleetCircuit.Configuration(
                rule: SharedCircuitRule(trip: .failureRate(0.5, minimumCalls: 100), window: .seconds(2))),
            breaker: .init(
                trip: .consecutiveFailures(30), breakLength: .fixed(.seconds(20)), halfOpen: .init(probes: 1)),
            starts: false)
        fleet.store.fault = .slow(.milliseconds(2))
        fleet.start()
    }

    /// A tenth of the nodes after the other, ten times a second each.
    private func step() {
        var index = turn % 10
        turn += 1
        while index < fleet.nodes.count {
            let isBad = index < poisoned
            // A poisoned node sees nothing but failures, and many of them.
            fleet.nodes[index].call(isBad ? "FFFFFFFFFF" : isServiceDown ? "F" : "S")
            index += 10
        }
        fleet.pass(.milliseconds(10))
    }

    func pass(_ seconds: Int) {
        for _ in 0..<(seconds * 100) { step() }
    }

    func passUntil(within limit: Duration, _ condition: (Simulation) -> Bool) {
        let end = fleet.clock.now.advanced(by: limit)
        while fleet.clock.now < end, !condition(self) { step() }
    }

    func messages(_ body: () -> Void) -> Int {
        fleet.store.forget()
        body()
        return fleet.store.reports.count
    }

    /// The share of the healthy nodes whose breakers are not closed.
    var openShare: Double {
        let healthy = fleet.nodes.dropFirst(poisoned)
        return Double(healthy.count { $0.breaker.fleetView.state != .closed }) / Double(healthy.count)
    }

    var poisonedOpen: Int { fleet.nodes.prefix(poisoned).count { $0.breaker.state == .open } }
    var leases: Int { fleet.nodes.reduce(0) { $0 + $1.fleet.totals.leases } }
}
