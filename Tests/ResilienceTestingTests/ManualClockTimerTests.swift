import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30)))
struct ManualClockTimerTests {
    let clock = ManualClock()
    let log = Log<String>()

    private func instant(_ seconds: Int) -> ManualClock.Instant { .init(offset: .seconds(seconds)) }

    @discardableResult
    private func set(_ name: String, at seconds: Int) -> any ScheduledTimer {
        clock.schedule(at: instant(seconds)) { [clock, log] in
            log.append("\(name)@\(clock.now.offset.components.seconds)")
        }
    }

    @Test("a timer fires within the advance, at its moment")
    func moment() {
        set("b", at: 2)
        set("a", at: 1)
        set("b2", at: 2)
        set("late", at: 11)
        clock.advance(by: .seconds(10))
        #expect(log.elements == ["a@1", "b@2", "b2@2"])
        #expect(clock.now == instant(10) && clock.timerCount == 1)
    }

    @Test("a timer fires at once if its moment has come")
    func past() {
        clock.advance(by: .seconds(3))
        set("past", at: 1)
        set("now", at: 3).cancel()
        #expect(log.elements == ["past@3", "now@3"])
        #expect(clock.timerCount == 0)
    }

    @Test("a timer set by a timer fires in the same advance")
    func nested() {
        _ = clock.schedule(at: instant(1)) { [self] in
            set("inner", at: 2)
            set("beyond", at: 9)
        }
        set("outer", at: 3)
        clock.advance(by: .seconds(4))
        #expect(log.elements == ["inner@2", "outer@3"])
        #expect(clock.nextDeadline == instant(9))
    }

    @Test("a timer that is cancelled does not fire")
    func cancelled() {
        let victim = set("victim", at: 2)
        _ = clock.schedule(at: instant(2)) { [log] in log.append("first") }
        let laterVictim = set("later victim", at: 3)
        _ = clock.schedule(at: instant(2)) { laterVictim.cancel() }
        victim.cancel()
        clock.advance(by: .seconds(5))
        #expect(log.elements == ["first"])
    }

    @Test("an action may move the clock")
    func movingAction() {
        _ = clock.schedule(at: instant(1)) { [self] in clock.advance(by: .seconds(4)) }
        set("between", at: 3)
        set("after", at: 6)
        clock.advance(by: .seconds(2))
        #expect(log.elements == ["between@3"])
        #expect(clock.now == instant(5))
    }

    @Test("what a timer owns is released outside the lock")
    func release() {
        final class Owned: Sendable {
            let clock: ManualClock
            let log: Log<String>

            init(_ clock: ManualClock, _ log: Log<String>) {
                self.clock = clock
                self.log = log
            }

            deinit { log.append("released, \(clock.timerCount) left") }
        }
        func set() -> any ScheduledTimer {
            let owned = Owned(clock, log)
            return clock.schedule(at: instant(1)) { _ = owned }
        }
        let timer = set()
        timer.cancel()
        #expect(log.elements == ["released, 0 left"])
        _ = set()
        clock.advance(by: .seconds(1))
        #expect(log.elements.count == 2)
    }
}
