import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Fallbacks

@Suite("Fallback: the last good value", .timeLimit(.minutes(30)))
struct LastGoodTests {
    let clock = ManualClock()

    @Test("serves until its maximum age, and says how old it is")
    func age() async throws {
        let fallback = try Fallback<Int>(
            "f", .init(exhaustion: .exhaustedError) { .lastGood(maxAge: .seconds(10)) }, clock: clock)
        await #expect(throws: FallbackExhaustedError.self) { try await fallback.execute { throw Down() } }
        #expect(try await fallback.execute { 1 } == 1)
        clock.advance(by: .seconds(10))
        let execution = await fallback.run { throw Down() }
        #expect(execution.value == 1)
        #expect(execution.servedBy == FallbackServed(fallback: "f", step: "last good", age: .seconds(10)))
        clock.advance(by: .nanoseconds(1))
        let error = await #expect(throws: FallbackExhaustedError.self) { try await fallback.execute { throw Down() } }
        #expect(
            error?.steps.first?.description
                == "step \"last good\" has a value that is 10 seconds old, more than 10 seconds")
        let old = try #require(fallback.lastGood)
        #expect(old.value == 1)
        #expect(old.age == .seconds(10) + .nanoseconds(1))
        #expect(fallback.totals.steps["last good"] == .init(succeeded: 1, skipped: 2))
    }

    @Test("the latest success is the one, and values of steps are not kept")
    func latest() async throws {
        let fallback = try Fallback<Int>("f", clock: clock) {
            .lastGood(maxAge: .seconds(1))
                .value(-1)
        }
        for value in 1...3 { _ = try await fallback.execute { value } }
        #expect(try await fallback.execute { throw Down() } == 3)
        clock.advance(by: .seconds(2))
        #expect(try await fallback.execute { throw Down() } == -1)
        #expect(fallback.lastGood?.value == 3)
    }

    @Test("nothing is kept where no step asks for it")
    func inactive() async throws {
        let fallback = try Fallback<Int>("f") { .value(1) }
        _ = try await fallback.execute { 1 }
        fallback.remember(1)
        #expect(fallback.keptCount == 0)
    }

    @Test("each key has its own, and the one renewed longest ago goes first")
    func keys() async throws {
        let fallback = try KeyedFallback<String, Int>("f", clock: clock) {
            .lastGood(maxAge: .seconds(100), maxKeys: 2)
        }
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            _ = try await fallback.execute(for: key) { value }
        }
        #expect(fallback.keptCount == 2)
        #expect(fallback.lastGood(for: "a")?.value == 3)
        #expect(fallback.lastGood(for: "b") == nil)
        #expect(try await fallback.execute(for: "c") { throw Down() } == 4)
        fallback.forget("c")
        #expect(fallback.lastGood(for: "c") == nil)
        fallback.remember(9, for: "d")
        #expect(try await fallback.execute(for: "d") { throw Down() } == 9)
        fallback.forgetAll()
        #expect(fallback.keptCount == 0)
    }

    @Test("fresh ones before a replica, older ones after it")
    func twoAges() async throws {
        let fallback = try Fallback<Int>("f", clock: clock) {
            .lastGood(maxAge: .seconds(5), name: "recent")
                .step("replica", handles: .only(Down.self)) { _ in 2 }
                .lastGood(maxAge: .seconds(60), name: "old")
        }
        _ = try await fallback.execute { 1 }
        #expect(await fallback.run { throw Down() }.servedBy?.step == "recent")
        clock.advance(by: .seconds(30))
        #expect(await fallback.run { throw Down() }.servedBy?.step == "replica")
        #expect(await fallback.run { throw Refused() }.servedBy?.step == "old")
        // A value that is too old for every step is let go when others are kept.
        let keyed = try KeyedFallback<Int, Int>("k", clock: clock) {
            .lastGood(maxAge: .seconds(5), maxKeys: 5, name: "recent")
                .lastGood(maxAge: .seconds(60), maxKeys: 100, name: "old")
        }
        for key in 0..<10 { keyed.remember(key, for: key) }
        #expect(keyed.keptCount == 10)
        clock.advance(by: .seconds(60))
        keyed.remember(10, for: 10)
        #expect(keyed.keptCount == 11)
        clock.advance(by: .nanoseconds(1))
        keyed.remember(10, for: 10)
        #expect(keyed.keptCount == 9)
    }

    @Test("values are released outside of the lock, and may come back")
    func release() throws {
        let fallback = try KeyedFallback<Int, Token>("f", clock: clock) { .lastGood(maxAge: .seconds(1), maxKeys: 1) }
        let released = Log<Int>()
        let token = { (number: Int) in
            Token {
                released.append(number)
                _ = fallback.keptCount
            }
        }
        fallback.remember(token(1), for: 1)
        fallback.remember(token(2), for: 1)
        fallback.remember(token(3), for: 2)
        #expect(released.elements == [1, 2])
        fallback.forget(2)
        fallback.remember(token(4), for: 1)
        fallback.forgetAll()
        fallback.remember(token(5), for: 1)
        try fallback.update(.init { .step("s") { _ in throw Down() } })
        #expect(released.elements == [1, 2, 3, 4, 5])
    }

    /// Equal by its number, whichever object it is.
    private struct TokenKey: Hashable, Sendable {
        let number: Int
        let token: Token
        static func == (lhs: Self, rhs: Self) -> Bool { lhs.number == rhs.number }
        func hash(into hasher: inout Hasher) { hasher.combine(number) }
    }

    @Test("keys, too, are released outside of the lock")
    func releaseKeys() throws {
        let fallback = try KeyedFallback<TokenKey, Int>("f", clock: clock) {
            .lastGood(maxAge: .seconds(1), maxKeys: 2)
        }
        let released = Log<Int>()
        let key = { (number: Int) in
            TokenKey(
                number: number,
                token: Token {
                    released.append(number)
                    _ = fallback.keptCount
                })
        }
        fallback.remember(1, for: key(1))
        fallback.remember(2, for: key(1))
        // The second object for the same key is not kept.
        #expect(released.elements == [1])
        for number in 2...3 { fallback.remember(number, for: key(number)) }
        #expect(released.elements == [1, 1])
        fallback.forget(key(3))
        #expect(released.elements.sorted() == [1, 1, 3, 3])
        try fallback.update(.init { .value(0) })
        #expect(released.elements.sorted() == [1, 1, 2, 3, 3])
    }

    @Test("the store equals a simple model over random operations")
    func model() throws {
        try forSeeds(seeds(2_000)) { _, random in
            let retention = LastGoodRetention(
                maxAge: .seconds(Int.random(in: 1...30, using: &random)),
                maxKeys: Int.random(in: 1...6, using: &random))
            var values = LastGoodValues<Int, Int>()
            var model: [(key: Int, value: Int, at: Int)] = []
            var now = 0
            for step in 0..<60 {
                let instant = TimeSource.Instant(nanoseconds: Int64(now) * 1_000_000_000)
                let key = Int.random(in: 0..<10, using: &random)
                switch Int.random(in: 0..<8, using: &random) {
                case 0..<4:
                    let start = ReadStart(number: UInt64(3 * step + 3), instant: instant)
                    _ = values.remember(step, for: key, readAt: start, at: instant, retention)
                    model.removeAll { $0.key == key }
                    model.append((key, step, now))
                    for _ in 0..<2 {
                        guard let first = model.first else { continue }
                        if model.count > retention.maxKeys || .seconds(now - first.at) > retention.maxAge {
                            model.removeFirst()
                        }
                    }
                case 4:
                    _ = values.forget(key, at: UInt64(3 * step + 3))
                    model.removeAll { $0.key == key }
                case 5: now += Int.random(in: 0..<20, using: &random)
                default: break
                }
                let expected = model.first { $0.key == key }
                let actual = values.recall(key, at: instant)
                guard actual?.value == expected?.value, values.count == model.count,
                    values.count <= retention.maxKeys
                else {
                    throw Difference("step \(step): \(String(describing: actual))")
                }
            }
            _ = values.trim(to: 2)
            guard values.count == min(2, model.count),
                model.suffix(2).allSatisfy({ values.recall($0.key, at: .init(nanoseconds: 0))?.value == $0.value })
            else { throw Difference("trim") }
        }
    }

    @Test("a value whose read began earlier than that of the one kept does not replace it, also within one instant")
    func outOfOrder() {
        for (first, second) in [(10, 20), (10, 10)] as [(Int64, Int64)] {
            var values = LastGoodValues<Int, Int>()
            let retention = LastGoodRetention(maxAge: .seconds(1), maxKeys: 1)
            let now = TimeSource.Instant(nanoseconds: 30)
            let older = ReadStart(number: 1, instant: .init(nanoseconds: first))
            let newer = ReadStart(number: 2, instant: .init(nanoseconds: second))
            #expect(!values.remember(2, for: 0, readAt: newer, at: now, retention).isRefused)
            #expect(values.remember(1, for: 0, readAt: older, at: now, retention).isRefused)
            #expect(values.recall(0, at: now)?.value == 2)
            #expect(values.recall(0, at: .init(nanoseconds: 5))?.age == .zero)
        }
    }

    @Test("what was forgotten is not brought back by a read that had begun, however many keys are forgotten")
    func forgotten() {
        var values = LastGoodValues<Int, Int>()
        let retention = LastGoodRetention(maxAge: .seconds(1), maxKeys: 10)
        let now = TimeSource.Instant(nanoseconds: 0)
        let early = ReadStart(number: 1, instant: now)
        let late = ReadStart(number: 1_000_000, instant: now)
        for key in 0..<3_000 {
            _ = values.forget(key, at: UInt64(key + 2))
            #expect(values.forgotten.count <= LastGoodValues<Int, Int>.maxForgotten)
        }
        for key in 0..<3_000 {
            #expect(values.remember(0, for: key, readAt: early, at: now, retention).isRefused)
            #expect(!values.remember(1, for: key, readAt: late, at: now, retention).isRefused)
        }
        #expect(values.forgetAll(at: 2_000_000).count == 10)
        #expect(values.remember(1, for: 5_000, readAt: late, at: now, retention).isRefused)
        #expect(values.count == 0)
    }

    /// Begins calls one second apart, which end with their numbers when they are told to.
    private struct Calls {
        let clock: ManualClock
        let fallback: KeyedFallback<String, Int>
        let guarded: KeyedFallbackPolicy<String, Int>
        var operations: [ScriptedOperation<Int>] = []
        var tasks: [Task<Int, any Error>] = []

        init(_ clock: ManualClock) throws {
            self.clock = clock
            fallback = try KeyedFallback("f", clock: clock) { .lastGood(maxAge: .seconds(100)) }
            guarded = try Policy("p", clock: clock) { Through() }.fallback(to: fallback)
        }

        mutating func begin(_ key: String) async throws {
            let operation = ScriptedOperation<Int>(clock: clock, [.hang])
            let (number, fallback, guarded) = (operations.count, fallback, guarded)
            operations.append(operation)
            // All ways to make a call.
            tasks.append(
                Task {
                    switch number % 4 {
                    case 0: try await fallback.execute(for: key) { try await operation() }
                    case 1: try await fallback.execute(for: key) { _ in try await operation() }
                    case 2: try await guarded.execute(for: key) { try await operation() }
                    default: try await guarded.run(for: key) { try await operation() }.get()
                    }
                })
            try await operation.waitForCalls(1)
        }

        func end(_ number: Int) async throws {
            operations[number].release(with: .success(number))
            #expect(try await tasks[number].value == number)
        }
    }

    @Test("a value is as old as the start of the call that brought it, and an older read replaces no newer one")
    func startOfCall() async throws {
        var calls = try Calls(clock)
        for _ in 0..<4 {
            try await calls.begin("a")
            clock.advance(by: .seconds(1))
        }
        try await calls.end(1)
        #expect(calls.fallback.lastGood(for: "a")?.age == .seconds(3))
        try await calls.end(0)
        #expect(calls.fallback.lastGood(for: "a")?.value == 1)
        clock.advance(by: .seconds(1))
        try await calls.end(3)
        #expect(calls.fallback.lastGood(for: "a")?.age == .seconds(2))
        try await calls.end(2)
        #expect(calls.fallback.lastGood(for: "a")?.value == 3)
        // Within one instant the call that began later is the newer one, whichever ends last.
        for _ in 0..<2 { try await calls.begin("b") }
        try await calls.end(5)
        try await calls.end(4)
        #expect(calls.fallback.lastGood(for: "b")?.value == 5)
        // A value given by hand was read just now.
        try await calls.begin("c")
        calls.fallback.remember(99, for: "c")
        try await calls.end(6)
        #expect(calls.fallback.lastGood(for: "c")?.value == 99)
    }

    @Test("forgetting wins over calls that are on their way, and not over others")
    func forgetDuringCall() async throws {
        var calls = try Calls(clock)
        try await calls.begin("a")
        try await calls.begin("b")
        calls.fallback.forget("a")
        try await calls.begin("a")
        for number in 0..<3 { try await calls.end(number) }
        #expect(calls.fallback.lastGood(for: "a")?.value == 2)
        #expect(calls.fallback.lastGood(for: "b")?.value == 1)
        try await calls.begin("a")
        calls.fallback.forgetAll()
        try await calls.end(3)
        #expect(calls.fallback.keptCount == 0)
        _ = try await calls.fallback.execute(for: "a") { 7 }
        #expect(calls.fallback.lastGood(for: "a")?.value == 7)
    }
}
