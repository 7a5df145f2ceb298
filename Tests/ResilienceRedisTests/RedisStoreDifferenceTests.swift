#if Redis
    import CircuitBreakers
    import RateLimiters
    import ResilienceCore
    import Testing

    @testable import ResilienceRedis

    /// The scripts against the pure records that are their specification, on a clock of the test's own.
    @Suite("Scripts and records agree", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
    struct RedisStoreDifferenceTests {
        @Test("on what comes of random reports, in any order, twice, late and out of range")
        func circuits() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SplitMix64(seed: seed)
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    var opened = 0
                    for script in 0..<60 {
                        let clock = Lock(Int64.random(in: 0...1_800_000_000_000_000, using: &random))
                        var store = RedisStore(client, prefix: "test \(script)")
                        store.now = { clock.withLock { $0 } }
                        var record = SharedCircuitRecord()
                        var reports = ReportSource(&random)
                        for step in 0..<60 {
                            clock.withLock { $0 += reports.pause(&random) }
                            let report = reports.next(&random)
                            let expected = record.merge(report, now: clock.withLock { $0 })
                            let found = try await store.exchange(report)
                            guard found == expected else {
                                Issue.record(
                                    "\(found)\ninstead of \(expected)\nscript \(script), step \(step), seed \(seed)\n\(report)"
                                )
                                return
                            }
                            reports.learn(found, &random)
                            if found.epoch > 0 { opened += 1 }
                            guard step % 10 == 0 else { continue }
                            clock.withLock { $0 += 1_000 }
                            let state = try await store.state(of: report.circuit)
                            #expect(state == record.state(now: clock.withLock { $0 }), "seed \(seed)")
                        }
                    }
                    #expect(opened > 100)
                }
            }
        }

        @Test("on what comes of random requests for permits")
        func quotas() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SplitMix64(seed: seed)
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    for script in 0..<60 {
                        let clock = Lock(Int64.random(in: 0...1_800_000_000_000_000, using: &random))
                        var store = RedisStore(client, prefix: "test \(script)")
                        store.now = { clock.withLock { $0 } }
                        var record = SharedQuotaRecord()
                        var rule = randomQuota(&random)
                        var receipts: [PermitReceipt] = []
                        for step in 0..<60 {
                            if Int.random(in: 0..<20, using: &random) == 0 { rule = randomQuota(&random) }
                            var request = PermitRequest(
                                quota: "q", key: script % 2 == 0 ? nil : "k", rule: rule,
                                wanted: Int.random(in: -1...max(2, min(rule.burst, 1_000_000) * 3 / 2), using: &random))
                            request.minimum =
                                [0, 1, 1, request.wanted, Int.random(in: -1...5, using: &random)]
                                .randomElement(using: &random) ?? 1
                            if let receipt = receipts.randomElement(using: &random), Bool.random(using: &random) {
                                request.receipt = receipt
                                request.returned = Int.random(in: -1...max(1, rule.burst), using: &random)
                            }
                            let interval = max(rule.interval.microseconds, 1)
                            let pauses = [0, 1, interval, interval * 3, interval * 100, -interval]
                            let pause = pauses.randomElement(using: &random) ?? 0
                            clock.withLock { $0 += min(pause, 1_000_000_000) }
                            let expected = record.take(request, now: clock.withLock { $0 })
                            let found = try await store.take(request)
                            guard found == expected else {
                                Issue.record(
                                    "\(found)\ninstead of \(expected)\nscript \(script), step \(step), seed \(seed)\n\(request)"
                                )
                                return
                            }
                            receipts.append(found.receipt)
                        }
                    }
                }
            }
        }

        @Test("on what comes of random reports about budgets")
        func budgets() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SplitMix64(seed: seed)
            try await RedisServer.with { server in
                try await withClient(server.url) { client in
                    let store = RedisStore(client)
                    var kept: Int64?
                    for step in 0..<300 {
                        let range: ClosedRange<Int64> = step % 10 == 0 ? Int64.min...Int64.max : -3_000_000...3_000_000
                        let report = BudgetReport(
                            budget: "b", change: Int64.random(in: range, using: &random),
                            capacity: Int64.random(in: range, using: &random),
                            known: Int64.random(in: range, using: &random))
                        let expected = report.balance(kept: kept)
                        kept = try await store.exchange(report)
                        #expect(kept == expected, "\(report), seed \(seed)")
                    }
                }
            }
        }
    }

    private func randomQuota(_ random: inout SplitMix64) -> SharedQuotaRule {
        let permits = [1, 3, 7, 100, 9_999, 1_000_000, 1_000_000_000, 0].randomElement(using: &random) ?? 1
        let periods: [Duration] = [
            .milliseconds(1), .seconds(1), .seconds(1) + .microseconds(7), .seconds(60), .seconds(86_400 * 366), .zero,
        ]
        return SharedQuotaRule(
            permits: permits, period: periods.randomElement(using: &random) ?? .seconds(1),
            burst: [1, 2, 10, 1_000, 1_000_000_000, 0].randomElement(using: &random) ?? 1)
    }

    /// Reports of a few nodes that count, ask and know something.
    private struct ReportSource {
        private let nodes = ["a", "b b", "ç:{}%", "", "e"]
        private var rule: SharedCircuitRule
        private var known: [String: SharedCircuit] = [:]
        private var slot: Int64 = 0
        private var last: CircuitReport?

        init(_ random: inout SplitMix64) { rule = Self.rule(&random) }

        private static func rule(_ random: inout SplitMix64) -> SharedCircuitRule {
            let trips: [SharedCircuitRule.Trip] = [
                .failures(3), .failures(50), .failureRate(0.5, minimumCalls: 10),
                .failureRate(1.0 / 3, minimumCalls: 1),
                .slowCallRate(0.25, minimumCalls: 5), .failureRate(.nan, minimumCalls: -1),
            ]
            return SharedCircuitRule(
                trip: trips.randomElement(using: &random) ?? .failures(3),
                window: [.milliseconds(100), .seconds(1), .seconds(10), .zero].randomElement(using: &random)
                    ?? .seconds(1),
                minimumNodes: [1, 1, 2, 3].randomElement(using: &random) ?? 1,
                minimumShare: [0, 0.5, 1.0 / 3, 1].randomElement(using: &random) ?? 0,
                maxNodeShare: [0.1, 0.5, 1.0 / 3, 1].randomElement(using: &random) ?? 1,
                breakLength: .growing(
                    from: [.milliseconds(1), .milliseconds(300), .seconds(5)].randomElement(using: &random) ?? .zero,
                    factor: [1, 1.5, 2, 100].randomElement(using: &random) ?? 1))
        }

        func pause(_ random: inout SplitMix64) -> Int64 {
            let window = rule.window.saturatedNanoseconds / 1_000
            return [0, 1, 1_000, window / 10, window / 3, window, 3 * window, -500_000].randomElement(using: &random)
                ?? 0
        }

        mutating func next(_ random: inout SplitMix64) -> CircuitReport {
            if let last, Int.random(in: 0..<8, using: &random) == 0 { return last }
            if Int.random(in: 0..<30, using: &random) == 0 { rule = Self.rule(&random) }
            let node = nodes.randomElement(using: &random) ?? ""
            slot += Int64.random(in: 0...2, using: &random)
            let scale = [1, 5, 100, 2_000_000_000].randomElement(using: &random) ?? 1
            let slots = (0..<([0, 1, 1, 2, 5, 80].randomElement(using: &random) ?? 1)).map { _ in
                let calls = Int.random(in: -1...scale, using: &random)
                return CircuitReport.Slot(
                    number: slot - Int64.random(in: 0...20, using: &random),
                    age: .microseconds(Int64.random(in: -1_000...2_000_000, using: &random)),
                    counts: SharedCounts(
                        calls: calls, failures: Int.random(in: -1...max(0, calls + 1), using: &random),
                        slow: Int.random(in: -1...max(0, calls + 1), using: &random)))
            }
            let state = known[node] ?? .new
            let requests: [CircuitReport.Request] = [
                .nothing, .nothing, .nothing, .nothing, .lease(.milliseconds(500)), .lease(.zero),
                .succeeded(epoch: state.epoch), .failed(epoch: state.epoch), .giveUp(epoch: state.epoch),
                .succeeded(epoch: .max), .open(.seconds(1)), .close,
            ]
            let report = CircuitReport(
                circuit: "c{}", node: node, rule: rule, slots: slots, known: state,
                request: requests.randomElement(using: &random) ?? .nothing)
            last = report
            return report
        }

        mutating func learn(_ state: SharedCircuit, _ random: inout SplitMix64) {
            let node = last?.node ?? ""
            switch Int.random(in: 0..<20, using: &random) {
            case 0: known[node] = .new
            case 1:
                var ahead = state
                ahead.epoch += Int64.random(in: -2...2, using: &random)
                ahead.phase =
                    [.closed, .open(remaining: .seconds(1)), .probing(node: "a", remaining: .seconds(-1))]
                    .randomElement(using: &random) ?? .closed
                known[node] = ahead
            case 2...6: break
            default: known[node] = state
            }
        }
    }
#endif
