import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Policy")
struct PolicyTests {
    let journal = Journal()

    @Test("a call passes the layers in the order in which they are written")
    func order() async throws {
        let policy = try Policy("p") {
            Noting(name: "a", journal: journal)
            Noting(name: "b", journal: journal)
        }
        let value = try await policy.execute {
            journal.note("operation")
            return 7
        }
        #expect(value == 7)
        #expect(journal.all == ["a in", "b in", "operation", "b out", "a out"])
    }

    @Test("the fluent form says the same as the braces")
    func fluent() async throws {
        let built = try Policy("p") {
            Trying(times: 3)
            Noting(name: "b", journal: journal)
            Checked.layer(limit: 2)
        }
        let fluent = try Policy.pipeline("p").strategy(Trying(times: 3))
            .strategy(Noting(name: "b", journal: journal)).layer(Checked.layer(limit: 2)).build()
        #expect(built.description == "Trying(3) → Noting → Checked")
        #expect(fluent.description == built.description)
        #expect(try await fluent.execute { 1 } == 1)
    }

    @Test("conditions choose layers", arguments: [true, false])
    func conditions(flag: Bool) async throws {
        let policy = try Policy("p") {
            if flag { Noting(name: "if", journal: journal) }
            if flag {
                Noting(name: "then", journal: journal)
            } else {
                Trying(times: 2)
            }
        }
        try await policy.execute {}
        #expect(policy.description == (flag ? "Noting → Noting" : "Trying(2)"))
        #expect(journal.all == (flag ? ["if in", "then in", "then out", "if out"] : []))
    }

    @Test("a policy nests in another; the inner one has its own name, the attempt goes through")
    func nesting() async throws {
        let inner = try Policy("inner") { Noting(name: "n", journal: journal) }
        let outer = try Policy("outer") {
            Trying(times: 3)
            inner
        }
        var seen: [String] = []
        let result: Void? = try? await outer.execute { context in
            seen.append("\(context.policyName) \(context.attempt)")
            throw InjectedFailure()
        }
        #expect(result == nil)
        #expect(seen == ["inner 1", "inner 2", "inner 3"])
        #expect(outer.description == "Trying(3) → Noting")
        #expect(outer.layers.map(\.pattern) == ["Trying", "Noting"])
        #expect(outer.strategies(Noting.self).map(\.name) == ["n"])
    }

    @Test("all faults of all layers are reported at once, each under the policy's name")
    func allFaults() throws {
        let thrown = #expect(throws: ConfigurationError.self) {
            try Policy("payments") {
                Checked.layer(limit: 0)
                Noting(name: "fine", journal: journal)
                Checked.layer(limit: -2)
                if true { Checked.layer(limit: -3) }
            }
        }
        let error = try #require(thrown)
        #expect(
            error.description
                == "payments.checked.limit: 0 is below 1; payments.checked.limit: -2 is below 1; "
                + "payments.checked.limit: -3 is below 1")
        #expect(error.faults.first == .init(field: "payments.checked.limit", value: "0", violation: "is below 1"))
        #expect(throws: error) {
            try Policy.pipeline("payments").layer(Checked.layer(limit: 0)).layer(Checked.layer(limit: -2))
                .layer(Checked.layer(limit: -3)).build()
        }
    }

    @Test("a policy without layers is a configuration error")
    func empty() {
        let expected = ConfigurationError(.init(field: "p.layers", value: "0", violation: "is below 1"))
        #expect(throws: expected) { try Policy("p") {} }
        #expect(throws: expected) { try Policy.pipeline("p").build() }
        let never = false
        #expect(throws: expected) { try Policy("p") { if never { Trying(times: 2) } } }
    }

    @Test("a layer that the policy builds gets its name, time, randomness and observers")
    func environment() throws {
        let clock = ManualClock()
        let recorder = EventRecorder()
        let policy = try Policy("p", clock: clock, random: .constant(0.4), observers: [recorder]) {
            Checked.layer(limit: 1)
        }
        let environment = try #require(policy.strategies(Checked.self).first).environment
        #expect(environment.name == "p")
        #expect(environment.random.next() == 0.4)
        #expect(environment.observers.count == 1)
        #expect(environment.time == policy.rootContext.time)
        clock.advance(by: .seconds(2))
        #expect(environment.time.now == TimeSource.Instant(nanoseconds: 2_000_000_000))
    }

    @Test("observers hear the end and the duration of every call; without one nothing is timed")
    func events() async throws {
        let clock = ManualClock()
        let recorder = EventRecorder()
        let policy = try Policy("p", clock: clock) { Trying(times: 1) }
        try await policy.execute { clock.advance(by: .seconds(1)) }
        policy.addObserver(recorder)
        policy.addObserver(recorder)
        try await policy.execute { clock.advance(by: .seconds(2)) }
        _ = try? await policy.execute { throw InjectedFailure("down") }
        _ = try await policy.execute(accepting: { $0 > 0 }) { 0 }
        #expect(
            recorder.events(of: Policy.Event.self).map(\.description) == [
                "policy \"p\" succeeded after 2 seconds",
                "policy \"p\" failed after 0 seconds: \(InjectedFailure("down"))",
                "policy \"p\" failed after 0 seconds: the result was not accepted",
            ])
        #expect(recorder.names == ["policy.succeeded", "policy.failed", "policy.failed"])
        #expect(recorder.events.allSatisfy { $0.source == "p" && $0.severity == .debug })
    }

    @Test("a strategy that returns without running the operation is found out")
    func skipping() async throws {
        let policy = try Policy("p") { Skipping() }
        await #expect(throws: OperationNotRunError.self) { try await policy.execute { 1 } }
        await #expect(throws: OperationNotRunError.self) {
            try await policy.execute {
                1
            } fallback: { _ in
                2
            }
        }
        #expect(await policy.run { 1 }.value == nil)
    }
}
