import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Context")
struct ContextTests {
    @Test("the deadline and what is left reach the operation")
    func deadline() async throws {
        let clock = ManualClock()
        let policy = try Policy("p", clock: clock) { Setting(deadline: .seconds(5)) }
        try await policy.execute { context in
            #expect(context.remaining == .seconds(5))
            clock.advance(by: .seconds(4))
            #expect(context.remaining == .seconds(1))
            #expect(!context.isPastDeadline)
            clock.advance(by: .seconds(1))
            #expect(context.remaining == .zero)
            #expect(context.isPastDeadline)
            clock.advance(by: .seconds(1))
            #expect(context.remaining == .zero)
        }
        let unlimited = try Policy("u") { Trying(times: 1) }
        try await unlimited.execute { context in
            #expect(context.remaining == nil)
            #expect(!context.isPastDeadline)
        }
    }

    @Test("a nested policy on another clock has as much time left")
    func nestedDeadline() async throws {
        let outerClock = ManualClock()
        let innerClock = ManualClock()
        innerClock.advance(by: .seconds(100))
        let inner = try Policy("inner", clock: innerClock) { Trying(times: 1) }
        let outer = try Policy("outer", clock: outerClock) {
            Setting(deadline: .seconds(5))
            inner
        }
        try await outer.execute { context in
            #expect(context.remaining == .seconds(5))
            innerClock.advance(by: .seconds(2))
            #expect(context.remaining == .seconds(3))
        }
    }

    @Test("values flow inwards, and are not seen outside")
    func values() async throws {
        let inner = try Policy("inner") { Trying(times: 1) }
        let policy = try Policy("p") {
            Setting(report: "from outside")
            inner
        }
        try await policy.execute { context in
            #expect(context[Report.self] == "from outside")
            var own = context
            own[Report.self] = nil
            #expect(own[Report.self] == nil)
            #expect(context[Report.self] == "from outside")
        }
        #expect(policy.rootContext[Report.self] == nil)
    }
}
