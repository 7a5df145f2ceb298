import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

@Suite("Limiter: reservations", .timeLimit(.minutes(30)))
struct ReservationTests {
    private static let bucket = Rule.tokenBucket(1, per: .seconds(1), burst: 2)

    @Test("permits that are there have no delay, and count when they are used")
    func now() throws {
        let stage = try Stage(Self.bucket)
        let reservation = try stage.limiter.held(2)
        #expect(reservation.delay == .zero && reservation.permits == 2)
        #expect(stage.limiter.available == 0 && stage.limiter.totals.calls == 0 && stage.limiter.promised == 0)
        #expect(reservation.use())
        #expect(stage.limiter.totals.permitted == 1 && stage.limiter.totals.waited == 0)
    }

    @Test("later permits tell their delay, which passes")
    func later() throws {
        let stage = try Stage(Self.bucket)
        #expect(stage.limiter.tryAcquire(2))
        let first = try stage.limiter.held()
        let second = try stage.limiter.held(2)
        #expect(first.delay == .seconds(1) && second.delay == .seconds(3) && stage.limiter.promised == 3)
        // Nobody waits, so that nobody has to be told: there is no timer.
        #expect(stage.clock.timerCount == 0 && stage.limiter.waiting == 0)
        stage.advance(by: .milliseconds(1500))
        #expect(first.delay == .zero && second.delay == .milliseconds(1500))
        #expect(first.use() && second.use())
        #expect(stage.limiter.totals.waitingTime == .seconds(4) && stage.limiter.totals.waited == 2)
        // The second was used before its time, which is the caller's affair; its permits are taken when they come.
        #expect(stage.limiter.promised == 2)
        stage.advance(by: .milliseconds(1500))
        #expect(stage.limiter.promised == 0 && stage.limiter.available == 0)
    }

    @Test("given up or dropped: the permits are there again, and the calls behind move up", arguments: [false, true])
    func givenUp(isDropped: Bool) throws {
        let stage = try Stage(Self.bucket, observed: true)
        let there = try stage.limiter.held(2)
        let first = try stage.limiter.held(2)
        let second = try stage.limiter.held()
        #expect(second.delay == .seconds(3))
        if isDropped { first.drop() } else { first.cancel() }
        #expect(second.delay == .seconds(1))
        if isDropped { there.drop() } else { there.cancel() }
        #expect(second.delay == .zero && stage.limiter.available == 1)
        second.use()
        let totals = stage.limiter.totals
        #expect(totals.cancelled == 2 && totals.permitted == 1 && totals.calls == 3)
        #expect(stage.names == ["cancelled", "cancelled", "permitted"])
    }

    @Test("given up late: what time has given back already is not given back twice")
    func givenUpLate() throws {
        let stage = try Stage(Self.bucket)
        let reservation = try stage.limiter.held(2)
        stage.advance(by: .seconds(1))
        #expect(stage.limiter.available == 1)
        reservation.cancel()
        #expect(stage.limiter.available == 2)
        #expect(stage.limiter.tryAcquire(2) && !stage.limiter.tryAcquire())
    }

    @Test("waited for: in line with calls, before those that come later")
    func wait() throws {
        let stage = try Stage(Self.bucket, maxWait: .seconds(9), observed: true)
        #expect(stage.limiter.tryAcquire(2))
        let first = try stage.limiter.held()
        stage.start(2)
        stage.wait(1, for: first)
        #expect(stage.limiter.waiting == 2)
        stage.advance(by: .seconds(2))
        #expect(stage.order == [1, 2])
        stage.wait(3, for: try stage.limiter.held())
        stage.advance(by: .seconds(1))
        let there = try stage.limiter.held(maxWait: .seconds(1))
        stage.advance(by: .seconds(1))
        stage.wait(4, for: there)
        #expect(stage.order == [1, 2, 3, 4])
        #expect(stage.limiter.totals.permitted == 5 && stage.limiter.totals.waited == 4)
        #expect(stage.names == ["permitted", "permitted", "permitted", "permitted", "permitted"])
    }

    @Test("cancelled while it is waited for: the permits are returned")
    func waitCancelled() throws {
        let stage = try Stage(Self.bucket)
        #expect(stage.limiter.tryAcquire(2))
        let task = stage.wait(1, for: try stage.limiter.held())
        stage.cancel(task)
        #expect(stage.outcome(1) == "cancelled" && stage.limiter.nextPermit == .seconds(1))
        #expect(stage.limiter.totals.cancelled == 1 && stage.limiter.totals.calls == 2)
    }

    @Test("an update moves it away: the delay says so, and there is nothing to use")
    func refusedByUpdate() throws {
        let stage = try Stage(Self.bucket, observed: true)
        #expect(stage.limiter.tryAcquire(2))
        let reservations = try (0..<4).map { _ in try stage.limiter.held(2) }
        try stage.update(.tokenBucket(1, per: .seconds(1), burst: 1))
        #expect(reservations.allSatisfy { $0.delay == .nanoseconds(Int64.max) })
        #expect(!reservations[0].use())
        stage.wait(1, for: reservations[1])
        #expect(stage.outcome(1) == "exceeds")
        reservations[2].cancel()
        reservations[3].drop()
        let totals = stage.limiter.totals
        #expect(totals.permitted == 1 && totals.rejected == 2 && totals.cancelled == 2)
        #expect(stage.names == ["permitted", "updated", "rejected", "rejected", "cancelled", "cancelled"])
        stage.advance(by: .seconds(9))
        #expect(stage.limiter.available == 1)
    }

    @Test("an update that makes it come later than was asked for refuses it, with a hint")
    func refusedByRate() throws {
        let stage = try Stage(Self.bucket)
        #expect(stage.limiter.tryAcquire(2))
        let reservation = try stage.limiter.held(maxWait: .seconds(1))
        try stage.update(.tokenBucket(1, per: .seconds(10), burst: 2))
        stage.wait(1, for: reservation)
        #expect(stage.outcome(1) == "refused 10000000000")
    }

    @Test("for none, there is always one, and it counts")
    func none() throws {
        let stage = try Stage(Self.bucket)
        #expect(stage.limiter.tryAcquire(2))
        for permits in [0, -1, Int.min] {
            let reservation = try stage.limiter.held(permits, maxWait: .seconds(-1))
            #expect(reservation.permits == 0 && reservation.delay == .zero && reservation.use())
        }
        #expect(stage.limiter.totals.permitted == 4 && stage.limiter.nextPermit == .seconds(1))
    }

    @Test(
        "every hint is sufficient: a call that waits so long gets what was asked for", arguments: RateLimiter.Rule.kinds
    )
    func hints(rule: Rule) throws {
        try forSeeds(1...40) { seed, random in
            let stage = try Stage(rule, observed: seed.isMultiple(of: 4))
            var rejections = 0
            for _ in 0..<60 {
                stage.advance(by: .nanoseconds(Int.random(in: 0...900_000_000, using: &random)))
                let permits = Int.random(in: 1...min(4, rule.burst), using: &random)
                // Some who wait or have reserved, in front of those who ask.
                if Int.random(in: 0..<5, using: &random) == 0 { try stage.limiter.held().use() }
                do {
                    try stage.limiter.held(permits, maxWait: .zero).use()
                } catch let rejection as RejectedError {
                    rejections += 1
                    let hint = try #require(rejection.retryAfter)
                    #expect(hint > .zero, "seed \(seed)")
                    stage.advance(by: hint)
                    #expect(stage.limiter.tryAcquire(permits), "seed \(seed), \(permits) after \(hint)")
                }
            }
            #expect(rejections > 0, "seed \(seed)")
        }
    }
}
