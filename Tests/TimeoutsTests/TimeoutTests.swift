import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing
import Timeouts

@Suite("Timeout")
struct TimeoutTests {
    let clock = ManualClock()
    let recorder = EventRecorder()

    private func timeout(_ limit: Duration = .seconds(2), name: String = "t") throws -> Timeout {
        try Timeout(name, limit, clock: clock, observers: [recorder])
    }

    @Test("PO-46: a call that takes longer is cancelled at the limit; the caller's task is not")
    func exceeded() async throws {
        let timeout = try timeout()
        let operation = ScriptedOperation<Int>(clock: clock, [.success(1, after: .seconds(4))])
        let call = Task {
            do {
                return try await timeout.execute { try await operation() }
            } catch let error as Timeout.ExceededError {
                #expect(!Task.isCancelled)
                #expect(error.limit == .seconds(2))
                #expect(error.underlying is CancellationError)
                #expect(error.description == "timeout \"t\" exceeded its limit of 2 seconds")
                return -1
            }
        }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(2) - .nanoseconds(1))
        #expect(operation.cancelled == 0)
        clock.advance(by: .nanoseconds(1))
        #expect(try await call.value == -1)
        #expect(operation.cancelled == 1)
        #expect(recorder.names == ["timeout.exceeded"])
        #expect(timeout.totals.exceeded == 1)
        #expect(timeout.running == 0)
    }

    @Test("a call that ends in time is not touched, whether it returns or throws")
    func inTime() async throws {
        let timeout = try timeout()
        let counter = Box(0)
        let same = try await timeout.execute { () async throws -> Box in
            counter.value += 1
            return counter
        }
        #expect(same === counter)
        await #expect(throws: InjectedFailure("own")) { try await timeout.execute { throw InjectedFailure("own") } }
        #expect(timeout.totals.succeeded == 1)
        #expect(timeout.totals.failed == 1)
        #expect(timeout.totals.calls == 2)
        #expect(recorder.events.isEmpty)
    }

    @Test("an operation that computes without suspending sees its cancellation at the limit")
    func withoutSuspending() async throws {
        let timeout = try timeout()
        await #expect(throws: Timeout.ExceededError.self) {
            try await timeout.execute {
                #expect(!Task.isCancelled)
                clock.advance(by: .seconds(2))
                #expect(Task.isCancelled)
                try Task.checkCancellation()
            }
        }
    }

    @Test("X-18: work that ignores cancellation is waited for; its late value is returned, but counts as late")
    func lateSuccess() async throws {
        let timeout = try timeout()
        let value = try await timeout.execute {
            clock.advance(by: .seconds(3))
            return 7
        }
        #expect(value == 7)
        #expect(timeout.totals.succeeded == 0)
        #expect(timeout.totals.late == 1)
        #expect(
            recorder.events(of: Timeout.Event.self).map(\.description)
                == ["timeout \"t\": a call succeeded late, after 3 seconds of 2 seconds"])
    }

    @Test("the client's own error of a cancelled call is kept with the timeout")
    func underlying() async throws {
        let timeout = try timeout()
        let error = await #expect(throws: Timeout.ExceededError.self) {
            try await timeout.execute {
                clock.advance(by: .seconds(2))
                throw InjectedFailure("request was cancelled")
            }
        }
        #expect(error?.underlying as? InjectedFailure == InjectedFailure("request was cancelled"))
    }

    @Test("PO-48: the caller's cancellation is not a timeout, not even if the limit is reached as well")
    func callerCancels() async throws {
        let timeout = try timeout()
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await timeout.execute { try await operation() } }
        try await operation.waitForCalls(1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }

        let both = Task {
            try await timeout.execute {
                withUnsafeCurrentTask { $0?.cancel() }
                clock.advance(by: .seconds(2))
                throw InjectedFailure("cancelled")
            }
        }
        // Here only the child was cancelled, by itself: the limit was reached and nobody else cancelled.
        await #expect(throws: Timeout.ExceededError.self) { try await both.value }

        let stubborn = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation])
        let late = Task { try await timeout.execute { try await stubborn() } }
        try await stubborn.waitForCalls(1)
        late.cancel()
        clock.advance(by: .seconds(2))
        stubborn.release(with: .failure(InjectedFailure("own")))
        await #expect(throws: InjectedFailure("own")) { try await late.value }
        #expect(timeout.totals.cancelled == 2)
        #expect(recorder.events.count == 1)
    }

    @Test("a value that comes after the limit counts as late, also if the caller has cancelled")
    func lateAndCancelled() async throws {
        let timeout = try timeout()
        let stubborn = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation])
        let call = Task { try await timeout.execute { try await stubborn() } }
        try await stubborn.waitForCalls(1)
        call.cancel()
        clock.advance(by: .seconds(2))
        stubborn.release(with: .success(7))
        #expect(try await call.value == 7)
        #expect(timeout.totals.late == 1)
        #expect(timeout.totals.succeeded == 0)
    }

    @Test("PO-47, as decided here: no time left refuses the call without running it; nil switches the limit off")
    func limits() async throws {
        for none in [Duration.zero, .seconds(-1)] {
            let timeout = try Timeout(.custom { _ in none }, clock: clock, observers: [recorder])
            let error = await #expect(throws: Timeout.NoTimeLeftError.self) {
                try await timeout.execute { Issue.record("the operation ran") }
            }
            #expect(error?.policyName == "timeout")
            #expect(error?.description == "timeout \"timeout\" has no time left for a call")
            #expect(timeout.totals.rejected == 1)
        }
        #expect(recorder.names == ["timeout.rejected", "timeout.rejected"])

        let off = try Timeout(.custom { _ in nil }, clock: clock)
        try await off.execute { context in
            clock.advance(by: .seconds(1_000_000))
            #expect(!Task.isCancelled)
            #expect(context.remaining == nil)
        }
        #expect(off.totals.unlimited == 1)
        #expect(off.running == 0)
    }

    @Test("the deadline travels: the operation sees what is left, and a timeout can keep to it")
    func remaining() async throws {
        let policy = try Policy("p", clock: clock) {
            Timeout.layer(.seconds(10))
            Timeout.layer(.remaining)
            Timeout.layer(.custom { context in context.remaining.map { $0 / 2 } })
        }
        #expect(policy.description == "Timeout(10s) → Timeout(remaining) → Timeout(dynamic)")
        try await policy.execute { context in
            #expect(context.remaining == .seconds(5))
            clock.advance(by: .seconds(1))
            #expect(context.remaining == .seconds(4))
        }
        let alone = try Timeout(.remaining, clock: clock)
        try await alone.execute { context in #expect(context.remaining == nil) }
    }

    @Test("nested timeouts: the earliest wins, and says so", arguments: [(2, 5), (5, 2)])
    func nested(outer: Int, inner: Int) async throws {
        let policy = try Policy("p", clock: clock) {
            Timeout.layer("outer", .seconds(outer))
            Timeout.layer("inner", .seconds(inner))
        }
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await policy.execute { try await operation() } }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: Timeout.ExceededError.self) { try await call.value }
        #expect(error?.policyName == (outer < inner ? "outer" : "inner"))
        #expect(policy.timeouts.map(\.running) == [0, 0])
        let loser = try #require(policy.timeouts.first { $0.name == (outer < inner ? "inner" : "outer") })
        #expect(loser.totals.exceeded == 0)
    }

    @Test("a deadline that has passed makes the outer timeout speak, also when an inner one fires at the same instant")
    func sameInstant() async throws {
        let policy = try Policy("p", clock: clock) {
            Timeout.layer("outer", .seconds(2))
            Timeout.layer("inner", .seconds(2))
        }
        await #expect(throws: Timeout.ExceededError.self) {
            try await policy.execute {
                clock.advance(by: .seconds(2))
                try Task.checkCancellation()
            }
        }
        #expect(policy.timeouts.map(\.totals.calls) == [1, 1])
    }

    @Test("task-local values, priority and the executor preference are kept")
    func inherited() async throws {
        let timeout = try timeout()
        try await Local.$value.withValue(41) {
            try await timeout.execute { #expect(Local.value == 41) }
        }
        try await Task(priority: .low) {
            try await timeout.execute { #expect(Task.currentPriority == .low) }
        }.value
        let executor = QueueTaskExecutor()
        try await withTaskExecutorPreference(executor) {
            try await timeout.execute {
                #expect(executor.isCurrent)
                await Task.yield()
                #expect(executor.isCurrent)
            }
        }
    }

    @Test("a priority that is raised later reaches the operation")
    func escalation() async throws {
        let timeout = try timeout(.seconds(60))
        let abandoning = try Policy("p", clock: clock) { timeout }.abandoning(after: .seconds(60))
        let clock = clock
        // The caller may come to wait for its work only now, and raises it then: the work looks more than once.
        let raised = { @Sendable () async throws -> TaskPriority in
            try await clock.sleep(for: .seconds(1))
            for _ in 0..<1_000_000 where Task.currentPriority < .high { await Task.yield() }
            return Task.currentPriority
        }
        let calls = [
            Task(priority: .low) { try await timeout.execute { try await raised() } },
            Task(priority: .low) { try await abandoning.execute { try await raised() } },
        ]
        try await clock.waitForSleepers(2)
        for call in calls { call.escalatePriority(to: .high) }
        clock.advance(by: .seconds(1))
        for call in calls { #expect(try await call.value >= .high) }
    }

    @Test("calls that end leave nothing behind: one timer, however many calls there were")
    func leavesNothing() async throws {
        let timeout = try timeout(.seconds(3600))
        for _ in 0..<2000 { try await timeout.execute {} }
        #expect(timeout.running == 0)
        #expect(clock.timerCount == 1)
        clock.advance(by: .seconds(3600))
        #expect(clock.timerCount == 0)
        #expect(timeout.totals.succeeded == 2000)
    }

    @Test("a shorter limit that comes later is kept too")
    func shorterLater() async throws {
        let timeout = try Timeout(.custom { context in .seconds(context.attempt == 1 ? 10 : 1) }, clock: clock)
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let long = Task { try await timeout.execute { try await operation() } }
        try await operation.waitForCalls(1)
        var context = timeout.rootContext
        context.attempt = 2
        let short = Task { [context] in
            try await timeout.execute(context) { _ in _ = try await operation() }
        }
        try await operation.waitForCalls(2)
        clock.advance(by: .seconds(1))
        await #expect(throws: Timeout.ExceededError.self) { try await short.value }
        #expect(timeout.running == 1)
        clock.advance(by: .seconds(9))
        await #expect(throws: Timeout.ExceededError.self) { try await long.value }
        #expect(timeout.totals.exceeded == 2)
    }

    @Test(
        "limits that cannot work are configuration errors",
        arguments: [Duration.zero, .seconds(-1), .seconds(Int64.max)])
    func badLimits(limit: Duration) {
        #expect(throws: ConfigurationError.self) { try Timeout(limit) }
        #expect(throws: ConfigurationError.self) { try Policy("p") { Timeout.layer(limit) } }
        #expect(throws: ConfigurationError.self) { try Policy.pipeline("p").timeout(limit).build() }
    }
}

/// A reference that is not `Sendable`.
final class Box {
    var value: Int
    init(_ value: Int) { self.value = value }
}

enum Local {
    @TaskLocal static var value = 0
}
