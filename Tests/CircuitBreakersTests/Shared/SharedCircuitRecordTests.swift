import ResilienceCore
import Testing

@testable import CircuitBreakers

@Suite struct SharedCircuitRecordTests {
    // MARK: What nodes know of a time that the store has forgotten

    private static let lax = SharedCircuitRule(
        trip: .failures(1), minimumNodes: 1, minimumShare: 0, maxNodeShare: 1)

    private func report(_ known: SharedCircuit, _ slots: [CircuitReport.Slot] = []) -> CircuitReport {
        CircuitReport(circuit: "c", node: "n", rule: Self.lax, slots: slots, known: known)
    }

    @Test("A circuit that opened three times in a row, as a node knows, opens for as long as the fourth time")
    func adoptedOpenings() {
        var record = SharedCircuitRecord()
        let known = SharedCircuit(.closed, epoch: 7, consecutiveOpens: 3)
        let reply = record.merge(report(known, [slot(failures: 1)]), now: 1_000_000)
        #expect(reply.phase == .open(remaining: .seconds(40)) && reply.consecutiveOpens == 4)
    }

    @Test("A break of less than no time, as no node tells, is over now")
    func negativeRest() {
        var (negative, zero) = (SharedCircuitRecord(), SharedCircuitRecord())
        _ = negative.merge(report(SharedCircuit(.open(remaining: .microseconds(-5)), epoch: 1)), now: 1000)
        _ = zero.merge(report(SharedCircuit(.open(remaining: .zero), epoch: 1)), now: 1000)
        #expect(negative == zero && negative.phase == .open(until: 1000))
    }

    // MARK: Counting and the rule

    @Test("X-30: three nodes with two failures each open the circuit of a rule of six, and no update is lost")
    func threeNodesWithTwoFailuresEach() {
        var ledger = Ledger()
        #expect(ledger.exchange("a", [slot(failures: 2)]).isClosed)
        #expect(ledger.exchange("b", [slot(failures: 2)]).isClosed)
        let reply = ledger.exchange("c", [slot(failures: 2)])
        #expect(reply.phase == .open(remaining: .seconds(5)))
        #expect(reply.counts == SharedCounts(calls: 6, failures: 6) && reply.nodes == 3 && reply.witnesses == 3)
        #expect(ledger.exchange("a").isOpen && ledger.exchange("b").isOpen)
    }

    @Test("X-31: one node with a broken network and a thousand failures cannot open the fleet's circuit")
    func oneBadNode() {
        for trip in [
            SharedCircuitRule.Trip.failures(6), .failureRate(0.5, minimumCalls: 100),
            .slowCallRate(0.5, minimumCalls: 10),
        ] {
            var ledger = Ledger(SharedCircuitRule(trip: trip))
            for node in 1...9 { ledger.exchange("node \(node)", [slot(calls: 100)]) }
            let reply = ledger.exchange("bad", [slot(calls: 1000, failures: 1000, slow: 1000)])
            #expect(reply.isClosed && reply.witnesses == 1 && reply.nodes == 10)
            // Its weight is half of the fleet's at most: what the other nine have.
            #expect(reply.counts == SharedCounts(calls: 1800, failures: 900, slow: 900))
        }
    }

    @Test("A node alone counts for nothing, unless the rule lets one node be the whole of the fleet")
    func oneNodeAlone() {
        var ledger = Ledger(SharedCircuitRule(trip: .failures(6), minimumNodes: 1))
        #expect(ledger.exchange("a", [slot(failures: 1000)]).isClosed)
        ledger = Ledger(SharedCircuitRule(trip: .failures(6), minimumNodes: 1, maxNodeShare: 1))
        #expect(ledger.exchange("a", [slot(failures: 6)]).isOpen)
        ledger = Ledger(SharedCircuitRule(trip: .failures(6), minimumNodes: 2, maxNodeShare: 1))
        #expect(ledger.exchange("a", [slot(failures: 6)]).isClosed)
    }

    @Test(
        "The quorum is the greater of a number of nodes and a share of those with calls, rounded up",
        arguments: [
            (nodes: 10, minimumNodes: 2, minimumShare: 0.5, quorum: 5), (11, 2, 0.5, 6), (3, 2, 0, 2),
            (100, 1, 0.07, 7),
            (100, 1, 0.29, 29), (100, 1, 0.57, 57), (100, 1, 0.571, 58), (4, 4, 0.1, 4), (4, 1, 1, 4),
        ])
    func quorum(nodes: Int, minimumNodes: Int, minimumShare: Double, quorum: Int) {
        var ledger = Ledger(
            SharedCircuitRule(
                trip: .failures(1), minimumNodes: minimumNodes, minimumShare: minimumShare, maxNodeShare: 1))
        for node in 1...nodes { ledger.exchange("\(node)", [slot(1, calls: 1)]) }
        for node in 1..<quorum { #expect(ledger.exchange("\(node)", [slot(2, calls: 1, failures: 1)]).isClosed) }
        #expect(ledger.exchange("\(quorum)", [slot(2, calls: 1, failures: 1)]).isOpen)
    }

    @Test("A rate is compared with its threshold exactly, also where binary fractions are not")
    func thresholds() {
        for percent in 1...100 {
            var ledger = Ledger(
                SharedCircuitRule(trip: .failureRate(Double(percent) / 100, minimumCalls: 200), minimumShare: 0))
            ledger.exchange("a", [slot(calls: 100, failures: percent)])
            #expect(ledger.exchange("b", [slot(calls: 100, failures: percent - 1)]).isClosed, "\(percent)")
            #expect(ledger.exchange("b", [slot(calls: 100, failures: percent)]).isOpen, "\(percent)")
        }
    }

    @Test("What is older than the window is forgotten, at exactly its length")
    func window() {
        var ledger = Ledger()
        ledger.exchange("a", [slot(failures: 3)])
        ledger.advance(by: .milliseconds(9_999))
        #expect(ledger.exchange("b", [slot(failures: 2)]).counts.failures == 4)
        ledger.advance(by: .milliseconds(1))
        #expect(ledger.exchange("b").nodes == 1)
        #expect(ledger.exchange("c", [slot(age: .seconds(10), failures: 9)]).nodes == 1)
        #expect(ledger.exchange("c", [slot(age: .milliseconds(9_999), failures: 1)]).nodes == 2)
    }

    @Test("A report that was delayed does not bring back what had been dropped")
    func delayedReport() {
        var ledger = Ledger()
        let late = ledger.report("a", [slot(7, failures: 3)])
        ledger.exchange("a", [slot(7, failures: 3)])
        ledger.advance(by: .seconds(10))
        ledger.exchange("a", [slot(8, calls: 1)])
        _ = ledger.record.merge(late, now: ledger.now)
        #expect(ledger.exchange("a").counts.failures == 0)
        #expect(ledger.record.nodes["a"]?.slots.keys.sorted() == [8])
    }

    @Test("X-38: merging counts is commutative and idempotent")
    func commutativeAndIdempotent() {
        var random = SplitMix64(seed: 38)
        for _ in 0..<500 {
            let reports = (0..<12).map { _ in
                Ledger(.init(trip: .failures(1_000_000))).report(
                    "\(Int.random(in: 1...3, using: &random))",
                    [
                        slot(
                            .random(in: 1...3, using: &random),
                            age: .milliseconds(.random(in: 0...900, using: &random)),
                            calls: .random(in: 5...9, using: &random), failures: .random(in: 0...5, using: &random))
                    ])
            }
            var (one, other) = (SharedCircuitRecord(), SharedCircuitRecord())
            for report in reports { _ = one.merge(report, now: 1_000_000) }
            for report in (reports + reports.shuffled(using: &random)).shuffled(using: &random) {
                _ = other.merge(report, now: 1_000_000)
            }
            #expect(one == other)
        }
    }

    @Test("Memory is bounded: nodes, slots of a node, counts of a slot")
    func bounds() {
        var ledger = Ledger(SharedCircuitRule(trip: .failureRate(1, minimumCalls: 1), minimumShare: 1))
        for number in Int64(1)...200 { ledger.exchange("a", [slot(number, calls: 1)]) }
        #expect(ledger.record.nodes["a"]?.slots.keys.sorted() == Array(Int64(137)...200))
        // The rule is looked at once for each of them.
        for node in 0..<(SharedCircuitRecord.maxNodes + 10) { ledger.record.meet("\(node)", ledger.rule, ledger.now) }
        #expect(ledger.record.nodes.count == SharedCircuitRecord.maxNodes)
        ledger = Ledger()
        ledger.exchange("a", [slot(calls: .max, failures: .max, slow: .max / 2)])
        #expect(
            ledger.record.nodes["a"]?.slots[1]?.counts
                == SharedCounts(calls: 100_000_000, failures: 100_000_000, slow: 49_999_999))
        #expect(slot(calls: -1, failures: -5, slow: 3).counts.bounded == SharedCounts())
        #expect(slot(calls: 5, failures: 9, slow: -1).counts.bounded == SharedCounts(calls: 5, failures: 5))
    }

    @Test("A break by hand lasts for 366 days at most, and a millisecond at least, also as it was heard elsewhere")
    func manualBreaks() {
        let most = Duration.seconds(366 * 86_400)
        for (asked, length) in [
            (most, most), (most + .seconds(1), most), (most - .seconds(1), most - .seconds(1)),
            (.zero, .milliseconds(1)), (.milliseconds(2), .milliseconds(2)),
        ] {
            var ledger = Ledger()
            let reply = ledger.exchange("a", [], .open(asked))
            #expect(reply.phase == .open(remaining: length))
            var other = SharedCircuitRecord()
            let known = SharedCircuit(.open(remaining: asked), epoch: 4)
            let report = CircuitReport(circuit: "test", node: "a", rule: .sixFailures, known: known)
            #expect(other.merge(report, now: 0).phase == .open(remaining: min(asked, most)))
        }
    }

    @Test(
        "Up to 90 million calls are weighed as they are, and more in units that make no more of them",
        arguments: [
            (44_999_999, 90_000_000), (45_000_000, 90_000_000), (44_999_990, 89_999_991), (46_000_000, 91_000_000),
            (136_000_000, 180_999_999), (134_999_999, 179_999_998),
        ])
    func units(calls: Int, counted: Int) {
        var ledger = Ledger(.init(trip: .failures(1), maxNodeShare: 1))
        for number in 1...2 as ClosedRange<Int64> {
            ledger.exchange("a", [slot(number, calls: calls / 2 + (number == 1 ? calls % 2 : 0))])
        }
        #expect(ledger.exchange("b", [slot(1, calls: 45_000_001)]).counts.calls == counted)
    }

    @Test("A node is cut to its share in units too, to the last of them")
    func cutUnits() {
        var ledger = Ledger(.init(trip: .failures(1), maxNodeShare: 0.5))
        ledger.exchange("a", [slot(1, calls: 68_000_000), slot(2, calls: 68_000_000)])
        // A unit of three: as many for each node.
        #expect(ledger.exchange("b", [slot(1, calls: 45_000_001)]).counts.calls == 90_000_000)
    }

    @Test("Counts as great as they can be are weighed without overflow, and rates stay what they are")
    func greatCounts() {
        for rate in [0.49, 0.51] {
            var ledger = Ledger(
                SharedCircuitRule(trip: .failureRate(0.5, minimumCalls: 100), minimumShare: 0, maxNodeShare: 0.1))
            let failures = Int(100_000_000 * rate)
            var reply = SharedCircuit.new
            for node in 1...20 {
                let slots = (Int64(1)...64).map { slot($0, calls: 100_000_000, failures: failures) }
                reply = ledger.exchange("\(node)", slots)
                if reply.isOpen { break }
            }
            #expect(reply.isOpen == (rate > 0.5))
            let counted = Double(reply.counts.failures) / Double(max(1, reply.counts.calls))
            #expect(abs(counted - rate) < 0.001)
        }
    }

    @Test("A few bad nodes that are the first to be heard after a quiet time do not speak for those that are silent")
    func firstToBeHeard() {
        for closesBefore in [false, true] {
            var ledger = Ledger(SharedCircuitRule(trip: .failureRate(0.5, minimumCalls: 10)))
            for node in 1...20 { ledger.exchange("node \(node)") }
            if closesBefore {
                ledger.exchange("node 1", [], .open(.seconds(1)))
                ledger.advance(by: .seconds(1))
                for node in 1...20 { ledger.exchange("node \(node)") }
                ledger.exchange("node 1", [], .close)
            }
            ledger.advance(by: .seconds(2))
            for node in 1...9 { #expect(ledger.exchange("node \(node)", [slot(3, failures: 10)]).isClosed) }
            // The others had no calls, and say so.
            for node in 11...19 { #expect(ledger.exchange("node \(node)").isOpen == (node > 11)) }
        }
    }

    @Test(
        "A node without calls is waited for as long as the window, and forgotten after two; but not within six seconds",
        arguments: [(1, 6, 6), (4, 6, 8), (7, 7, 14), (10, 10, 20)])
    func silentNode(window: Int, waited: Int, known: Int) {
        let rule = SharedCircuitRule(
            trip: .failures(1), window: .seconds(window), minimumNodes: 1, minimumShare: 1, maxNodeShare: 1)
        for (seconds, isKnown) in [(waited, waited < known), (known, false)] {
            for early in [1, 0] {
                var ledger = Ledger(rule)
                ledger.exchange("silent")
                ledger.advance(by: .seconds(seconds) - .microseconds(early))
                let reply = ledger.exchange("failing", [slot(1, failures: 1)])
                #expect(reply.isOpen == (early == 0 || seconds > waited), "\(seconds) s, \(early)")
                #expect((ledger.record.nodes["silent"] != nil) == (isKnown || early == 1), "\(seconds) s, \(early)")
            }
        }
    }

    @Test("Nodes that are gone are not waited for")
    func goneNodes() {
        var ledger = Ledger()
        for node in 1...20 { ledger.exchange("node \(node)") }
        ledger.advance(by: .seconds(10))
        ledger.trip()
        #expect(ledger.exchange("node 1").isOpen)
    }

    // MARK: Breaks

    @Test("Breaks in a row grow by the factor up to the longest, and start over once the circuit was closed")
    func breakLengths() {
        var ledger = Ledger(
            SharedCircuitRule(
                trip: .failures(6), breakLength: .growing(from: .seconds(5), factor: 1.5, upTo: .seconds(10))))
        ledger.trip()
        for (number, length) in [5, 7.5, 10, 10].enumerated() {
            let state = ledger.exchange("node 1")
            #expect(state.phase == .open(remaining: .seconds(length)) && state.consecutiveOpens == number + 1)
            ledger.advance(by: .seconds(length))
            #expect(ledger.exchange("node 1").phase == .open(remaining: .zero))
            let lease = ledger.exchange("node 1", [], .lease(.seconds(1)))
            ledger.exchange("node 1", [], .failed(epoch: lease.epoch))
        }
        #expect(ledger.rule.parts.breakLength(.max) == 10_000_000)
    }

    // MARK: Leases

    @Test("X-36: one node holds the lease, and when it dies the lease expires and another gets it")
    func leases() {
        var ledger = Ledger()
        ledger.trip()
        #expect(ledger.exchange("node 2", [], .lease(.seconds(2))).isOpen)
        ledger.advance(by: .seconds(5))
        for node in 1...6 { ledger.exchange("node \(node)") }
        let held = ledger.exchange("node 2", [], .lease(.seconds(2)))
        #expect(held.phase == .probing(node: "node 2", remaining: .seconds(2)))
        for node in [1, 3, 4] {
            #expect(ledger.exchange("node \(node)", [], .lease(.seconds(2))).holder == "node 2")
        }
        ledger.advance(by: .milliseconds(1_999))
        #expect(ledger.exchange("node 3").phase == .probing(node: "node 2", remaining: .milliseconds(1)))
        ledger.advance(by: .milliseconds(1))
        let expired = ledger.exchange("node 3")
        #expect(expired.phase == .open(remaining: .zero) && expired.epoch == held.epoch + 1)
        let next = ledger.exchange("node 3", [], .lease(.seconds(2)))
        #expect(next.holder == "node 3")
        // Who held it before comes back: its verdict is void.
        for request: CircuitReport.Request in [
            .succeeded(epoch: held.epoch), .failed(epoch: held.epoch), .giveUp(epoch: held.epoch),
            .succeeded(epoch: next.epoch), .failed(epoch: next.epoch), .giveUp(epoch: next.epoch),
        ] {
            #expect(ledger.exchange("node 2", [], request).holder == "node 3")
        }
        #expect(ledger.exchange("node 3", [], .succeeded(epoch: next.epoch)).isClosed)
    }

    @Test("A lease lasts for an hour at most, and a millisecond at least, also as it was heard elsewhere")
    func leaseLengths() {
        let most = Duration.seconds(3600)
        for (asked, length) in [
            (most, most), (most + .microseconds(1), most), (most - .microseconds(1), most - .microseconds(1)),
            (.zero, .milliseconds(1)), (.microseconds(999), .milliseconds(1)),
            (.microseconds(1001), .microseconds(1001)),
        ] {
            var ledger = Ledger()
            ledger.exchange("a", [], .open(.milliseconds(1)))
            ledger.advance(by: .milliseconds(1))
            ledger.exchange("a")
            #expect(ledger.exchange("a", [], .lease(asked)).phase == .probing(node: "a", remaining: length))
            var other = Ledger()
            other.known["b"] = SharedCircuit(.probing(node: "a", remaining: asked), epoch: 4)
            let heard =
                asked == .zero
                ? .open(remaining: .zero)
                : .probing(node: "a", remaining: min(asked, most))
                    as SharedCircuit.Phase
            #expect(other.exchange("b").phase == heard)
        }
    }

    @Test("A verdict is of one lease: that of an earlier one of the same node comes too late")
    func earlierLease() {
        var ledger = Ledger()
        ledger.trip()
        ledger.advance(by: .seconds(5))
        ledger.exchange("node 1")
        let first = ledger.exchange("node 1", [], .lease(.seconds(2)))
        // Nobody reports for a while.
        ledger.advance(by: .seconds(9))
        #expect(ledger.exchange("node 1").phase == .open(remaining: .zero))
        let second = ledger.exchange("node 1", [], .lease(.seconds(2)))
        #expect(second.holder == "node 1")
        for request: CircuitReport.Request in [
            .succeeded(epoch: first.epoch), .failed(epoch: first.epoch), .giveUp(epoch: first.epoch),
        ] {
            #expect(ledger.exchange("node 1", [], request).holder == "node 1")
        }
        #expect(ledger.exchange("node 1", [], .failed(epoch: second.epoch)).phase == .open(remaining: .seconds(10)))
    }

    @Test("A lease that was given up is free at once")
    func givingUp() {
        var ledger = Ledger()
        ledger.trip()
        ledger.advance(by: .seconds(5))
        ledger.exchange("node 1")
        let lease = ledger.exchange("node 1", [], .lease(.seconds(2)))
        #expect(ledger.exchange("node 1", [], .giveUp(epoch: lease.epoch)).phase == .open(remaining: .zero))
        ledger.exchange("node 2")
        #expect(ledger.exchange("node 2", [], .lease(.seconds(2))).holder == "node 2")
    }

    @Test("A request that comes again, or from a node that does not know the newest epoch, changes nothing")
    func staleRequests() {
        let requests: [CircuitReport.Request] = [.lease(.seconds(2)), .open(.seconds(9)), .close]
        for request in requests {
            var ledger = Ledger()
            ledger.trip()
            ledger.advance(by: .seconds(5))
            let report = ledger.report("node 6", [], request)
            let first = ledger.record.merge(report, now: ledger.now)
            #expect(first.epoch == 2)
            let second = ledger.record.merge(report, now: ledger.now)
            #expect(second.epoch == first.epoch && second.phase == first.phase)
            // Much later, when the circuit has opened again.
            ledger.exchange("node 6")
            ledger.exchange("node 6", [], .open(.seconds(1)))
            ledger.advance(by: .seconds(1))
            #expect(ledger.record.merge(report, now: ledger.now).phase == .open(remaining: .zero))
        }
    }

    @Test("What was counted before the circuit closed does not open it again")
    func countsAnew() {
        var ledger = Ledger()
        ledger.trip()
        ledger.advance(by: .seconds(5))
        ledger.exchange("node 1")
        let lease = ledger.exchange("node 1", [], .lease(.seconds(2)))
        ledger.exchange("node 1", [], .succeeded(epoch: lease.epoch))
        for node in 1...6 {
            let reply = ledger.exchange("node \(node)", [slot(1, age: .seconds(5), failures: 2)])
            #expect(reply.isClosed && reply.counts == SharedCounts())
        }
        for node in 1...6 { ledger.exchange("node \(node)", [slot(2, failures: 1)]) }
        #expect(ledger.exchange("node 1").isOpen)
    }

    // MARK: A store that forgets

    @Test("X-35: a store that was emptied learns the newest state again, and asks for the counts")
    func emptied() {
        var ledger = Ledger()
        ledger.exchange("a", [slot(failures: 2)])
        #expect(!ledger.exchange("a").wasEmpty)
        ledger.record = SharedCircuitRecord()
        #expect(ledger.exchange("b", [slot(failures: 2)]).wasEmpty)
        // Another node has been there since; the store has nothing of this one all the same.
        #expect(ledger.exchange("a").wasEmpty)
        ledger.trip()
        let open = ledger.exchange("a")
        ledger.record = SharedCircuitRecord()
        let reply = ledger.exchange("a")
        #expect(reply.isOpen && reply.epoch == open.epoch && reply.consecutiveOpens == 1)
        let other = ledger.exchange("c")
        // While it is open no counts are wanted.
        #expect(other.phase == reply.phase && !other.wasEmpty)
    }

    @Test("A lease survives a store that was emptied: one node holds it, and its verdict counts")
    func leaseSurvives() {
        var ledger = Ledger()
        ledger.trip()
        ledger.advance(by: .seconds(5))
        ledger.exchange("node 1")
        let lease = ledger.exchange("node 1", [], .lease(.seconds(2)))
        ledger.exchange("node 2")
        ledger.record = SharedCircuitRecord()
        #expect(ledger.exchange("node 2", [], .lease(.seconds(2))).holder == "node 1")
        #expect(ledger.exchange("node 1", [], .succeeded(epoch: lease.epoch)).isClosed)
    }

    @Test("The greatest epoch that is taken over is the last")
    func lastEpoch() {
        for (known, epoch, next) in [
            (1 << 52 - 1, 1 << 52 - 1, 1 << 52), (1 << 52, 1 << 52, 1 << 52), (.max, 1 << 52, 1 << 52),
        ]
            as [(Int64, Int64, Int64)]
        {
            var ledger = Ledger()
            ledger.known["a"] = SharedCircuit(.closed, epoch: known)
            #expect(ledger.exchange("a").epoch == epoch)
            #expect(ledger.exchange("a", [], .open(.seconds(1))).epoch == next)
        }
    }

    @Test("An epoch never goes back, and of two states with one epoch the stricter stays")
    func epochs() {
        func merged(_ one: SharedCircuit, _ other: SharedCircuit) -> SharedCircuit {
            var ledger = Ledger()
            ledger.known["a"] = one
            ledger.exchange("a")
            ledger.known["a"] = other
            return ledger.exchange("a")
        }
        let states = [
            SharedCircuit(.closed, epoch: 4), .init(.probing(node: "x", remaining: .seconds(1)), epoch: 4),
            .init(.open(remaining: .seconds(1)), epoch: 4), .init(.closed, epoch: 5),
        ]
        for (index, state) in states.enumerated() {
            for (otherIndex, other) in states.enumerated() {
                #expect(merged(state, other).phase == states[max(index, otherIndex)].phase)
                #expect(merged(state, other).epoch == states[max(index, otherIndex)].epoch)
            }
        }
    }

    @Test("How much of a break is left is the store's to say: a report from before does not make it longer")
    func breakIsNotProlonged() {
        var ledger = Ledger()
        ledger.trip()
        let delayed = ledger.report("node 6")
        ledger.advance(by: .seconds(4))
        #expect(ledger.record.merge(delayed, now: ledger.now).phase == .open(remaining: .seconds(1)))
    }

    // MARK: The clock

    @Test("A store's clock that is set back stands still: nothing lasts longer, and nothing comes back")
    func clockSetBack() {
        var ledger = Ledger()
        ledger.trip()
        ledger.advance(by: .seconds(2))
        #expect(ledger.exchange("node 1").phase == .open(remaining: .seconds(3)))
        ledger.advance(by: .seconds(-3600))
        #expect(ledger.exchange("node 1").phase == .open(remaining: .seconds(3)))
        ledger.advance(by: .seconds(3))
        #expect(ledger.exchange("node 1").phase == .open(remaining: .zero))
    }

    @Test("Times, counts, epochs and names of any size do no harm")
    func anyInput() {
        var random = SplitMix64(seed: 7)
        let numbers: [Int64] = [.min, -1, 0, 1, 1000, 1 << 52, 1 << 53, .max]
        let durations: [Duration] = [
            .zero, .nanoseconds(-1), .seconds(5), .seconds(Int64.max), .seconds(Int64.min), .milliseconds(1),
        ]
        let rates: [Double] = [.nan, .infinity, -.infinity, -1, 0, 0.5, 1, 2, .leastNonzeroMagnitude]
        var record = SharedCircuitRecord()
        for _ in 0..<5000 {
            func number() -> Int64 { numbers.randomElement(using: &random)! }
            func duration() -> Duration { durations.randomElement(using: &random)! }
            func rate() -> Double { rates.randomElement(using: &random)! }
            let count = Int(truncatingIfNeeded: number())
            let trips: [SharedCircuitRule.Trip] = [
                .failures(count), .failureRate(rate(), minimumCalls: count), .slowCallRate(rate(), minimumCalls: count),
            ]
            let rule = SharedCircuitRule(
                trip: trips.randomElement(using: &random)!, window: duration(), minimumNodes: count,
                minimumShare: rate(),
                maxNodeShare: rate(), breakLength: .growing(from: duration(), factor: rate(), upTo: duration()))
            let requests: [CircuitReport.Request] = [
                .nothing, .lease(duration()), .open(duration()), .close, .failed(epoch: number()),
                .succeeded(epoch: number()), .giveUp(epoch: number()),
            ]
            let phases: [SharedCircuit.Phase] = [
                .closed, .open(remaining: duration()), .probing(node: "", remaining: duration()),
            ]
            let report = CircuitReport(
                circuit: "", node: ["", "a", "\0\u{1F600}"].randomElement(using: &random)!, rule: rule,
                slots: (0..<3).map { _ in
                    slot(number(), age: duration(), calls: count, failures: Int(truncatingIfNeeded: number()))
                },
                known: SharedCircuit(
                    phases.randomElement(using: &random)!, epoch: number() >> 2, consecutiveOpens: count),
                request: requests.randomElement(using: &random)!)
            _ = record.merge(report, now: number())
        }
    }
}

extension SharedCircuitRecord {
    /// A node that is only to be there.
    mutating func meet(_ node: String, _ rule: SharedCircuitRule, _ now: Int64) {
        _ = merge(CircuitReport(circuit: "", node: node, rule: rule, slots: [slot(1, calls: 1)]), now: now)
    }
}
