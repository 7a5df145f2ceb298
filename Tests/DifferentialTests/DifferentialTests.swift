import Bulkheads
import CircuitBreakers
import Foundation
import RateLimiters
import Resilience
import ResilienceCore
import ResilienceTesting
import Retries
import TestSupport
import Testing

/// The synchronous way through the layers and the nested one, side by side: random policies, random scripts of
/// outcomes, cancellations and steps of the clock. Values, errors, what operations and strategies see, events, totals
/// and metrics are the same, line by line.
///
/// More by hand, in release: `RESILIENCE_SCRIPTS=100000-10000000` runs those seeds.
@Suite struct DifferentialTests {
    private static let seeds: Range<UInt64> = {
        let bounds = ProcessInfo.processInfo.environment["RESILIENCE_SCRIPTS"]?.split(separator: "-").map { UInt64($0) }
        if let bounds, bounds.count == 2, let first = bounds[0], let end = bounds[1], first < end { return first..<end }
        #if THREAD_SANITIZER
            return 0..<200
        #elseif DEBUG
            return 0..<1_000
        #else
            return 0..<100_000
        #endif
    }()

    @Test(
        "the synchronous way and the nested one differ in nothing that can be seen",
        arguments: [0, 1, 2, 3] as [UInt64])
    func sameAsNested(part: UInt64) async throws {
        for seed in stride(from: Self.seeds.lowerBound + part, to: Self.seeds.upperBound, by: 4) {
            let synchronous = try await Run(seed: seed, isNested: false).entries()
            let nested = try await Run(seed: seed, isNested: true).entries()
            guard synchronous != nested else { continue }
            let first = zip(synchronous, nested).first { $0 != $1 }
            Issue.record(
                """
                seed \(seed): \(first.map { "\($0.0)" } ?? "\(synchronous.count) entries") \
                and nested \(first.map { "\($0.1)" } ?? "\(nested.count) entries")
                """)
            return
        }
    }
}

/// How a call is made.
private struct Form {
    enum Kind: CaseIterable {
        /// `execute` with an operation that takes its context, and with one that does not.
        case inContext, alone
        /// `run`.
        case recorded
        /// As a fallback calls what is inside it.
        case judged
    }

    let kind: Kind
    let isAccepting: Bool

    init(_ script: Script) {
        kind = script.pick([.inContext, .inContext, .alone, .alone, .recorded, .judged])
        isAccepting = script.isDrawn(percent: 30)
    }
}

/// One script on one of the two ways.
private struct Run {
    let script: Script
    let world: World
    let isNested: Bool

    init(seed: UInt64, isNested: Bool) {
        script = Script(seed: seed)
        world = World(isTimed: script.isDrawn(percent: 50))
        self.isNested = isNested
    }

    func entries() async throws -> [AnyHashable] {
        var observers: [any PolicyObserver] = []
        if script.isDrawn(percent: 40) { observers.append(world.recorder) }
        if script.isDrawn(percent: 40) { observers.append(world.metrics) }
        var plan = LayerPlan(script, world, observers)
        let policy = try plan.policy()
        world.log.write("\(policy)")
        for _ in 0..<script.int(2...12) {
            await call(policy, depth: 0)
            world.clock.advance(by: .milliseconds(script.int(0...2_000)))
            if script.isDrawn(percent: 10) { await callAlone(plan, policy) }
            if script.isDrawn(percent: 15) { try control(plan, policy) }
            if script.isDrawn(percent: 2), let module = plan.modules.first {
                world.log.write(await module.shutdown())
            }
        }
        for breaker in plan.breakers {
            world.log.write(breaker.state)
            world.log.write(breaker.counts)
            world.log.write(breaker.totals)
        }
        for bulkhead in plan.bulkheads {
            world.log.write([bulkhead.inUse, bulkhead.limit])
            world.log.write(bulkhead.totals)
        }
        for limiter in plan.limiters { world.log.write(limiter.totals) }
        for limiter in plan.keyedLimiters {
            world.log.write(limiter.totals)
            world.log.write(limiter.count)
        }
        for retry in plan.retries { world.log.write(retry.totals) }
        for family in plan.families { world.log.write(family.busiest(3).map(\.description).sorted()) }
        for entry in MetricCollection(of: [policy, world.metrics] + plan.modules + plan.families).entries {
            world.log.write(entry.family.name)
            for sample in entry.samples {
                world.log.write(sample.labels)
                // No number equals itself where there is none yet.
                if case .number(let number) = sample.value, number.isNaN { continue }
                world.log.write(sample.value)
            }
        }
        for event in world.recorder.events { world.log.write("\(event.source) \(event.name): \(event.description)") }
        return world.log.entries
    }

    private func control(_ plan: LayerPlan, _ policy: Policy) throws {
        switch script.int(1...6) {
        case 1: try plan.breakers.first?.open(for: .seconds(script.int(1...3)))
        case 2: plan.breakers.last?.close()
        case 3: try plan.bulkheads.first?.resize(to: script.int(0...3))
        case 4: policy.addObserver(world.recorder)
        case 5: try plan.retries.first?.update(.init(backoff: .immediate, maxAttempts: 2))
        default: policy.addObserver(world.metrics)
        }
    }

    private func call(_ policy: Policy, depth: Int) async {
        let isCancelled = depth == 0 && script.isDrawn(percent: 5)
        let isOwnTask = depth == 0 && script.isDrawn(percent: 15)
        let form = Form(script)
        let result: String
        if isCancelled {
            result = (try? await inCancelledTask { await outcome(policy, form, policy, depth: depth) }) ?? ""
        } else if isOwnTask {
            // In which the operation may be cancelled when it runs.
            result = await Task { await outcome(policy, form, policy, depth: depth, isOwnTask: true) }.value
        } else {
            result = await outcome(policy, form, policy, depth: depth)
        }
        world.log.write("result: \(result)")
    }

    /// A call through a layer of a policy alone.
    private func callAlone(_ plan: LayerPlan, _ policy: Policy) async {
        let form = Form(script)
        var result = ""
        switch script.int(1...5) {
        case 1:
            if let breaker = plan.breakers.last { result = await outcome(breaker, form, policy, depth: 1) }
        case 2:
            if let bulkhead = plan.bulkheads.last { result = await outcome(bulkhead, form, policy, depth: 1) }
        case 3:
            if let limiter = plan.limiters.last { result = await outcome(limiter, form, policy, depth: 1) }
        case 4:
            if let limiter = plan.keyedLimiters.last { result = await outcome(limiter[1], form, policy, depth: 1) }
        default:
            if let retry = plan.retries.last { result = await outcome(retry, form, policy, depth: 1) }
        }
        world.log.write("alone: \(result)")
    }

    private func outcome(
        _ strategy: some Strategy, _ form: Form, _ policy: Policy, depth: Int, isOwnTask: Bool = false
    ) async -> String {
        let isAccepted = { (value: Int) in !form.isAccepting || value % 5 != 0 }
        let inContext = { (context: Context) async throws -> Int in
            try await operation(context, policy, depth, isOwnTask)
        }
        let alone = { () async throws -> Int in try await operation(nil, policy, depth, isOwnTask) }
        do {
            switch (form.kind, isNested) {
            case (.inContext, true):
                return "\(try await strategy.execute(from: strategy.rootContext, accepting: isAccepted, inContext))"
            case (.inContext, false): return "\(try await strategy.execute(accepting: isAccepted, inContext))"
            case (.alone, true):
                let root = strategy.rootContext
                return "\(try await strategy.execute(from: root, accepting: isAccepted) { _ in try await alone() })"
            case (.alone, false): return "\(try await strategy.execute(accepting: isAccepted, alone))"
            // An operation that takes its context is recorded the nested way.
            case (.recorded, true): return told(await strategy.run(accepting: isAccepted) { _ in try await alone() })
            case (.recorded, false): return told(await strategy.run(accepting: isAccepted, alone))
            case (.judged, true):
                return told(
                    try await strategy.outcome(from: strategy.rootContext, accepting: isAccepted) { _ in
                        try await alone()
                    })
            case (.judged, false): return told(try await strategy.outcome(accepting: isAccepted, alone))
            }
        } catch {
            return "\(type(of: error)): \(error)"
        }
    }

    private func told(_ execution: Execution<Int>) -> String {
        """
        \(execution.result) of \(execution.policyName), \(execution.attempts) attempts, \(execution.duration), \
        accepted: \(execution.isAccepted), failure: \(execution.failure.map { "\($0)" } ?? "none"), \
        rejection: \(execution.rejection.map { "\($0)" } ?? "none"), \
        states: \(execution[CircuitBreaker.StateAtAdmission.self])
        """
    }

    private func told(_ outcome: (value: Int, unaccepted: (any Error)?)) -> String {
        "\(outcome.value), unaccepted: \(outcome.unaccepted.map { "\(type(of: $0)): \($0)" } ?? "no")"
    }

    private func operation(
        _ context: Context?, _ policy: Policy, _ depth: Int, _ isOwnTask: Bool
    ) async throws -> Int {
        if let context {
            let turn = context[Twice.Turn.self].map { ", turn \($0)" } ?? ""
            let left = context.remaining.map { ", \($0) left" } ?? ""
            let partition = context[Bulkhead.Partition.self] ?? ""
            world.log.write("operation in \(context.policyName), attempt \(context.attempt)\(turn)\(left) \(partition)")
        } else {
            world.log.write("operation")
        }
        world.clock.advance(by: .milliseconds(script.int(0...2_500)))
        if depth < 2, script.isDrawn(percent: 12) { await call(policy, depth: depth + 1) }
        if depth < 2, script.isDrawn(percent: 4) {
            await withTaskGroup { group in group.addTask { await call(policy, depth: depth + 1) } }
        }
        if isOwnTask, script.isDrawn(percent: 30) { withUnsafeCurrentTask { $0?.cancel() } }
        switch script.int(1...20) {
        case 1...13: return script.int(0...40)
        case 14: throw CancellationError()
        case 15: throw Overload()
        case 16: throw Refused(policyName: "somebody else's")
        default: throw Failure(number: script.int(1...9))
        }
    }
}
