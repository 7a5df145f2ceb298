internal import CircuitBreakers
internal import ResilienceCore

extension CircuitStoreConformance {
    func new() async throws -> String? {
        let reply = try await ask("new", "a")
        let expected = SharedCircuit(.closed, epoch: 0, wasEmpty: true)
        return reply == expected ? nil : reply.signature
    }

    /// Random reports to the store and to a record, none of which depends on how long anything takes.
    func random() async throws -> String? {
        var random = SplitMix64(seed: seed)
        for script in 0..<20 {
            let circuit = "random \(script)"
            let rule = Self.rule(&random)
            var record = SharedCircuitRecord()
            var known = [SharedCircuit.new]
            var now: Int64 = 2_000_000_000
            for step in 0..<40 {
                let epoch = known[known.count - 1].epoch
                var belief = Bool.random(using: &random) ? known[known.count - 1] : known.randomElement(using: &random)
                // A node that knows more, of a store that has forgotten it.
                if Int.random(in: 0..<10, using: &random) == 0 {
                    belief = Self.over(epoch + .random(in: 0...2, using: &random))
                }
                let report = report(
                    circuit, "node \(Int.random(in: 1...4, using: &random))", rule, slots: Self.slots(&random),
                    known: belief ?? .new, Self.request(epoch, &random))
                // Which node was heard before and which after is all that the time says here.
                try await wait(.microseconds(10))
                now += 10
                let expected = record.merge(report, now: now)
                let reply = try await store.exchange(report)
                guard reply.signature == expected.signature, reply.isNear(expected) else {
                    return
                        "\(reply), and not \(expected), in step \(step) of script \(script) of seed \(seed), after "
                        + "\(report)"
                }
                known.append(expected)
            }
        }
        return nil
    }

    private static func rule(_ random: inout SplitMix64) -> SharedCircuitRule {
        let share = Double(Int.random(in: 1...100, using: &random)) / 100
        let calls = Int.random(in: 1...20, using: &random)
        let trips: [SharedCircuitRule.Trip] = [
            .failures(calls), .failureRate(share, minimumCalls: calls), .slowCallRate(share, minimumCalls: calls),
        ]
        return SharedCircuitRule(
            trip: trips[Int.random(in: 0..<3, using: &random)], window: .seconds(3600),
            minimumNodes: .random(in: 1...3, using: &random), minimumShare: .random(in: 0...1, using: &random),
            maxNodeShare: .random(in: 0.1...1, using: &random),
            breakLength: .growing(
                from: .seconds(600), factor: Double(Int.random(in: 1000...3000, using: &random)) / 1000,
                upTo: .seconds(7200)))
    }

    private static func slots(_ random: inout SplitMix64) -> [CircuitReport.Slot] {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in
            // Now and then as many as there can be, which are divided, and more.
            let most = [5, 50, 100_000_000, 1_000_000_000][Int.random(in: 0..<20, using: &random) / 5]
            let calls = Int.random(in: 0...(Bool.random(using: &random) ? 5 : most), using: &random)
            return CircuitReport.Slot(
                .random(in: 1...5, using: &random),
                age: Bool.random(using: &random) ? .zero : .seconds(Int.random(in: 10...1000, using: &random)),
                calls: calls, failures: .random(in: 0...calls, using: &random),
                slow: .random(in: 0...calls, using: &random))
        }
    }

    private static func request(_ epoch: Int64, _ random: inout SplitMix64) -> CircuitReport.Request {
        let epoch = epoch + .random(in: -1...0, using: &random)
        switch Int.random(in: 0..<14, using: &random) {
        case 0, 1, 2: return .lease(.seconds(1800))
        case 3: return .succeeded(epoch: epoch)
        case 4: return .failed(epoch: epoch)
        case 5: return .giveUp(epoch: epoch)
        case 6: return .open(.seconds(900))
        case 7: return .close
        default: return .nothing
        }
    }

    /// Sixteen nodes with eight slots of ten calls each, all at once.
    func atomic() async throws -> String? {
        let calm = SharedCircuitRule(trip: .failures(1_000_000), window: .seconds(3600), maxNodeShare: 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for node in 1...16 {
                for slot in 1...8 {
                    group.addTask {
                        _ = try await ask(
                            "atomic", "node \(node)", calm, slots: [.init(Int64(slot), calls: 10, failures: 1)])
                    }
                }
            }
            try await group.waitForAll()
        }
        let sum = try await ask("atomic", "node 1", calm)
        guard sum.counts == SharedCounts(calls: 1280, failures: 128), sum.nodes == 16 else { return sum.signature }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for node in 1...16 {
                group.addTask { _ = try await ask("opens once", "node \(node)", slots: [.init(failures: 1)]) }
            }
            try await group.waitForAll()
        }
        let reply = try await ask("opens once", "node 1")
        return reply.isOpen && reply.epoch == 1 && reply.consecutiveOpens == 1 ? nil : reply.signature
    }

    func window() async throws -> String? {
        let rule = SharedCircuitRule(trip: .failures(100), window: .milliseconds(400), maxNodeShare: 1)
        let old = try await ask("window", "a", rule, slots: [.init(1, age: .milliseconds(400), failures: 9)])
        guard old.counts == SharedCounts() else { return "\(old.signature) of a slot as old as the window" }
        let young = try await ask("window", "a", rule, slots: [.init(2, failures: 3), .init(3, failures: 1)])
        guard young.counts.failures == 4 else { return "\(young.signature) of slots in the window" }
        try await wait(.milliseconds(450))
        let later = try await ask("window", "a", rule)
        guard later.counts == SharedCounts(), later.nodes == 0 else { return "\(later.signature) after the window" }
        // The node that sent it before sends it again, much later.
        let again = try await ask("window", "a", rule, slots: [.init(2, failures: 3), .init(4, failures: 1)])
        return again.counts.failures == 1 ? nil : "\(again.signature) after what was dropped has come again"
    }

    /// Ten nodes that are there, of which four see failures only and are the first to tell.
    func silentNodes() async throws -> String? {
        let rule = SharedCircuitRule(trip: .failureRate(0.5, minimumCalls: 4), window: .seconds(3600), maxNodeShare: 1)
        for node in 1...10 { _ = try await ask("silent", "node \(node)", rule) }
        try await wait(.milliseconds(2))
        for node in 1...4 {
            let reply = try await ask("silent", "node \(node)", rule, slots: [.init(failures: 10)])
            guard reply.phase == .closed else { return "\(reply.signature) by \(node) of 10 nodes" }
        }
        // Two have nothing to tell, so that four of eight are enough.
        for node in 9...10 {
            let reply = try await ask("silent", "node \(node)", rule)
            guard reply.isOpen == (node == 10) else { return "\(reply.signature) when node \(node) has spoken" }
        }
        return nil
    }

    func names() async throws -> String? {
        let names =
            ["", " ", ":", "{", "}", "{a}", "a:b", "a", "a:", "\0", "\r\n", "\"'\\", "\u{1F600}e\u{301}", "*?[x]"]
            + [String(repeating: "long ", count: 200)]
        let calm = SharedCircuitRule(trip: .failures(1_000_000), window: .seconds(3600), maxNodeShare: 1)
        for (number, name) in names.enumerated() {
            for (nodeNumber, node) in names.enumerated() {
                let calls = number * 100 + nodeNumber + 1
                _ = try await ask("names" + name, node, calm, slots: [.init(calls: calls)])
            }
        }
        for (number, name) in names.enumerated() {
            let reply = try await ask("names" + name, "a", calm)
            let expected = names.indices.reduce(0) { $0 + number * 100 + $1 + 1 }
            guard reply.counts.calls == expected, reply.nodes == names.count else {
                return "\(reply.signature), and not \(expected) calls of \(names.count) nodes, of circuit "
                    + name.debugDescription
            }
        }
        return nil
    }
}

extension SharedCircuit {
    /// Whether as much is left, but for what an exchange may take.
    fileprivate func isNear(_ other: SharedCircuit) -> Bool {
        guard let rest, let otherRest = other.rest else { return true }
        return rest <= otherRest && rest > otherRest - .seconds(60) || rest == otherRest
    }
}
