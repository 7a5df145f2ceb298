import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// Rules of a retry under inputs that are easily forgotten.
@Suite("Retry: the same rule with other inputs", .timeLimit(.minutes(30)))
struct OtherInputsTests {
    private struct Wrapped: ErrorWrapper { let wrappedError: any Error }
    private struct Response: Sendable, ServerHintProviding { var serverHint: ServerHint? }

    private static let backoffs: [Backoff] = [
        .exponential(from: .milliseconds(100), jitter: .none), .linear(from: .milliseconds(100), jitter: .none),
        .fibonacci(from: .milliseconds(100), jitter: .none),
        .list([.milliseconds(100), .milliseconds(200), .milliseconds(300)]),
        .custom { .milliseconds(100 * $0.step) }, .exponential(from: .milliseconds(100), jitter: .decorrelated),
        .exponential(from: .milliseconds(100), jitter: .ratio(0)),
    ]

    @Test("every backoff begins again after a server's word, however that comes", arguments: 0..<7, 0..<3)
    func beginsAgain(backoff: Int, way: Int) async throws {
        let hint = Answer(serverHint: .retryAfter(.seconds(7)))
        var configuration = Configuration(backoff: Self.backoffs[backoff], maxAttempts: 8)
        configuration.hintJitter = 0
        let stage = try Stage(configuration)
        let outcome = try await stage.run { context -> Int in
            switch context.attempt {
            case 3 where way == 0: throw hint
            case 3 where way == 1: throw Wrapped(wrappedError: hint)
            case 3:
                throw UnacceptedResultError.showing(
                    Response(serverHint: .retryAfter(.seconds(7))), UnacceptedResultError())
            case 6: return 1
            default: throw failure
            }
        }
        #expect(outcome.value == 1)
        let slept = outcome.slept
        #expect(slept[2] == .seconds(7))
        #expect(Array(slept[3...4]) == Array(slept[0...1]), "\(slept)")
    }

    @Test("hints keep a fleet spread at every limit, and none comes back early", arguments: 0..<5)
    func spread(limit: Int) async throws {
        var slept: Set<Duration> = []
        for draw in 0..<20 {
            var configuration = Configuration(backoff: .immediate, maxAttempts: 2)
            var hint = ServerHint.retryAfter(.seconds(10))
            switch limit {
            case 0: configuration.maxDelay = .seconds(10)
            case 1: configuration.maxDelay = .seconds(10); hint = .retryAfter(.seconds(3_600))
            case 2: configuration.maxDuration = .seconds(11)
            case 3: configuration.maxDuration = .seconds(11); configuration.lastDelay = .trim
            default: configuration.maxDelay = .seconds(9); hint = .retryAfter(.seconds(9))
            }
            let stage = try Stage(configuration, random: .constant(Double(draw) / 20))
            let outcome = try await stage.run([Answer(serverHint: hint)])
            let delay = try #require(outcome.slept.first)
            #expect(delay >= min(.seconds(10), configuration.maxDelay))
            slept.insert(delay)
        }
        #expect(slept.count == 20)
    }

    @Test(
        "backoffs with jitter stay spread at the longest delay",
        arguments: [Jitter.full, .equal, .decorrelated, .ratio(0.3)])
    func spreadAtTheCap(jitter: Jitter) async throws {
        for backoff in [
            Backoff.exponential(from: .seconds(60), jitter: jitter), .constant(.seconds(30), jitter: jitter),
            .linear(from: .seconds(50), jitter: jitter), .fibonacci(from: .seconds(50), jitter: jitter),
            .list([.seconds(45)], jitter: jitter), .custom(jitter: jitter) { _ in .seconds(100_000) },
        ] {
            var slept: Set<Duration> = []
            for draw in 1...20 {
                let stage = try Stage(
                    .init(backoff: backoff, maxAttempts: 2, maxDelay: .seconds(30)),
                    random: .constant(Double(draw) / 21))
                slept.insert(try #require(try await stage.run([failure]).slept.first))
            }
            #expect(slept.count == 20 && slept.allSatisfy { $0 <= .seconds(30) })
        }
    }

    @Test("an open breaker inside ends the call at once, however its error is wrapped", arguments: 0..<5)
    func openBreaker(way: Int) async throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(1)), clock: clock)
        breaker.open()
        let calls = Count()
        let inner = try Policy("inner", clock: clock) {
            Retry.layer(.init(backoff: .immediate, maxAttempts: 3, exhaustion: .exhaustedError))
            breaker
        }
        let outer = try Policy("outer", clock: clock) { Retry.layer(.constant(.seconds(1)), maxAttempts: 5) }
        let outcome: Outcome<Int> = try await drive(clock) {
            await outer.run { () async throws -> Int in
                calls.increment()
                switch way {
                case 0: return try await breaker.execute { 1 }
                case 1: return try await inner.execute { 1 }
                case 2: do { return try await breaker.execute { 1 } } catch { throw Wrapped(wrappedError: error) }
                case 3:
                    do { return try await breaker.execute { 1 } } catch {
                        throw Wrapped(wrappedError: Wrapped(wrappedError: error))
                    }
                default: return try await inner.setting(Idempotence.self, to: true).execute { 1 }
                }
            }
        }
        #expect(outcome.slept.isEmpty && calls.value == 1)
        #expect(outcome.error.map(unwrapped) is CircuitBreaker.OpenError)
    }

    @Test("times of Retry-After in forms that servers send")
    func forms() {
        func read(_ text: String, now: Double = 784_111_777) -> ServerHint {
            .http(retryAfter: text, secondsSince1970: now)
        }
        for (text, delay) in [
            ("0", Duration.zero), ("0.0", .zero), ("00120", .seconds(120)), ("1.5", .milliseconds(1_500)),
            ("0.001", .milliseconds(1)), ("120.000", .seconds(120)), ("\t3.25 ", .milliseconds(3_250)),
            ("0.0000000001", .zero), ("1.9999999999", .nanoseconds(1_999_999_999)),
            ("99999999999999999999.5", .nanoseconds(Int64.max)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", .seconds(10)), ("Sunday, 06-Nov-94 08:49:47 GMT", .seconds(10)),
            ("Sun Nov  6 08:49:47 1994", .seconds(10)), ("Sun Nov 06 08:49:47 1994", .seconds(10)),
            (" Sun Nov  6 08:49:36 1994\t", .zero), ("Saturday, 05-Nov-94 08:49:37 GMT", .zero),
        ] { #expect(read(text) == .retryAfter(delay), "\(text)") }
        // A century on: the nearest year that is not more than 50 years ahead.
        #expect(read("Friday, 31-Dec-99 23:59:59 GMT", now: 946_684_798) == .retryAfter(.seconds(1)))
        #expect(read("Saturday, 01-Jan-00 00:00:00 GMT", now: 946_684_799) == .retryAfter(.seconds(1)))
        for text in [
            "", ".", "-1", "+1", "1,5", "1.5.5", "1e3", "0x10", "١٢", "1.5s", "nan", "Sun, 06 Nov 1994 08:49:37",
        ] {
            #expect(read(text) == .unreadable(text))
        }
    }

    @Test(
        "a value that was not accepted gives its hint through every wrapper, and says when not to go on",
        arguments: 0..<4)
    func values(way: Int) async throws {
        let clock = ManualClock()
        let retry = Retry.layer(.init(backoff: .constant(.seconds(1)), maxAttempts: 3, hintJitter: 0))
        let plain = try Policy("p", clock: clock) { retry }
        let policy: any PolicyLike =
            switch way {
            case 0: plain
            case 1: plain.setting(Idempotence.self, to: true)
            case 2: try Policy("outer", clock: clock) { plain }
            default: try Policy("outer", clock: clock) { plain }.accepting(Response.self) { $0.serverHint == nil }
            }
        for (hint, slept) in [
            (ServerHint.retryAfter(.seconds(4)), [Duration.seconds(4)]), (.doNotRetry, []),
            (.unreadable("x"), [.seconds(1)]),
        ] {
            let count = Count()
            let outcome: Outcome<Response> = try await drive(clock) {
                await policy.call(accepting: { way == 3 || $0.serverHint == nil }) {
                    Response(serverHint: count.increment() == 1 ? hint : nil)
                }
            }
            #expect(outcome.slept == slept)
        }
    }

    @Test("the value of an attempt that is superseded is free before the delay, in every nesting", arguments: 0..<4)
    func superseded(way: Int) async throws {
        final class Connection: Sendable {}
        let clock = ManualClock()
        let plain = try Policy("p", clock: clock) { Retry.layer(.constant(.seconds(1)), maxAttempts: 2) }
        let policy =
            switch way {
            case 0: plain
            case 1: plain.setting(Idempotence.self, to: true)
            case 2: try Policy("outer", clock: clock) { plain }
            default:
                try Policy("outer", clock: clock) {
                    plain
                    CircuitBreaker.layer(.init(trip: .consecutiveFailures(100)))
                }
            }
        let first = WeakBox<Connection>()
        let call = Task {
            try await policy.execute(accepting: { _ in false }) {
                let connection = Connection()
                if first.isEmpty { first.set(connection) }
                return connection
            }
        }
        try await clock.waitForSleepers(1)
        #expect(first.isEmpty)
        clock.advance(by: .seconds(1))
        _ = try await call.value
    }
}

/// Policies of any kind, behind one call.
private protocol PolicyLike: Sendable {
    func call<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Execution<Value>
}

extension Policy: PolicyLike {
    fileprivate func call<Value: Sendable>(
        accepting isAccepted: @escaping @Sendable (Value) -> Bool,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Execution<Value> { await run(accepting: isAccepted, operation) }
}

private final class WeakBox<Object: AnyObject & Sendable>: Sendable {
    private struct Content { weak var object: Object? }
    private let content = Lock(Content())
    var isEmpty: Bool { content.withLock { $0.object == nil } }
    func set(_ object: Object) { content.withLock { $0.object = object } }
}
