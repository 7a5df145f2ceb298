import ResilienceCore
import ResilienceTesting
import Synchronization
import TestSupport
import Testing

@Suite("What wraps a strategy hands on everything of it")
struct WrapperTests {
    private enum Tenant: ContextKey { typealias Value = String }

    /// A gate that lets nobody in, or counts who passes.
    private final class Gate: CallEntrance {
        private let count = Atomic(0)
        var passed: Int { count.load(ordering: .relaxed) }
        let isClosed: Bool

        init(isClosed: Bool) { self.isClosed = isClosed }

        func admit(_ name: String, _ body: nonisolated(nonsending) () async throws -> Void) async throws {
            guard try await admitIfOpen(body) else { throw Refused(policyName: name) }
        }

        func admitIfOpen(_ body: nonisolated(nonsending) () async throws -> Void) async throws -> Bool {
            guard !isClosed else { return false }
            count.add(1, ordering: .relaxed)
            try await body()
            return true
        }
    }

    /// Measures one thing.
    private struct Measured: Strategy {
        static let family = MetricFamily("test.calls", .counter, labels: ["name"], help: "Calls.")

        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            try await next(context)
        }
        func collect(into metrics: inout MetricCollection) { metrics.add(Self.family, ["x"], 1) }
    }

    private struct Wrapping<Base: Strategy>: StrategyWrapper {
        let base: Base

        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            try await base.execute(context, next)
        }
    }

    private func policy(_ name: String, behind gate: Gate) throws -> Policy {
        let plain = try Policy(name) { Measured() }
        return Policy(plain, layers: Measured(), behind: gate)
    }

    /// Every way to wrap a policy in something that calls can be made of.
    private func wrapped(_ policy: Policy) throws -> [(String, any Strategy)] {
        let generic: any Strategy = policy
        func set(_ strategy: some Strategy) -> any Strategy { strategy.setting(Tenant.self, to: "a") }
        let condition = true
        let middle = try Policy("middle") { policy }
        return [
            ("itself", policy),
            ("setting", policy.setting(Tenant.self, to: "a")),
            ("setting twice", policy.setting(Tenant.self, to: "a").setting(Tenant.self, to: "b")),
            ("setting, generic", set(generic)),
            ("setting, generic, twice", set(set(generic))),
            ("accepting", policy.accepting(Int.self) { $0 > 0 }),
            ("own wrapper", Wrapping(base: policy)),
            ("wrapper of a setting", Wrapping(base: policy.setting(Tenant.self, to: "a"))),
            ("nested", try Policy("outer") { policy }),
            (
                "nested beside others",
                try Policy("outer") {
                    Trying(times: 1); policy; Trying(times: 1)
                }
            ),
            ("nested twice", try Policy("outer") { middle }),
            ("nested setting", try Policy("outer") { policy.setting(Tenant.self, to: "a") }),
            ("nested under a condition", try Policy("outer") { if condition { policy } }),
            ("chosen", try Policy("outer") { if condition { policy } else { Trying(times: 1) } }),
            ("fluent", try Policy.pipeline("outer").strategy(policy).build()),
        ]
    }

    @Test("where calls are not let in any more, no fallback runs")
    func closed() async throws {
        for (way, strategy) in try wrapped(policy("p", behind: Gate(isClosed: true))) {
            await #expect(throws: Refused.self, "\(way)") {
                try await strategy.execute {
                    Issue.record("the operation ran: \(way)")
                } fallback: { _ in
                    Issue.record("the fallback ran: \(way)")
                }
            }
            let run = await strategy.run {
                1
            } fallback: { _ in
                2
            }
            #expect(run.rejection is Refused && run.fallbackCause == nil && run.attempts == 0, "\(way)")
        }
    }

    @Test("a call with a fallback passes the gate once for both")
    func once() async throws {
        let gate = Gate(isClosed: false)
        var calls = 0
        for (_, strategy) in try wrapped(policy("p", behind: gate)) {
            let value = try await strategy.execute { () async throws -> Int in
                throw InjectedFailure()
            } fallback: { _ in
                2
            }
            calls += 1
            #expect(value == 2 && gate.passed == calls)
        }
    }

    @Test("a call through policies of two modules passes both gates")
    func both() async throws {
        let gates = (Gate(isClosed: false), Gate(isClosed: true))
        let (first, second) = (try policy("p", behind: gates.0), try policy("q", behind: gates.1))
        let outer = try Policy("outer") {
            first; second
        }
        await #expect(throws: Refused.self) {
            try await outer.execute {
                1
            } fallback: { _ in
                2
            }
        }
        #expect(gates.0.passed == 1)
    }

    @Test("it measures what is inside")
    func metrics() throws {
        for (way, strategy) in try wrapped(policy("p", behind: Gate(isClosed: false))) {
            var metrics = MetricCollection()
            metrics.collect(strategy)
            #expect(metrics.entries.map(\.family.name) == ["test.calls"], "\(way)")
        }
    }

    @Test("layers and observers are those inside")
    func inside() throws {
        for (way, strategy) in try wrapped(policy("p", behind: Gate(isClosed: false))) {
            #expect(strategy.layers.contains { $0.strategy is Measured }, "\(way)")
        }
        let recorder = EventRecorder()
        let policy = try Policy("p") { Trying(times: 1) }
        Wrapping(base: policy.setting(Tenant.self, to: "a")).addObserver(recorder)
        #expect(policy.observers.count == 1)
    }

    @Test("a policy with values set has the forms of a policy")
    func forms() async throws {
        let policy = try Policy("p") { Trying(times: 3) }
            .setting(Tenant.self, to: "a").accepting(Int.self) { $0 > 1 }.setting(Tenant.self, to: "b")
        var values = [1, 2, 3].makeIterator()
        let execution = await policy.run { context in
            #expect(context[Tenant.self] == "b" && context.policyName == "p")
            return values.next() ?? 0
        }
        #expect(execution.value == 2 && execution.attempts == 2)
    }
}

@Suite("Rules for values hold inside nested policies")
struct NestedAcceptanceTests {
    private enum Tenant: ContextKey { typealias Value = String }

    /// Tries twice around a policy that does something to the context; whether the second value was reached.
    private func triesAgain(_ inner: some Strategy) async throws -> Bool {
        let outer = try Policy("outer") {
            Trying(times: 2); inner
        }.accepting(Int.self) { $0 > 1 }
        var values = [1, 2].makeIterator()
        return try await outer.execute { values.next() ?? 0 } == 2
    }

    @Test("also where a strategy, a setting or a recording changes the context on the way")
    func context() async throws {
        #expect(try await triesAgain(Trying(times: 1)))
        #expect(try await triesAgain(Setting(deadline: .seconds(1), report: "x")))
        #expect(try await triesAgain(Policy("inner") { Setting(report: "x") }))
        #expect(
            try await triesAgain(
                Policy("inner") {
                    Setting(report: "x"); Setting(report: "y")
                }))
        #expect(try await triesAgain(Policy("inner") { Setting(report: "x") }.setting(Tenant.self, to: "a")))
        let innermost = try Policy("innermost") { Setting(report: "x") }
        #expect(try await triesAgain(Policy("inner") { innermost }))
        let rule = try Policy("inner") { Setting(report: "x") }.accepting(String.self) { $0 != "" }
        #expect(try await triesAgain(Policy("middle") { rule }))
        let generic: any Strategy = try Policy("inner") { Setting(report: "x") }
        func set(_ strategy: some Strategy) -> any Strategy { strategy.setting(Tenant.self, to: "a") }
        #expect(try await triesAgain(Policy("middle") { Either(set(generic)) }))
        let listening = try Policy("inner") { Listening() }
        #expect(try await triesAgain(listening))
    }

    /// Listens to reports, as a trace does.
    private struct Listening: Strategy {
        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            try await next(context.reporting { _, _ in })
        }
    }

    /// A strategy whose type is known at run time only.
    private struct Either: Strategy {
        let strategy: any Strategy
        init(_ strategy: any Strategy) { self.strategy = strategy }
        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            try await strategy.execute(context, next)
        }
    }

    @Test("and in a call that is recorded")
    func recorded() async throws {
        let inner = try Policy("inner") { Setting(report: "x") }
        let outer = try Policy("outer") {
            Trying(times: 2); inner
        }.accepting(Int.self) { $0 > 1 }
        var values = [1, 2].makeIterator()
        let execution = await outer.run { values.next() ?? 0 }
        #expect(execution.value == 2 && execution.attempts == 2 && execution.isAccepted)
    }
}
