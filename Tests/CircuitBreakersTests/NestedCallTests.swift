import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// The same breaker twice in one call: the inner call belongs to the outer one's probe.
@Suite(.timeLimit(.minutes(30)))
struct NestedCallTests {
    private func halfOpen(probes: Int = 1) throws -> Fixture {
        let fixture = try Fixture(.fragile(probes: probes))
        fixture.breaker.open()
        fixture.clock.advance(by: .seconds(10))
        return fixture
    }

    @Test(
        "the inner call takes no second place",
        arguments: ["breaker", "policies", "context", "child", "hand", "twice"])
    func inner(form: String) async throws {
        let fixture = try halfOpen()
        let breaker = fixture.breaker
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
        #expect(value == 7 && fixture.state == .closed)
        #expect(fixture.breaker.totals.rejected == 0 && fixture.breaker.totals.late == 0)
        #expect(fixture.breaker.totals.successes == (form == "twice" ? 3 : 2))
    }

    @Test("what a probe begins in the background is no part of it")
    func background() async throws {
        let fixture = try halfOpen()
        let breaker = fixture.breaker
        try await breaker.execute {
            let refresh = Background.begin { Task { try await breaker.execute {} } }
            await #expect(throws: OpenError.self) { try await refresh.value }
            try await breaker.execute {}
        }
        #expect(fixture.state == .closed && breaker.totals.successes == 2 && breaker.totals.rejected == 1)
        let inside = try halfOpen()
        try await Background.begin { Task { try await inside.breaker.execute { try await inside.breaker.execute {} } } }
            .value
        #expect(inside.state == .closed)
    }

    @Test("the outer call's outcome is the probe's")
    func outcome() async throws {
        let swallowed = try halfOpen()
        await swallowed.breaker.executeIgnoringInner()
        #expect(swallowed.state == .closed && swallowed.breaker.totals.failures == 1)
        let failed = try halfOpen(probes: 2)
        await #expect(throws: InjectedFailure.self) {
            try await failed.breaker.execute {
                try await failed.breaker.execute {}
                try await failed.breaker.execute {}
                #expect(failed.state == .halfOpen && failed.breaker.counts.row == [1, 0, 0, 0, 0, 0])
                throw InjectedFailure()
            }
        }
        #expect(failed.state == .open && failed.breaker.totals.successes == 2)
        let rethrown = try halfOpen(probes: 3)
        await #expect(throws: InjectedFailure.self) {
            try await rethrown.breaker.execute { try await rethrown.breaker.execute { throw InjectedFailure() } }
        }
        #expect(rethrown.path.last == .open && rethrown.transitions.last?.counts.failures == 1)
    }

    @Test func onlyWithinAProbeThatStillCounts() async throws {
        let fixture = try halfOpen()
        let breaker = fixture.breaker
        try await breaker.execute {
            fixture.clock.advance(by: .seconds(10))
            await #expect(throws: OpenError.self) { try await breaker.execute {} }
            fixture.clock.advance(by: .seconds(10))
            // Another half-open state: this is its probe.
            try await breaker.execute { await #expect(throws: Never.self) { try await breaker.execute {} } }
            #expect(fixture.state == .closed)
        }
        #expect(breaker.totals.late == 1)
    }

    @Test func anotherTasksCallIsAnotherCall() async throws {
        let fixture = try halfOpen()
        try await fixture.breaker.execute {
            await Task.detached {
                await #expect(throws: OpenError.self) { try await fixture.breaker.execute {} }
            }.value
            let other = try halfOpen()
            try await other.breaker.execute { try await fixture.breaker.execute {} }
        }
        #expect(fixture.state == .closed && fixture.breaker.totals.rejected == 1)
    }

    @Test @MainActor func aProbeStaysOnTheActorOfItsCaller() async throws {
        let fixture = try halfOpen(probes: 3)
        var seen = 0
        for _ in 1...2 {
            try await fixture.breaker.execute {
                MainActor.assertIsolated()
                await Task.yield()
                MainActor.assertIsolated()
                seen += 1
            }
            MainActor.assertIsolated()
        }
        await #expect(throws: InjectedFailure.self) {
            try await fixture.breaker.execute {
                MainActor.assertIsolated()
                seen += 1
                throw InjectedFailure()
            }
        }
        MainActor.assertIsolated()
        #expect(seen == 3 && fixture.state == .open)
    }
}

extension CircuitBreaker {
    fileprivate func executeIgnoringInner() async {
        try? await execute { try? await execute { throw InjectedFailure() } }
    }
}
