import ResilienceCore
import Testing

@Suite("The slot of a timer")
struct TimerSlotTests {
    private final class Timer: ScheduledTimer {
        func cancel() {}
    }

    private func at(_ nanoseconds: Int64) -> TimeSource.Instant { TimeSource.Instant(nanoseconds: nanoseconds) }

    private func claim(_ slot: inout TimerSlot, _ nanoseconds: Int64) throws -> UInt64 {
        let number = slot.claim(at: at(nanoseconds))
        return try #require(number)
    }

    /// What a slot gives back when a timer is handed in.
    private func keep(_ slot: inout TimerSlot, _ timer: Timer, _ number: UInt64) -> Timer? {
        slot.keep(timer, number) as? Timer
    }

    @Test("a timer is claimed only for a deadline before the one that is set")
    func claims() throws {
        var slot = TimerSlot()
        let first = try claim(&slot, 10)
        let others = [slot.claim(at: at(10)), slot.claim(at: at(11))]
        #expect(others == [nil, nil] && slot.deadline == at(10))
        let second = try claim(&slot, 9)
        #expect(first != second && slot.deadline == at(9))
        let fired = [slot.fire(first), slot.fire(second)]
        #expect(fired == [false, true])
        let third = try claim(&slot, 9)
        _ = slot.clear()
        let fourth = try claim(&slot, 9)
        let after = [slot.fire(third), slot.fire(fourth)]
        #expect(after == [false, true])
    }

    @Test("of two timers that are handed in in the wrong order the earlier one stays")
    func replaced() throws {
        var slot = TimerSlot()
        let late = Timer()
        let first = try claim(&slot, 10)
        let second = try claim(&slot, 5)
        let unneeded = [keep(&slot, Timer(), second), keep(&slot, late, first)]
        #expect(unneeded[0] == nil && unneeded[1] === late)
        let fired = [slot.fire(first), slot.fire(second), slot.fire(second)]
        #expect(fired == [false, true, false] && slot.deadline == nil)
    }

    @Test("a number that was not handed out fires nothing, and nothing is kept for it")
    func unknown() throws {
        var slot = TimerSlot()
        let number = try claim(&slot, 10)
        for other in [number &- 1, number &+ 1, .max] {
            let timer = Timer()
            let (isFired, unneeded) = (slot.fire(other), keep(&slot, timer, other))
            #expect(!isFired && unneeded === timer && slot.deadline == at(10))
        }
        let isFired = slot.fire(number)
        #expect(isFired)
    }

    @Test("what is to be done for a deadline: a timer where none fires by then, none for what never comes")
    func actions() {
        for start in [nil, 5, 20] as [Int64?] {
            for wanted in [nil, 4, 5, 6, .max - 1, .max] as [Int64?] {
                var slot = TimerSlot()
                let timer = Timer()
                if let start, let number = slot.claim(at: at(start)) { _ = slot.keep(timer, number) }
                let action = slot.action(for: wanted.map { at($0) })
                let isNeeded = wanted.map { $0 < .max && $0 < start ?? .max } ?? false
                #expect(action.next?.deadline == (isNeeded ? wanted.map { at($0) } : nil))
                #expect((action.cancelled != nil) == (wanted == nil && start != nil))
                #expect(slot.deadline == (wanted == nil ? nil : isNeeded ? wanted : start).map { at($0) })
                if let number = action.next?.number {
                    let fires = slot.fire(number)
                    #expect(fires)
                }
            }
        }
    }

    @Test("a timer that has fired is not handed back by the next")
    func afterFiring() throws {
        var slot = TimerSlot()
        let first = try claim(&slot, 10)
        _ = keep(&slot, Timer(), first)
        let fired = slot.fire(first)
        let second = try claim(&slot, 20)
        let unneeded = keep(&slot, Timer(), second)
        #expect(fired && unneeded == nil)
    }

    @Test("the timer before is not needed when an earlier one is handed in")
    func unneeded() throws {
        var slot = TimerSlot()
        let late = Timer()
        let first = try claim(&slot, 10)
        let none = keep(&slot, late, first)
        let second = try claim(&slot, 5)
        let unneeded = keep(&slot, Timer(), second)
        #expect(none == nil && unneeded === late)
    }

    @Test("a timer can be wanted for exactly one deadline, later or earlier, or none")
    func changes() throws {
        var slot = TimerSlot()
        let idle = slot.change(to: nil)
        #expect(idle == nil)
        var before: Timer?
        for deadline in [10, 20, 5] as [Int64] {
            let change = slot.change(to: at(deadline))
            #expect(change?.old as? Timer === before && change?.new?.deadline == at(deadline))
            let number = try #require(change?.new?.number)
            let timer = Timer()
            let unneeded = keep(&slot, timer, number)
            let same = slot.change(to: at(deadline))
            #expect(unneeded == nil && same == nil && slot.deadline == at(deadline))
            before = timer
        }
        let last = slot.change(to: nil)
        #expect(last?.old as? Timer === before && last?.new == nil && slot.deadline == nil)
    }

    @Test("a timer that was replaced or not wanted any more before it was handed in is given back")
    func changesThatOverlap() throws {
        var slot = TimerSlot()
        let first = try #require(slot.change(to: at(10))?.new?.number)
        let second = try #require(slot.change(to: at(20))?.new?.number)
        let (old, new) = (Timer(), Timer())
        let unneeded = [keep(&slot, old, first), keep(&slot, new, second)]
        #expect(unneeded[0] === old && unneeded[1] == nil)
        let third = try #require(slot.change(to: at(1))?.new?.number)
        let none = slot.change(to: nil)
        let late = keep(&slot, old, third)
        #expect(none?.old == nil && late === old)
        let fired = [slot.fire(second), slot.fire(third)]
        #expect(fired == [false, false])
    }

    @Test("one that fires, or is cleared, before it is handed in is not kept")
    func early() throws {
        var slot = TimerSlot()
        let timer = Timer()
        let first = try claim(&slot, 1)
        let isFired = slot.fire(first)
        let afterFiring = keep(&slot, timer, first)
        #expect(isFired && afterFiring === timer)
        let second = try claim(&slot, 1)
        let cleared = slot.clear()
        let afterClearing = keep(&slot, timer, second)
        #expect(cleared == nil && afterClearing === timer)
    }

    @Test("a timer that was cleared is given back once, and does not fire")
    func cleared() throws {
        var slot = TimerSlot()
        let timer = Timer()
        let number = try claim(&slot, 1)
        let none = keep(&slot, timer, number)
        let cleared = [slot.clear() as? Timer, slot.clear() as? Timer]
        let isFired = slot.fire(number)
        #expect(none == nil && cleared[0] === timer && cleared[1] == nil && !isFired)
    }
}
