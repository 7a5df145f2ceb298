import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// The same breaker twice in one call: the inner call belongs to the outer one's probe.
@Suite(.timeLimit(.minutes(30)))
struct NestedCallTests {
    private func halfOpen(probes: Int = 1) throws -> Stage {
        let stage = try Stage(.fragile(probes: probes))
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        return stage
    }

    @Test(
        "the inner call takes no second place",
        arguments: ["breaker", "policies", "context", "child", "hand", "twice"])
    func inner(form: String) async throws {
        let stage = try halfOpen()
        let breaker = stage.breaker
        let (outer, inner) = (try Policy("outer") { breaker }, try Policy("inner") { breaker })
        let value =
            switch form {
            case "breaker": try await breaker.execute { try await breaker.execute { 7 } }
            case "policies": try await outer.execute { try await inner.execute { 7 } }
            case "context":
                try await outer.execute { context in
                    var value = 0
                    try await inner.execute(context) { _ in value = 7 }
                    return value
                }
            case "child":
                try await outer.execute {
                    async let child = inner.execute { 7 }
                    return try await child
                }
            case "hand":
                try await outer.execute {
                    let permit = try breaker.tryAcquirePermit()
                    let counts = permit.succeed()
                    #expect(counts)
                    return 7
                }
            default: try await outer.execute { try await inner.execute { try await outer.execute { 7 } } }
            }
        #expect(value == 7 && stage.state == .closed)
        #expect(stage.breaker.totals.rejected == 0 && stage.breaker.totals.late == 0)
        #expect(stage.breaker.totals.succeeded == 1)
    }

    @Test("tasks that begin one another from within their calls do not hold the calls before")
    func stringTogether() async throws {
        let stage = try Stage(Configuration(trip: .consecutiveFailures(3), window: .calls(10)))
        let policies = try ["outer", "inner"].map { name in try Policy(name) { stage.breaker } }
        let calls = WeakObjects()
        try await stringOfCalls(200) { operation in
            try await policies[0].execute {
                calls.note(MarkedCall.current)
                try await operation()
            }
        }
        #expect((1...20).contains(calls.mostAlive), "\(calls.mostAlive)")
        // Every other call is within the one before, and a part of it.
        #expect(stage.breaker.totals.succeeded == 100)
    }

    @Test(
        "a breaker knows its calls within its calls from its second use on, and from the first where one is its probe")
    func secondUse() async throws {
        let stage = try Stage(Configuration(trip: .consecutiveFailures(3), window: .calls(10)))
        let (outer, inner) = (try Policy("outer") { stage.breaker }, try Policy("inner") { stage.breaker })
        try await outer.execute { try await inner.execute {} }
        #expect(stage.breaker.totals.succeeded == 1)
        let probed = try halfOpen()
        let policy = try Policy("outer") { probed.breaker }
        try await policy.execute { try await policy.execute {} }
        try await policy.execute { try await policy.execute {} }
        #expect(probed.state == .closed && probed.breaker.totals.succeeded == 2)
    }

    @Test("what a probe begins in the background is no part of it")
    func background() async throws {
        let stage = try halfOpen()
        let breaker = stage.breaker
        try await breaker.execute {
            let refresh = Background.begin { Task { try await breaker.execute {} } }
            await #expect(throws: OpenError.self) { try await refresh.value }
            try await breaker.execute {}
        }
        #expect(stage.state == .closed && breaker.totals.succeeded == 1 && breaker.totals.rejected == 1)
        let inside = try halfOpen()
        try await Background.begin { Task { try await inside.breaker.execute { try await inside.breaker.execute {} } } }
            .value
        #expect(inside.state == .closed)
    }

    @Test("the outer call's outcome is the probe's")
    func outcome() async throws {
        let swallowed = try halfOpen()
        await swallowed.breaker.executeIgnoringInner()
        #expect(swallowed.state == .closed && swallowed.breaker.totals.failed == 0)
        let failed = try halfOpen(probes: 2)
        await #expect(throws: InjectedFailure.self) {
            try await failed.breaker.execute {
                try await failed.breaker.execute {}
                try await failed.breaker.execute {}
                #expect(failed.state == .halfOpen && failed.breaker.counts.row == [1, 0, 0, 0, 0, 0])
                throw InjectedFailure()
            }
        }
        #expect(failed.state == .open && failed.breaker.totals.succeeded == 0 && failed.breaker.totals.failed == 1)
        let rethrown = try halfOpen(probes: 3)
        await #expect(throws: InjectedFailure.self) {
            try await rethrown.breaker.execute { try await rethrown.breaker.execute { throw InjectedFailure() } }
        }
        #expect(rethrown.path.last == .open && rethrown.transitions.last?.counts.failures == 1)
    }

    @Test(
        "a closed breaker counts a call once that passes it twice, by how the outer one ends",
        arguments: ["policies", "in itself", "chain", "context", "child", "hand", "timeout", "observing", "setting"])
    func closed(form: String) async throws {
        let stage = try Stage(Configuration(trip: .consecutiveFailures(3), window: .calls(10)))
        let breaker = stage.breaker
        if form == "observing" { breaker.observe() }
        let outer = try Policy("outer") { breaker }
        let inner = try Policy("inner") {
            breaker.setting(Word.self, to: "inner")
            if form == "timeout" { Child() }
        }
        let chain = try Policy("chain") {
            breaker
            inner
        }
        func call(_ operation: () async throws -> Void) async throws {
            switch form {
            case "in itself": try await outer.execute { try await outer.execute { try await operation() } }
            case "chain": try await chain.execute { try await operation() }
            case "context":
                try await outer.execute { context in try await inner.execute(context) { _ in try await operation() } }
            case "hand":
                try await outer.execute {
                    let permit = try breaker.tryAcquirePermit()
                    do { try await operation() } catch {
                        let counts = permit.fail(error)
                        #expect(counts)
                        throw error
                    }
                    permit.succeed()
                }
            default: try await outer.execute { try await inner.execute { try await operation() } }
            }
        }
        for _ in 1...2 { try await call {} }
        #expect(breaker.counts.row == [2, 2, 0, 0, 2, 0] && breaker.totals.succeeded == 2)
        for failures in 1...2 {
            await #expect(throws: InjectedFailure.self) { try await call { throw InjectedFailure() } }
            #expect(breaker.counts.consecutiveFailures == failures && stage.state != .open)
        }
        // What the outer call makes good is good.
        try await outer.execute { try? await inner.execute { throw InjectedFailure() } }
        #expect(breaker.counts.row == [5, 3, 2, 0, 1, 0] && breaker.totals.calls == 5)
        let called = stage.events.count { if case .called = $0.kind { true } else { false } }
        #expect(called == 5)
    }

    @Test("what is left behind by a call, or made by another task, is counted for itself")
    func leftBehind() async throws {
        let stage = try Stage(Configuration(trip: .consecutiveFailures(3), window: .calls(10)))
        let (outer, inner) = (try Policy("outer") { stage.breaker }, try Policy("inner") { stage.breaker })
        let gate = Gatekeeper()
        let left = try await outer.execute {
            Task {
                await gate.wait()
                try await inner.execute {}
            }
        }
        gate.open()
        try await left.value
        #expect(stage.breaker.counts.calls == 2)
        try await outer.execute { try await Task.detached { try await inner.execute {} }.value }
        #expect(stage.breaker.counts.calls == 4)
    }

    @Test("a call that came through before the breaker opened has nothing to do with those after")
    func older() async throws {
        let stage = try Stage(.fragile())
        let breaker = stage.breaker
        let (outer, inner) = (try Policy("outer") { breaker }, try Policy("inner") { breaker })
        try await outer.execute {
            breaker.open()
            await #expect(throws: OpenError.self) { try await inner.execute {} }
            stage.clock.advance(by: .seconds(10))
            try await inner.execute {}
            #expect(stage.state == .closed)
            try await inner.execute {}
        }
        #expect(breaker.totals.succeeded == 3 && breaker.totals.late == 1 && breaker.counts.calls == 1)
    }

    @Test("a breaker that has seen calls nest while half-open looks for them when it is closed")
    func learned() async throws {
        let stage = try halfOpen()
        let breaker = stage.breaker
        for _ in 1...3 { try await breaker.execute { try await breaker.execute {} } }
        #expect(stage.state == .closed && breaker.totals.succeeded == 3 && breaker.counts.calls == 2)
    }

    @Test("a call made while a permit is held is another one: refused while the permit's probe is out, and no longer")
    func heldPermit() async throws {
        let stage = try halfOpen()
        let breaker = stage.breaker
        let held = try stage.start()
        let refusal = await #expect(throws: OpenError.self) { try await breaker.execute {} }
        #expect(refusal?.state == .halfOpen && (refusal?.retryAfter ?? .zero) > .zero)
        // The probe is given up, and the break that follows is over: the place is free, even if the permit is held.
        stage.clock.advance(by: .seconds(20))
        try await breaker.execute {}
        #expect(stage.state == .closed && held.ends("F") == false && stage.state == .closed)
        let ended = try halfOpen(probes: 2)
        let first = try ended.start()
        try await ended.breaker.execute {}
        first.end("S")
        #expect(ended.state == .closed && ended.breaker.totals.succeeded == 2)
    }

    @Test("a call passes within a probe only while that counts")
    func staleProbe() async throws {
        let stage = try halfOpen()
        let breaker = stage.breaker
        try await breaker.execute {
            stage.clock.advance(by: .seconds(10))
            await #expect(throws: OpenError.self) { try await breaker.execute {} }
            stage.clock.advance(by: .seconds(10))
            // Another half-open state: this is its probe.
            try await breaker.execute { await #expect(throws: Never.self) { try await breaker.execute {} } }
            #expect(stage.state == .closed)
        }
        #expect(breaker.totals.late == 1)
    }

    @Test("another task's call is another call")
    func otherTask() async throws {
        let stage = try halfOpen()
        try await stage.breaker.execute {
            await Task.detached {
                _ = await #expect(throws: OpenError.self) { try await stage.breaker.execute {} }
            }.value
            let other = try halfOpen()
            try await other.breaker.execute { try await stage.breaker.execute {} }
        }
        #expect(stage.state == .closed && stage.breaker.totals.rejected == 1)
    }

    @Test("A probe stays on the actor of its caller")
    @MainActor func aProbeStaysOnTheActorOfItsCaller() async throws {
        let stage = try halfOpen(probes: 3)
        var seen = 0
        for _ in 1...2 {
            try await stage.breaker.execute {
                MainActor.assertIsolated()
                await Task.yield()
                MainActor.assertIsolated()
                seen += 1
            }
            MainActor.assertIsolated()
        }
        await #expect(throws: InjectedFailure.self) {
            try await stage.breaker.execute {
                MainActor.assertIsolated()
                seen += 1
                throw InjectedFailure()
            }
        }
        MainActor.assertIsolated()
        #expect(seen == 3 && stage.state == .open)
    }
}

private enum Word: ContextKey {
    typealias Value = String
}

/// Runs the rest of a call in a child task, as a timeout does.
private struct Child: Strategy {
    let rootContext = Context(name: "child", time: .continuous)

    nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let lane = DeadlineLane(.continuous)
        let deadline = TimeSource.continuous.now.advanced(by: .seconds(3600))
        if let error = await runInChild(#isolation, lane, context, deadline, next).error { throw error }
    }
}

/// Lets one task wait until it is opened.
private final class Gatekeeper: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    func open() { continuation.finish() }
    func wait() async { for await _ in stream {} }
}

extension CircuitBreaker {
    fileprivate func executeIgnoringInner() async {
        try? await execute { try? await execute { throw InjectedFailure() } }
    }
}
