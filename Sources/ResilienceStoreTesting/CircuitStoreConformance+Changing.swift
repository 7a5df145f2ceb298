internal import CircuitBreakers
internal import ResilienceCore

extension CircuitStoreConformance {
    func oneLease() async throws -> String? {
        let replies = try await withThrowingTaskGroup(of: SharedCircuit.self) { group in
            for node in 1...16 {
                group.addTask {
                    try await ask("one lease", "node \(node)", known: Self.over(3), .lease(.seconds(1800)))
                }
            }
            return try await group.reduce(into: [SharedCircuit]()) { $0.append($1) }
        }
        let holders = Set(replies.map(\.holder))
        return holders.count == 1 && !holders.contains(nil) && replies.allSatisfy { $0.epoch == 4 }
            ? nil : "the holders \(holders.map { $0 ?? "nobody" }.sorted())"
    }

    func breaks() async throws -> String? {
        let rule = SharedCircuitRule(
            trip: .failures(2), window: .seconds(3600), minimumShare: 0,
            breakLength: .growing(from: .milliseconds(300), factor: 3))
        _ = try await ask("breaks", "a", rule, slots: [.init(failures: 1)])
        var state = try await ask("breaks", "b", rule, slots: [.init(failures: 1)])
        for (opens, length) in [(1, Duration.milliseconds(300)), (2, .milliseconds(900))] {
            guard state.isOpen, state.consecutiveOpens == opens, let rest = state.rest, rest <= length,
                rest > length - .milliseconds(200)
            else { return "\(state.signature) with a rest of \(state.rest ?? .zero), and not \(length)" }
            let early = try await ask("breaks", "a", rule, known: state, .lease(.seconds(60)))
            guard early.isOpen else { return "\(early.signature) before the break is over" }
            try await wait(length + .milliseconds(50))
            state = try await ask("breaks", "a", rule, known: state)
            guard state.rest == .zero else { return "a rest of \(state.rest ?? .zero) after the break" }
            state = try await ask("breaks", "a", rule, known: state, .lease(.seconds(60)))
            guard state.holder == "a" else { return "\(state.signature) where a lease was to be had" }
            guard opens == 1 else { break }
            state = try await ask("breaks", "a", rule, known: state, .failed(epoch: state.epoch))
        }
        state = try await ask("breaks", "a", rule, known: state, .succeeded(epoch: state.epoch))
        guard state.phase == .closed, state.consecutiveOpens == 0 else { return "\(state.signature) after success" }
        // What was counted before it closed comes again, from a node that did not know.
        state = try await ask("breaks", "b", rule, slots: [.init(2, age: .milliseconds(1300), failures: 9)])
        return state.phase == .closed && state.counts == SharedCounts()
            ? nil : "\(state.signature) by what was counted before it closed"
    }

    func leases() async throws -> String? {
        let first = try await ask("leases", "a", known: Self.over(8), .lease(.milliseconds(200)))
        guard first.holder == "a", let rest = first.rest, rest <= .milliseconds(200), rest > .zero else {
            return "\(first.signature) with a rest of \(first.rest ?? .zero)"
        }
        try await wait(.milliseconds(250))
        let expired = try await ask("leases", "a", known: first, .succeeded(epoch: first.epoch))
        guard expired.isOpen, expired.rest == .zero, expired.epoch == first.epoch + 1 else {
            return "\(expired.signature) after a success that came too late"
        }
        let second = try await ask("leases", "b", known: expired, .lease(.seconds(1800)))
        guard second.holder == "b" else { return "\(second.signature) where the lease was free" }
        for request: CircuitReport.Request in [
            .succeeded(epoch: first.epoch), .failed(epoch: second.epoch), .giveUp(epoch: second.epoch),
        ] {
            let reply = try await ask("leases", "a", known: second, request)
            guard reply.holder == "b" else { return "\(reply.signature) by one who does not hold the lease" }
        }
        return nil
    }

    // MARK: Listening

    func changes() async throws -> String? {
        let (store, heard) = (store, HeardChanges())
        let (name, other) = (prefix + "changes", prefix + "other changes")
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await store.changes(of: [name]) { heard.add($1, of: $0) }
            }
            defer { group.cancelAll() }
            let end = ContinuousClock.now.advanced(by: patience)
            var state = SharedCircuit.new
            // It takes a while until the store listens, and it does not say when.
            repeat {
                _ = try await ask("other changes", "a", known: state, .open(.seconds(1800)))
                state = try await ask("changes", "a", known: state, .open(.seconds(1800)))
                try await wait(.milliseconds(10))
                await Task.yield()
                let all = heard.all
                if all[other] != nil { return "heard of a circuit that was not listened to" }
                if let last = all[name]?.last {
                    return last.isOpen && last.epoch > 0 && (last.rest ?? .zero) > .seconds(1700) ? nil : last.signature
                }
            } while ContinuousClock.now < end
            return "nothing was heard within \(patience)"
        }
    }

    func cancelled() async throws -> String? {
        let (store, name) = (store, prefix + "cancelled")
        let task = Task { try await store.changes(of: [name]) { _, _ in } }
        task.cancel()
        do {
            try await task.value
            return "it returned"
        } catch is CancellationError {
            return nil
        } catch {
            return "\(error)"
        }
    }
}

/// What was heard of circuits, by their names.
private final class HeardChanges: Sendable {
    private let states = Lock<[String: [SharedCircuit]]>([:])

    var all: [String: [SharedCircuit]] { states.withLock { $0 } }
    func add(_ state: SharedCircuit, of circuit: String) { states.withLock { $0[circuit, default: []].append(state) } }
}
