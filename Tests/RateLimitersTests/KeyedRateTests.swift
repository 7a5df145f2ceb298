import ResilienceCore
import Testing

@testable import RateLimiters

/// What is known of one key: the state alone, told the time.
@Suite("What is known of a key") struct KeyedRateTests {
    private let second: Int64 = 1_000_000_000

    private func common(_ rule: Rule = .tokenBucket(1, per: .seconds(1), burst: 2)) -> KeyedRate.Common {
        KeyedRate.Common(.init(rule: rule), anchor: 0)
    }

    private func ticket(_ reply: KeyedReply) throws -> Ticket {
        guard case .queued(let ticket) = reply.decision else { throw InjectedMiss() }
        return ticket
    }

    private struct InjectedMiss: Error {}

    @Test("what others' later moment would refuse or let wait is doubtful, unless that is taken for right")
    func doubtful() throws {
        for rule in RateLimiter.Rule.kinds {
            var common = common(rule)
            var rate = KeyedRate(common)
            common.advancedTo = 9 * second
            // What is there is there at either moment.
            guard case .granted = rate.ask(rule.burst, now: second, maxWait: 0, deadline: .max, common).decision,
                case .doubtful(9_000_000_000) = rate.ask(1, now: 8 * second, maxWait: 0, deadline: .max, common)
                    .decision,
                case .doubtful = rate.ask(1, now: 8 * second, maxWait: .max, deadline: .max, common).decision
            else {
                Issue.record("\(rule)")
                continue
            }
            for now in [8 * second, 9 * second] {
                let reply = rate.ask(1, now: now, maxWait: .max, deadline: .max, isFinal: now < 9 * second, common)
                #expect(try ticket(reply).asked == 9 * second)
                // Behind one who waits, everything is.
                guard case .doubtful = rate.ask(0, now: 8 * second, maxWait: 0, deadline: .max, common).decision,
                    case .granted = rate.ask(0, now: 9 * second, maxWait: 0, deadline: .max, common).decision
                else {
                    Issue.record("\(rule)")
                    continue
                }
            }
            #expect(rate.waiting == 2)
        }
    }

    @Test(
        "a call that gives up its place leaves the others, and the timer, as they are to be", arguments: [false, true])
    func cancel(grantToo: Bool) throws {
        let common = common()
        var rate = KeyedRate(common)
        func ask(_ permits: Int) throws -> Ticket {
            try ticket(rate.ask(permits, now: 0, maxWait: .max, deadline: .max, common))
        }
        _ = rate.ask(2, now: 0, maxWait: 0, deadline: .max, common)
        let (first, second, third) = (try ask(2), try ask(1), try ask(1))
        let (wasQueued, actions) = rate.cancel(second, of: common.generation, now: 0, grantToo: grantToo, common)
        #expect(wasQueued && actions != nil && rate.waiting == 2)
        // Granted by the time that has passed: the next moves up only if the permits are given back.
        let now = 2 * self.second
        let (wasFirstQueued, more) = rate.cancel(first, of: common.generation, now: now, grantToo: grantToo, common)
        #expect(!wasFirstQueued && more?.ended.map(\.number) == (grantToo ? [first, third] : [first]).map(\.number))
        let (wasQueuedTwice, none) = rate.cancel(second, of: common.generation, now: now, grantToo: grantToo, common)
        #expect(!wasQueuedTwice && none == nil)
        #expect(rate.available(now: now, common) == (grantToo ? 1 : 0))
    }

    @Test("the timer grants what is due at the latest moment that was seen", arguments: [0, 1, 2, 3])
    func overtakenTimer(seen: Int64) throws {
        var common = common()
        var rate = KeyedRate(common)
        _ = rate.ask(2, now: 0, maxWait: 0, deadline: .max, common)
        let replies = (0..<3).map { _ in rate.ask(1, now: 0, maxWait: .max, deadline: .max, common) }
        let tickets = try replies.map { try ticket($0) }
        let actions = try #require(replies[0].actions)
        let (number, deadline) = try #require(actions.timer.next)
        #expect(deadline.nanoseconds == second)
        common.advancedTo = seen * second
        let fired = rate.fire(actions.queue, number, now: second, common)
        #expect(fired?.ended.map(\.number) == tickets.prefix(max(1, Int(seen))).map(\.number))
        let again = rate.fire(actions.queue, number, now: 9 * second, common)
        #expect(again == nil && rate.waiting == 3 - max(1, Int(seen)))
    }

    @Test("permits come back only by the rule that gave them")
    func generations() throws {
        var common = common()
        var rate = KeyedRate(common)
        _ = rate.ask(2, now: 0, maxWait: 0, deadline: .max, common)
        let reply = rate.ask(1, now: 0, maxWait: .max, deadline: .max, common)
        let ticket = try ticket(reply)
        _ = rate.drain(now: second, common)
        let old = common.meter
        // The same rule is not another.
        common.use(common.configuration, at: second)
        #expect(common.generation == reply.generation && common.advancedTo == second)
        common.use(.init(rule: .tokenBucket(1, per: .seconds(1), burst: 3), maxWait: .seconds(7)), at: 0)
        #expect(common.generation == reply.generation + 1 && common.advancedTo == second)
        #expect(common.maxWait == 7 * second)
        _ = rate.update(to: common, from: old, now: second)
        let before = rate.nextPermit(now: second, common)
        _ = rate.cancel(ticket, of: reply.generation, now: second, grantToo: true, common)
        #expect(rate.nextPermit(now: second, common) == before)
    }

    @Test("draining what is empty changes nothing", arguments: RateLimiter.Rule.kinds)
    func drainEmpty(rule: Rule) {
        let common = common(rule)
        var rate = KeyedRate(common)
        var state = RateLimiterState(common.configuration, now: 0)
        let (first, alike) = (rate.drain(now: 0, common), state.drain(now: 0))
        #expect(first == rule.burst && alike == first)
        let base = state.base
        for now in [0, 1, 1_000] as [Int64] {
            let (permits, alike) = (rate.drain(now: now, common), state.drain(now: now))
            #expect(permits == 0 && alike == 0 && state.base == base)
            guard case .metered(base) = rate.phase else {
                Issue.record("it has changed")
                continue
            }
        }
    }

    @Test("what would be lost with a key is what is in use of it", arguments: RateLimiter.Rule.kinds)
    func loss(rule: Rule) {
        let common = common(rule)
        for permits in 0...rule.burst {
            var rate = KeyedRate(common)
            _ = rate.ask(permits, now: 0, maxWait: 0, deadline: .max, common)
            #expect(rate.loss(at: .init(nanoseconds: 0), common) == Int64(permits))
            #expect(rate.isForgettable(at: .init(nanoseconds: 0), common) == (permits == 0))
            #expect(rate.isForgettable(at: .init(nanoseconds: 20 * second), common))
        }
        var awaited = KeyedRate(common)
        _ = awaited.ask(rule.burst, now: 0, maxWait: 0, deadline: .max, common)
        _ = awaited.ask(1, now: 0, maxWait: .max, deadline: .max, common)
        #expect(awaited.loss(at: .init(nanoseconds: 0), common) == nil)
        #expect(!awaited.isForgettable(at: .init(nanoseconds: 20 * second), common))
        #expect(awaited.available(now: 0, common) == 0 && awaited.drain(now: 0, common) == 0)
    }
}
