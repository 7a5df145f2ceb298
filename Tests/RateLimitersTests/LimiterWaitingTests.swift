import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite("Limiter: waiting", .timeLimit(.minutes(30)))
struct LimiterWaitingTests {
    private static let bucket = Rule.tokenBucket(1, per: .seconds(1), burst: 2)

    /// A limiter without a permit.
    private func exhausted(maxWait: Duration = .seconds(100), observed: Bool = false) throws -> Stage {
        let stage = try Stage(Self.bucket, maxWait: maxWait, observed: observed)
        #expect(stage.limiter.tryAcquire(2))
        return stage
    }

    @Test("first come, first served, with one timer for all", arguments: [false, true])
    func order(observed: Bool) throws {
        let stage = try exhausted(observed: observed)
        for id in 1...3 { stage.start(id) }
        #expect(stage.limiter.waiting == 3 && stage.limiter.promised == 3 && stage.clock.timerCount == 1)
        #expect(stage.limiter.available == 0 && stage.limiter.nextPermit == .seconds(4))
        #expect(!stage.limiter.tryAcquire())
        for id in 1...3 {
            stage.advance(by: .milliseconds(999))
            #expect(stage.outcome(id) == nil)
            stage.advance(by: .milliseconds(1))
            #expect(stage.outcome(id) == "granted")
        }
        #expect(stage.order == [1, 2, 3] && stage.clock.timerCount == 0)
        let totals = stage.limiter.totals
        #expect(totals.permitted == 4 && totals.rejected == 1 && totals.waited == 3)
        #expect(totals.waitingTime == .seconds(6))
    }

    @Test("several that become due at once are all granted by one advance")
    func together() throws {
        let stage = try exhausted()
        for id in 1...5 { stage.start(id) }
        stage.advance(by: .seconds(5))
        #expect(stage.order == [1, 2, 3, 4, 5])
    }

    @Test("a large ask holds up the small ones behind it, so that it is not starved")
    func weights() throws {
        let stage = try exhausted()
        stage.start(1, permits: 2)
        stage.start(2)
        stage.advance(by: .seconds(1))
        #expect(stage.order.isEmpty)
        stage.advance(by: .seconds(1))
        #expect(stage.order == [1])
        stage.advance(by: .seconds(1))
        #expect(stage.order == [1, 2])
    }

    @Test("no longer than allowed: a call that would wait longer is rejected at once, with the time until its permits")
    func maxWait() throws {
        let stage = try exhausted(maxWait: .seconds(2))
        stage.start(1)
        stage.start(2)
        stage.start(3)
        #expect(stage.outcome(2) == nil && stage.outcome(3) == "refused 3000000000")
        stage.acquire(4, maxWait: .seconds(3))
        #expect(stage.outcome(4) == nil)
        stage.acquire(5, maxWait: .seconds(3.9))
        #expect(stage.outcome(5) == "refused 4000000000")
        stage.acquire(6, maxWait: nil)
        stage.acquire(7, maxWait: .seconds(-5))
        #expect(stage.outcome(6) == "refused 4000000000" && stage.outcome(7) == "refused 4000000000")
    }

    @Test("never for permits that come at the call's deadline, or later")
    func deadlines() throws {
        let stage = try exhausted()
        stage.start(1, deadline: .seconds(1))
        #expect(stage.outcome(1) == "refused 1000000000")
        stage.start(2, deadline: .seconds(1) + .nanoseconds(1))
        #expect(stage.outcome(2) == nil)
        stage.start(3, deadline: .seconds(-1))
        #expect(stage.outcome(3) == "refused 2000000000")
        stage.advance(by: .seconds(1))
        #expect(stage.outcome(2) == "granted")
    }

    @Test("a deadline on the clock of a policy counts on the limiter's clock as what is left of it")
    func deadlineOfAnotherClock() async throws {
        let (outer, inner) = (ManualClock(), ManualClock())
        outer.advance(by: .seconds(500))
        let limiter = try RateLimiter("test", Self.bucket, maxWait: .seconds(100), clock: inner)
        #expect(limiter.tryAcquire(2))
        var context = Context(name: "p", time: TimeSource(outer))
        context.deadline = context.time.now.advanced(by: .seconds(1))
        await #expect(throws: RejectedError(policyName: "test", permits: 1, retryAfter: .seconds(1))) {
            try await limiter.execute(context) { _ in }
        }
    }

    @Test("a permit that comes back makes waiting calls move up")
    func givenBack() throws {
        let stage = try Stage(Self.bucket, maxWait: .seconds(100))
        let held = try stage.limiter.held(2)
        stage.start(1)
        #expect(stage.outcome(1) == nil)
        held.cancel()
        stage.drain()
        #expect(stage.outcome(1) == "granted" && stage.clock.timerCount == 0)
        #expect(stage.limiter.available == 1)
    }

    @Test("cancelled in the middle: those in front keep their time, those behind move up")
    func middle() throws {
        let stage = try exhausted()
        let tasks = (1...4).map { stage.start($0) }
        stage.cancel(tasks[1])
        stage.cancel(tasks[2])
        stage.advance(by: .seconds(2))
        #expect(stage.order == [1, 4] && stage.limiter.totals.cancelled == 2)
    }

    @Test("a task that is cancelled already does not wait")
    func cancelledBefore() async throws {
        let stage = try exhausted()
        let limiter = stage.limiter
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await limiter.acquire()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(limiter.waiting == 0 && limiter.totals.cancelled == 1 && limiter.nextPermit == .seconds(1))
    }

    @Test(
        "X-09: permits that were granted at the moment of being cancelled are given back", arguments: [false, true],
        [false, true])
    func grantedAndCancelled(withOther: Bool, observed: Bool) async throws {
        let stage = try exhausted(observed: observed)
        let ticket = try #require(try stage.limiter.enter(1, now: stage.limiter.time.now, maxWait: .max))
        if withOther { stage.start(1) }
        stage.clock.advance(by: .seconds(1))
        let limiter = stage.limiter
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await limiter.wait(for: ticket)
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        stage.drain()
        #expect(limiter.totals.cancelled == 1)
        // The permit is that of the other, which need not wait any longer.
        #expect(stage.outcome(1) == (withOther ? "granted" : nil))
        #expect(limiter.available == (withOther ? 0 : 1))
        guard observed else { return }
        #expect(stage.names == ["permitted", "permitted", "cancelled"] + (withOther ? ["permitted"] : []))
    }

    @Test("permits of another rule are not given back")
    func grantedUpdatedCancelled() throws {
        let stage = try Stage(.tokenBucket(1, per: .seconds(1), burst: 4))
        let held = try stage.limiter.held(2)
        try stage.update(.fixedWindow(4, per: .seconds(9)))
        #expect(stage.limiter.available == 2)
        held.cancel()
        #expect(stage.limiter.available == 2)
    }

    @Test("a limiter that goes away takes its timer with it")
    func gone() throws {
        let clock = ManualClock()
        var stage: Stage? = try Stage(Self.bucket, clock: clock)
        let task = try #require(stage).acquire(1, permits: 2, maxWait: .seconds(9))
        #expect(stage?.outcome(1) == "granted")
        let waiting = try #require(stage).acquire(2, maxWait: .seconds(9))
        #expect(clock.timerCount == 1)
        stage?.cancel(waiting)
        #expect(clock.timerCount == 0)
        stage = nil
        task.cancel()
        #expect(clock.timerCount == 0)
    }

    @Test("a timer for a call that comes earlier replaces that of one that comes later")
    func earlierTimer() throws {
        let stage = try exhausted()
        stage.start(1)
        try stage.update(.tokenBucket(10, per: .seconds(1), burst: 2), maxWait: .seconds(100))
        #expect(stage.clock.timerCount == 1)
        stage.advance(by: .milliseconds(100))
        #expect(stage.outcome(1) == "granted" && stage.clock.timerCount == 0)
    }

    @Test("a timer that fires before any call's time is set again")
    func laterTimer() throws {
        let stage = try exhausted()
        stage.start(1)
        try stage.update(.tokenBucket(1, per: .seconds(10), burst: 2), maxWait: .seconds(100))
        stage.advance(by: .seconds(9))
        #expect(stage.outcome(1) == nil && stage.clock.timerCount == 1)
        stage.advance(by: .seconds(1))
        #expect(stage.outcome(1) == "granted")
    }

    @Test("the operation's error passes through, and its permit stays used")
    func failure() async throws {
        let stage = try Stage(Self.bucket)
        await #expect(throws: InjectedFailure.self) { try await stage.limiter.execute { throw InjectedFailure() } }
        #expect(stage.limiter.available == 1 && stage.limiter.totals.permitted == 1)
    }
}
