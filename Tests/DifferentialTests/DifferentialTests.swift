import Bulkheads
import CircuitBreakers
import RateLimiters
import Resilience
import ResilienceCore
import ResilienceTesting
import Retries
import Testing

/// The synchronous way through the layers and the nested one, side by side: random policies, random scripts of
/// outcomes, cancellations and steps of the clock. Values, errors, what operations and strategies see, events, totals
/// and metrics are the same, line by line.
@Suite struct DifferentialTests {
    #if THREAD_SANITIZER
        private static let scripts: UInt64 = 200
    #elseif DEBUG
        private static let scripts: UInt64 = 1_000
    #else
        private static let scripts: UInt64 = 100_000
    #endif

    @Test(
        "the synchronous way and the nested one differ in nothing that can be seen",
        arguments: [0, 1, 2, 3] as [UInt64])
    func sameAsNested(part: UInt64) async throws {
        for seed in stride(from: part, to: Self.scripts, by: 4) {
            let synchronous = try await Run(seed: seed, isNested: false).lines()
            let nested = try await Run(seed: seed, isNested: true).lines()
            guard synchronous != nested else { continue }
            let first = zip(synchronous, nested).first { $0 != $1 }
            Issue.record(
                """
                seed \(seed): \(first?.0 ?? "\(synchronous.count) lines") and nested \(first?.1 ?? "\(nested.count) lines")
                """)
            return
        }
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

    func lines() async throws -> [String] {
        var observers: [any PolicyObserver] = []
        if script.isDrawn(percent: 40) { observers.append(world.recorder) }
        if script.isDrawn(percent: 40) { observers.append(world.metrics) }
        var plan = LayerPlan(script, world, observers)
        let policy = try plan.policy()
        world.log.write("\(policy)")
        for _ in 0..<script.int(2...12) {
            await call(policy, depth: 0)
            world.clock.advance(by: .milliseconds(script.int(0...2_000)))
            if script.isDrawn(percent: 15) { try control(plan, policy) }
            if script.isDrawn(percent: 2), let module = plan.modules.first {
                world.log.write("\(await module.shutdown())")
            }
        }
        for breaker in plan.breakers { world.log.write("\(breaker.state) \(breaker.counts) \(breaker.totals)") }
        for bulkhead in plan.bulkheads { world.log.write("\(bulkhead.inUse) of \(bulkhead.limit), \(bulkhead.totals)") }
        for limiter in plan.limiters { world.log.write("\(limiter.totals)") }
        for retry in plan.retries { world.log.write("\(retry.totals)") }
        for family in plan.families { world.log.write("\(family.busiest(3).map(\.description).sorted())") }
        for entry in MetricCollection(of: [policy, world.metrics] + plan.modules + plan.families).entries {
            for sample in entry.samples { world.log.write("\(entry.family.name) \(sample.labels) \(sample.value)") }
        }
        return world.log.lines + world.recorder.events.map { "\($0.source) \($0.name): \($0.description)" }
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
        let isAccepting = script.isDrawn(percent: 30)
        let isCancelled = depth == 0 && script.isDrawn(percent: 5)
        let isOwnTask = depth == 0 && script.isDrawn(percent: 15)
        let takesContext = script.isDrawn(percent: 50)
        let result: String
        if isCancelled {
            result =
                (try? await inCancelledTask { await outcome(policy, isAccepting, takesContext, depth: depth) }) ?? ""
        } else if isOwnTask {
            // In which the operation may be cancelled when it runs.
            result = await Task { await outcome(policy, isAccepting, takesContext, depth: depth, isOwnTask: true) }
                .value
        } else {
            result = await outcome(policy, isAccepting, takesContext, depth: depth)
        }
        world.log.write("result: \(result)")
    }

    private func outcome(
        _ policy: Policy, _ isAccepting: Bool, _ takesContext: Bool, depth: Int, isOwnTask: Bool = false
    ) async -> String {
        let isAccepted = { (value: Int) in !isAccepting || value % 5 != 0 }
        do {
            let value: Int
            switch (isNested, takesContext) {
            case (true, true):
                value = try await policy.execute(from: policy.rootContext, accepting: isAccepted) {
                    try await operation($0, policy, depth, isOwnTask)
                }
            case (true, false):
                value = try await policy.execute(from: policy.rootContext, accepting: isAccepted) { _ in
                    try await operation(nil, policy, depth, isOwnTask)
                }
            case (false, true):
                value = try await policy.execute(accepting: isAccepted) {
                    try await operation($0, policy, depth, isOwnTask)
                }
            case (false, false):
                value = try await policy.execute(accepting: isAccepted) {
                    try await operation(nil, policy, depth, isOwnTask)
                }
            }
            return "\(value)"
        } catch {
            return "\(type(of: error)): \(error)"
        }
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
        case 16: throw Refusal()
        default: throw Failure(number: script.int(1...9))
        }
    }
}
