import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization
import TestSupport
import Testing

@testable import HTTPSemantics

@Suite("The standard pipeline")
struct HTTPPipelineTests {
    let clock = ManualClock()
    let get = HTTPReplay(method: "GET")
    let post = HTTPReplay(method: "POST", body: .bytes)

    func pipeline(
        _ change: (inout HTTPPipeline.Configuration) -> Void = { _ in }, random: RandomSource = .constant(0.5)
    ) throws -> HTTPPipeline {
        var configuration = HTTPPipeline.Configuration(sendOutcome: outcomeOf)
        change(&configuration)
        return try HTTPPipeline("api", configuration, clock: clock, random: random)
    }

    func call(
        _ pipeline: HTTPPipeline, _ server: Server, _ replay: HTTPReplay, isBodyUsed: Bool = true
    ) async throws -> (result: Result<Answer, any Error>, slept: [Duration]) {
        try await driven(clock) {
            try await pipeline.execute(to: "a.example", replay, isBodyUsed: { isBodyUsed }, reading: head) { _ in
                try server.answer()
            }
        }
    }

    @Test("Has the layers it says, outermost first")
    func layers() throws {
        let standard = try pipeline().policy(for: "a").description
        #expect(
            standard
                == "Timeout(30s) → Retry(4) → Pause → CircuitBreaker(api) → Bulkhead(api) → Timeout(10s)",
            "\(standard)")
    }

    @Test("A failed response is retried, and an accepted one ends the call")
    func retries() async throws {
        let server = Server(.success(Answer(status: 502)), .success(Answer(status: 500)), .success(.ok))
        let (result, slept) = try await call(try pipeline(), server, get)
        #expect(try result.get() == .ok)
        #expect(server.calls == 3)
        #expect(slept == [.milliseconds(50), .milliseconds(100)])
    }

    @Test("A response that stays a failure comes back after three retries, or is thrown if asked for")
    func exhausted() async throws {
        let server = Server(.success(Answer(status: 500)))
        let (result, _) = try await call(try pipeline(), server, get)
        #expect(try result.get().status == 500)
        #expect(server.calls == 4)
        let (thrown, _) = try await call(try pipeline { $0.throwsFailures = true }, server, get)
        let failure = try #require(thrown.error as? HTTPFailure)
        #expect(failure.status == 500)
        #expect(failure.response as? Answer == Answer(status: 500))
    }

    @Test("An answer that is none of the service's fault is not retried", arguments: [200, 301, 404, 409, 501])
    func answers(_ status: Int) async throws {
        let server = Server(.success(Answer(status: status)))
        #expect(try await call(try pipeline(), server, get).result.get().status == status)
        #expect(server.calls == 1)
    }

    @Test(
        "Requests are repeated as far as their method, body and fate allow",
        arguments: [
            ("GET", HTTPBodyReplay.none, HTTPSendOutcome.perhapsRan, 4), ("GET", .none, .neverSent, 4),
            ("GET", .none, .permanent, 1), ("POST", .bytes, .perhapsRan, 1),
            ("POST", .bytes, .neverSent, 4), ("PUT", .restartable, .perhapsRan, 4), ("PUT", .oneShot, .perhapsRan, 1),
            ("PUT", .oneShot, .neverSent, 1), ("POST", .oneShot, .neverSent, 1), ("POST", .bytes, .permanent, 1),
        ])
    func replay(_ row: (method: String, body: HTTPBodyReplay, outcome: HTTPSendOutcome, calls: Int)) async throws {
        let server = Server(.failure(ClientError(outcome: row.outcome)))
        let (result, _) = try await call(try pipeline(), server, HTTPReplay(method: row.method, body: row.body))
        #expect(result.error as? ClientError == ClientError(outcome: row.outcome))
        #expect(server.calls == row.calls)
    }

    @Test("A cancellation that was not asked for is a failure of the client's: repeated as far as the request may be")
    func poolThatCloses() async throws {
        for (method, calls) in [("GET", 4), ("PUT", 4), ("POST", 1)] {
            let pipeline = try pipeline()
            let server = Server(.failure(CancellationError()))
            let (result, _) = try await call(pipeline, server, HTTPReplay(method: method, body: .bytes))
            #expect(result.error is CancellationError)
            #expect(server.calls == calls)
        }
        let pipeline = try pipeline { $0.retry = nil }
        let server = Server(.failure(CancellationError()))
        for _ in 0..<20 { _ = try await call(pipeline, server, get) }
        let (refused, _) = try await call(pipeline, server, get)
        #expect(refused.error is CircuitBreaker.OpenError)
    }

    @Test("A caller's cancellation is no failure, and repeated for no request", arguments: ["GET", "POST"])
    func callerWhoCancels(method: String) async throws {
        let pipeline = try pipeline()
        let calls = Shared(0)
        let executor = SteppingExecutor()
        let outcome = Shared<(any Error)?>(nil)
        for _ in 0..<20 {
            let task = Task(executorPreference: executor) { [clock] in
                do {
                    _ = try await pipeline.execute(
                        to: "a.example", HTTPReplay(method: method, body: .bytes), reading: head
                    ) { _ -> Answer in
                        calls.withLock { $0 += 1 }
                        try await clock.sleep(for: .seconds(1))
                        return .ok
                    }
                } catch { outcome.withLock { $0 = error } }
            }
            executor.drain()
            task.cancel()
            executor.drain()
            #expect(outcome.withLock { $0 } is CancellationError)
        }
        #expect(calls.withLock { $0 } == 20)
        let answer = try await pipeline.execute(to: "a.example", get, reading: head) { _ in Answer.ok }
        #expect(answer == .ok)
    }

    @Test("A body that can be read once is sent again if nothing of it was read, and the server never got it")
    func unusedBody() async throws {
        let server = Server(.failure(ClientError(outcome: .neverSent)), .success(.ok))
        let replay = HTTPReplay(method: "POST", body: .oneShot)
        let (result, _) = try await call(try pipeline(), server, replay, isBodyUsed: false)
        #expect(try result.get() == .ok)
        #expect(server.calls == 2)
    }

    @Test("A failed response to a request that cannot be repeated comes back at once", arguments: [500, 503])
    func post(_ status: Int) async throws {
        let server = Server(.success(Answer(status: status)))
        #expect(try await call(try pipeline { $0.pause = nil }, server, post).result.get().status == status)
        #expect(server.calls == 1)
        let keyed = HTTPReplay(method: "POST", body: .bytes, headers: headers(("idempotency-key", "1")))
        _ = try await call(try pipeline { $0.pause = nil }, server, keyed)
        #expect(server.calls == 5)
    }

    @Test("A Retry-After is kept to, and not waited for where the deadline comes first")
    func retryAfter() async throws {
        let server = Server(.success(.busy("3")), .success(.ok))
        let (result, slept) = try await call(try pipeline(), server, get)
        #expect(try result.get() == .ok)
        // Half of `hintJitter` on top.
        #expect(slept == [.milliseconds(3750)])
        let far = Server(.success(.busy("9")), .success(.ok))
        let short = try pipeline {
            $0.totalLimit = .seconds(5)
            $0.attemptLimit = .seconds(5)
        }
        let (late, waited) = try await call(short, far, get)
        #expect(try late.get().status == 503)
        #expect(waited == [])
        let longer = Server(.success(.busy("15")), .success(.ok))
        #expect(try await call(try pipeline(), longer, get).result.get().status == 503)
        #expect(longer.calls == 1)
    }

    @Test("The breaker opens at half of twenty, for failed responses as for errors; answers close nothing")
    func breaker() async throws {
        let pipeline = try pipeline { $0.retry = nil }
        let server = Server(.success(Answer(status: 500)))
        for _ in 0..<20 { _ = try await call(pipeline, server, get) }
        let (result, _) = try await call(pipeline, server, get)
        #expect(result.error is CircuitBreaker.OpenError)
        #expect(server.calls == 20)
        // Another authority is not concerned.
        let other = try await pipeline.execute(to: "b.example", get, reading: head) { _ in Answer.ok }
        #expect(other == .ok)
    }

    @Test("What is the client's own fault does not open the breaker")
    func ownFault() async throws {
        let pipeline = try pipeline { $0.retry = nil }
        let server = Server(.failure(ClientError(outcome: .permanent)))
        for _ in 0..<40 { _ = try await call(pipeline, server, get) }
        #expect(server.calls == 40)
    }

    @Test("Letter case does not make another authority, and a million authorities stay within the bound")
    func authorities() async throws {
        let pipeline = try pipeline { $0.maxAuthorities = 10 }
        _ = try await pipeline.execute(to: "A.Example", get, reading: head) { _ in Answer.ok }
        _ = try await pipeline.execute(to: "a.example", get, reading: head) { _ in Answer.ok }
        #expect(pipeline.policies.count == 1)
        for number in 0..<2000 {
            _ = try await pipeline.execute(to: "host\(number).example", get, reading: head) { _ in Answer.ok }
        }
        #expect(pipeline.policies.count <= 10)
    }

    @Test("Responses that the caller does not get are released, before the next attempt")
    func releases() async throws {
        let pipeline = try pipeline()
        let server = Server(.success(Answer(status: 500)), .success(Answer(status: 502)), .success(.ok))
        let released = Shared<[Int]>([])
        let (result, _) = try await driven(clock) {
            try await pipeline.execute(
                to: "a", get, reading: head, releasing: { answer in released.withLock { $0.append(answer.status) } }
            ) { context in
                #expect(released.withLock { $0.count } == context.attempt - 1)
                return try server.answer()
            }
        }
        #expect(try result.get() == .ok)
        #expect(released.withLock { $0 } == [500, 502])
    }

    @Test("An attempt that takes too long is ended, and the request repeated if it may be")
    func attemptLimit() async throws {
        for (replay, calls) in [(get, 4), (post, 1)] {
            let clock = ManualClock()
            let pipeline = try HTTPPipeline(
                "api", .init(totalLimit: .seconds(100), attemptLimit: .seconds(5)), clock: clock,
                random: .constant(0.5))
            let count = Shared(0)
            let (result, _) = try await driven(clock) {
                try await pipeline.execute(to: "a", replay, reading: head) { _ in
                    count.withLock { $0 += 1 }
                    try await clock.sleep(for: .seconds(60))
                    return Answer.ok
                }
            }
            #expect(result.error is Timeout.ExceededError)
            #expect(count.withLock { $0 } == calls)
        }
    }

    @Test("Servers are told how long the attempt may take, and how important it is, in fields of the user's names")
    func fields() async throws {
        let deadline = try HTTPDeadlineField("x-timeout-ms", .milliseconds)
        let pipeline = try pipeline {
            $0.deadlineField = deadline
            $0.priorityField = .standard
        }
        let sent = try await pipeline.policy(for: "a").setting(Bulkhead.Priority.self, to: .high).execute { context in
            pipeline.fields(in: context).map { "\($0.name): \($0.value)" }
        }
        #expect(sent == ["x-timeout-ms: 10000", "priority: u=1"])
        #expect(pipeline.fields(in: Context(name: "", time: .continuous)).isEmpty)
    }

    @Test("Settings that contradict each other are faults, all of them, by their fields")
    func contradictions() throws {
        func faults(_ change: (inout HTTPPipeline.Configuration) -> Void) -> [String] {
            do {
                _ = try pipeline(change)
                return []
            } catch {
                return (error as? ConfigurationError)?.faults.map { $0.field } ?? []
            }
        }
        #expect(faults { $0.attemptLimit = .seconds(31) } == ["api.attemptLimit", "api.circuitBreaker.window"])
        #expect(faults { $0.circuitBreaker?.window = .time(.seconds(19)) } == ["api.circuitBreaker.window"])
        #expect(faults { $0.retry?.maxDuration = .seconds(31) } == ["api.retry.maxDuration"])
        #expect(faults { $0.maxAuthorities = 0 } == ["api.maxAuthorities"])
        #expect(faults { $0.rule.maxHint = .seconds(-1) } == ["api.rule.maxHint"])
        #expect(faults { $0.totalLimit = .seconds(-1) }.contains("api.totalLimit"))
        #expect(faults { $0.retry?.maxAttempts = 0 } == ["api.retry.maxAttempts"])
        #expect(faults { $0.pause?.hintJitter = 2 } == ["api.pause.hintJitter"])
        let several = faults {
            $0.attemptLimit = .seconds(40)
            $0.maxAuthorities = -3
            $0.bulkhead?.queue.capacity = -1
        }
        #expect(
            several == [
                "api.attemptLimit", "api.circuitBreaker.window", "api.maxAuthorities", "api.bulkhead.queue.capacity",
            ])
        // Of the same value, in different places.
        let zeroes = faults {
            $0.maxAuthorities = 0
            $0.retry?.maxAttempts = 0
            $0.circuitBreaker?.halfOpen.probes = 0
        }
        #expect(zeroes == ["api.maxAuthorities", "api.retry.maxAttempts", "api.circuitBreaker.halfOpen.probes"])
        let negative = faults {
            ($0.totalLimit, $0.attemptLimit) = (.seconds(-1), .seconds(-1))
            $0.pause?.maxPause = .seconds(-1)
            $0.retry?.maxDelay = .seconds(-1)
        }
        #expect(negative == ["api.totalLimit", "api.attemptLimit", "api.retry.maxDelay", "api.pause.maxPause"])
        let none = faults {
            ($0.totalLimit, $0.retry, $0.pause, $0.circuitBreaker, $0.bulkhead, $0.attemptLimit) =
                (nil, nil, nil, nil, nil, nil)
        }
        #expect(none == ["api.layers"])
    }

    @Test("The numbers of the layers follow a module's document, and calls pass its gate")
    func document() async throws {
        let pipeline = try pipeline()
        let module = try ResilienceModule("shop", clock: clock) { Registration("api", pipeline.policies) }
        try module.update(
            .init([
                "families": [
                    "api": [
                        "timeout": ["20s", "4s"], "retry": ["maxAttempts": 2], "bulkhead": ["limit": 7],
                        "circuitBreaker": ["trip": ["failureRate": 0.9, "minimumCalls": 5]],
                    ]
                ]
            ]))
        let server = Server(.success(Answer(status: 500)))
        _ = try await call(pipeline, server, get)
        #expect(server.calls == 2)
        #expect(
            pipeline.policy(for: "a").description
                == "Timeout(20s) → Retry(2) → Pause → CircuitBreaker(api) → Bulkhead(api) → Timeout(4s)")
        #expect(pipeline.policy(for: "a").strategies(Bulkhead.self).first?.limit == 7)
        await module.shutdown()
        let (result, _) = try await call(pipeline, server, get)
        #expect(result.error is ResilienceModule.ShutdownError)
    }
}
