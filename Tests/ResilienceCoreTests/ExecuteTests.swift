import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite("execute and run")
struct ExecuteTests {
    @Test("a value that is not accepted counts as a failure, and comes back in the end")
    func unaccepted() async throws {
        let policy = try Policy("p") { Trying(times: 3) }
        var statuses = [500, 503, 200, 500]
        let recovered = try await policy.execute(accepting: { $0 < 500 }) { statuses.removeFirst() }
        #expect(recovered == 200)
        #expect(statuses == [500])

        var calls = 0
        let last = try await policy.execute(accepting: { $0.status < 500 }) {
            calls += 1
            return Response(500 + calls)
        }
        #expect(calls == 3)
        #expect(last.status == 503, "the value of the last attempt")
    }

    @Test("an error after a value that was not accepted is thrown")
    func errorAfterUnaccepted() async throws {
        let policy = try Policy("p") { Trying(times: 2) }
        var calls = 0
        await #expect(throws: InjectedFailure("late")) {
            try await policy.execute(accepting: { $0 > 0 }) {
                calls += 1
                if calls == 2 { throw InjectedFailure("late") }
                return 0
            }
        }
        #expect(calls == 2)
    }

    @Test("a rule declared on the policy applies to values of its type, in addition to the call's own")
    func declared() async throws {
        let policy = try Policy("p") { Trying(times: 2) }
            .accepting(Response.self) { $0.status < 500 }
            .accepting(Int.self) { $0 != 0 }
        func calls<Value>(accepting: (Value) -> Bool = { _ in true }, _ value: Value) async throws -> Int {
            await policy.run(accepting: accepting) { value }.attempts
        }
        #expect(try await calls(Response(503)) == 2)
        #expect(try await calls(Response(404)) == 1)
        #expect(try await calls(accepting: { $0.status != 404 }, Response(404)) == 2)
        #expect(try await calls(accepting: { _ in true }, Response(503)) == 2)
        #expect(try await calls(0) == 2)
        #expect(try await calls(1) == 1)
        #expect(try await calls("") == 1)
    }

    @Test("a rule declared on an outer policy applies inside a nested one too")
    func declaredOutside() async throws {
        let inner = try Policy("inner") { Trying(times: 2) }.accepting(Int.self) { $0 != 1 }
        let outer = try Policy("outer") { inner }.accepting(Int.self) { $0 != 0 }
        #expect(await outer.run { 0 }.attempts == 2)
        #expect(await outer.run { 1 }.attempts == 2)
        #expect(await outer.run { 2 }.attempts == 1)
        #expect(await inner.run { 0 }.attempts == 1)
    }

    @Test("the fallback gets the error, a rejection or that the value was not accepted")
    func fallback() async throws {
        let policy = try Policy("p") { Trying(times: 2) }
        let refusing = try Policy("r") { Refusing() }
        var errors: [String] = []
        let operation: () async throws -> Int = { throw InjectedFailure("down") }
        let first = try await policy.execute(operation) { error in
            errors.append("\(type(of: error))")
            return 1
        }
        let second = try await refusing.execute {
            0
        } fallback: { error in
            errors.append("\(type(of: error))")
            return 2
        }
        let third = try await policy.execute(accepting: { $0 > 0 }) { _ in
            0
        } fallback: { error in
            errors.append("\(type(of: error))")
            return 3
        }
        #expect([first, second, third] == [1, 2, 3])
        #expect(errors == ["InjectedFailure", "Refused", "UnacceptedResultError"])
        await #expect(throws: InjectedFailure("fallback")) {
            try await policy.execute(operation) { _ in throw InjectedFailure("fallback") }
        }
    }

    @Test("X-24: the fallback does not run when the caller cancelled, whatever the error")
    func fallbackAndCancellation() async throws {
        let policy = try Policy("p") { Trying(times: 1) }
        for error: any Error in [CancellationError(), InjectedFailure("cancelled by the client")] {
            let task = Task {
                try await policy.execute {
                    withUnsafeCurrentTask { $0?.cancel() }
                    throw error
                } fallback: { _ in
                    Issue.record("the fallback ran")
                }
            }
            await #expect(throws: (any Error).self) { try await task.value }
            let recorded = Task {
                await policy.run {
                    withUnsafeCurrentTask { $0?.cancel() }
                    throw error
                } fallback: { _ in
                    Issue.record("the fallback ran")
                }
            }
            #expect(await recorded.value.isServedByFallback == false)
        }
    }

    @Test("run tells the value, the attempts, the duration and what layers reported")
    func execution() async throws {
        let clock = ManualClock()
        let policy = try Policy("p", clock: clock) {
            Setting(report: "first")
            Trying(times: 3)
            Setting(report: "second")
        }
        var calls = 0
        let execution = await policy.run { context in
            calls += 1
            clock.advance(by: .seconds(1))
            if calls < 3 { throw InjectedFailure() }
            return context[Report.self] ?? ""
        }
        #expect(execution.value == "second")
        #expect(execution.isAccepted)
        #expect(execution.attempts == 3)
        #expect(execution.duration == .seconds(3))
        #expect(execution.policyName == "p")
        #expect(execution.rejection == nil)
        #expect(!execution.isServedByFallback)
        #expect(execution[Report.self] == ["first", "second", "second", "second"])
    }

    @Test("run tells errors, rejections, values that were not accepted and fallbacks apart")
    func executionOfFailures() async throws {
        let policy = try Policy("p") { Trying(times: 2) }
        let failed = await policy.run { throw InjectedFailure("down") }
        #expect(throws: InjectedFailure("down")) { try failed.get() }
        #expect(failed.attempts == 2)
        #expect(!failed.isAccepted)

        let refusing = try Policy("r") { Refusing() }
        let refused = await refusing.run { 1 }
        #expect(refused.rejection as? Refused == Refusing.rejection)
        #expect(refused.attempts == 0)
        #expect(refused[Report.self] == ["refused"])

        let unaccepted = await policy.run(accepting: { $0 > 0 }) { 0 }
        #expect(unaccepted.value == 0)
        #expect(!unaccepted.isAccepted)
        #expect(unaccepted.attempts == 2)

        let served = await refusing.run {
            1
        } fallback: { _ in
            2
        }
        #expect(served.value == 2)
        #expect(served.isServedByFallback)
        #expect(served.fallbackCause is Refused)
        #expect(served.rejection != nil)

        let unserved = await refusing.run { _ in
            1
        } fallback: { _ in
            throw InjectedFailure("fallback")
        }
        #expect(throws: InjectedFailure("fallback")) { try unserved.get() }
        #expect(unserved.isServedByFallback == false)
        #expect(unserved.rejection is Refused)
    }

    @Test("a strategy works alone, without a policy")
    func alone() async throws {
        var attempts: [Int] = []
        let value = try await Trying(times: 2).execute { context in
            attempts.append(context.attempt)
            if context.attempt == 1 { throw InjectedFailure() }
            return context.policyName
        }
        #expect(value == "")
        #expect(attempts == [1, 2])
    }
}
