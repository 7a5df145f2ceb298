import ResilienceCore
import TestSupport
import Testing

@testable import Bulkheads

/// The pure parts, without tasks and clocks.
@Suite("Bulkhead: state")
struct StateTests {
    private typealias State = BulkheadState<Int>

    private func now(_ seconds: Int64) -> TimeSource.Instant { .init(nanoseconds: seconds * 1_000_000_000) }

    private func place(_ decision: State.Decision) -> State.Place? {
        if case .waiting(let place, _) = decision { place } else { nil }
    }

    @Test("between the return of a slot and the turn of a waiting call, no other call takes it")
    func noOvertaking() {
        var state = State(.queueing(1))
        let isAdmitted = state.takeFreeSlot(0)
        #expect(isAdmitted)
        _ = state.ask(.init(), now: now(0)) { 1 }
        let hasQueue = state.giveBack(0)
        #expect(hasQueue && state.inUse == 0)
        let overtakes = state.takeFreeSlot(0)
        #expect(!overtakes)
        // One that asks serves those before it, and waits.
        let decision = state.ask(.init(), now: now(0)) { 2 }
        #expect(place(decision) != nil && state.inUse == 1 && state.queued == 1)
        let actions = state.takeActions()
        guard case .granted(1, part: 0, waited: .zero, inUse: 1) = actions.first, actions.count == 1 else {
            Issue.record("\(actions)")
            return
        }
        #expect(state.takeActions().isEmpty)
    }

    @Test("one whose time is over does not get a slot that comes free before its timer fires")
    func lateTimer() {
        var state = State(.queueing(1))
        _ = state.takeFreeSlot(0)
        _ = state.ask(.init(), now: now(0)) { 1 }
        _ = state.ask(.init(deadline: now(5)), now: now(1)) { 2 }
        _ = state.giveBack(0)
        state.serve(now: now(1))
        let actions = state.takeActions()
        guard case .refused(1, .timedOut, waited: .seconds(1)) = actions.first,
            case .granted(2, part: 0, waited: .zero, inUse: 1) = actions.last, actions.count == 2
        else {
            Issue.record("\(actions)")
            return
        }
        #expect(state.nextDeadline == nil && state.timedOut == 1 && state.waited == 2)
    }

    @Test("a call that leaves the queue leaves no deadline behind")
    func deadlines() {
        var state = State(.queueing(1))
        _ = state.takeFreeSlot(0)
        let first = place(state.ask(.init(), now: now(0)) { 1 })
        #expect(state.nextDeadline == now(1))
        guard let first else { return }
        let wasThere = state.cancel(first, now: now(0)) != nil
        #expect(wasThere && state.nextDeadline == nil && state.queued == 0)
        let isThere = state.cancel(first, now: now(0)) != nil
        #expect(!isThere && state.cancelled == 1)
        // Its place in memory has been taken by another; the old name does not mean that one.
        _ = state.ask(.init(), now: now(0)) { 2 }
        let isOther = state.cancel(first, now: now(0)) != nil
        #expect(!isOther && state.queued == 1)
    }

    @Test("time that seems to go back counts as none")
    func backwards() {
        var state = State(.queueing(1))
        _ = state.takeFreeSlot(0)
        guard let place = place(state.ask(.init(), now: now(5)) { 1 }) else { return }
        _ = state.cancel(place, now: now(4))
        #expect(state.waited == 1 && state.waitingNanoseconds == 0)
    }

    @Test("a line keeps its order through removals from anywhere")
    func line() {
        forSeeds(0..<200) { seed, random in
            var line = WaitLine<Int>()
            var model: [(id: WaitLine<Int>.ID, value: Int, rank: WaitLine<Int>.Rank)] = []
            for number in 1...60 as ClosedRange<UInt64> {
                if Int.random(in: 0..<3, using: &random) < 2 || model.isEmpty {
                    let priority = Priority(Int.random(in: 0...2, using: &random))
                    let rank = WaitLine<Int>.Rank(priority: priority, sequence: number)
                    model.append((line.append(Int(number), rank), Int(number), rank))
                } else {
                    let removed = model.remove(at: Int.random(in: 0..<model.count, using: &random))
                    let value = line.remove(removed.id)
                    #expect(value == removed.value)
                    #expect(line.remove(removed.id) == nil)
                }
                let sorted = model.sorted {
                    ($1.rank.priority, $0.rank.sequence) < ($0.rank.priority, $1.rank.sequence)
                }
                #expect(line.count == model.count && line.isEmpty == model.isEmpty, "seed \(seed)")
                #expect(line.first(.oldestFirst)?.1 == sorted.first?.rank, "seed \(seed)")
                #expect(line.last(.oldestFirst)?.1 == sorted.last?.rank, "seed \(seed)")
                let newest = model.max {
                    ($0.rank.priority, $0.rank.sequence) < ($1.rank.priority, $1.rank.sequence)
                }
                #expect(line.first(.newestFirst)?.1 == newest?.rank, "seed \(seed)")
                #expect(line.oldest.min() == model.map(\.value).min(), "seed \(seed)")
            }
        }
    }

    @Test("places in a line are used again, while others wait", arguments: [0, 1, 5])
    func places(staying: Int) {
        var line = WaitLine<Int>()
        for number in 1...1000 as ClosedRange<UInt64> {
            let id = line.append(Int(number), .init(priority: .normal, sequence: number))
            if number > staying { #expect(line[id] == Int(number)) }
            let removed = number > staying ? line.remove(id) : nil
            #expect((removed != nil) == (number > staying))
        }
        let places = (Mirror(reflecting: line).descendant("slots") as? [Any])?.count
        #expect(line.count == staying && places == staying + 1)
    }

    @Test("an old name in a line means no call, also where another waits in its place")
    func oldNames() {
        var line = WaitLine<Int>()
        let old = line.append(1, .init(priority: .normal, sequence: 1))
        _ = line.remove(old)
        line.update(old) { $0 = 5 }
        #expect(line[old] == nil && line.isEmpty)
        let new = line.append(2, .init(priority: .high, sequence: 2))
        line.update(old) { $0 = 5 }
        let removed = line.remove(old)
        #expect(removed == nil && line[old] == nil && line[new] == 2 && line.count == 1)
        #expect(line.oldest == [2])
    }

    @Test("the first in a line for which a condition is true: by priority, then by age, in either order")
    func firstMatch() {
        var line = WaitLine<Int>()
        for (number, priority) in [Bulkhead.Priority.normal, .high, .normal, .high, .low, .normal, .high].enumerated() {
            _ = line.append(number, .init(priority: priority, sequence: UInt64(number)))
        }
        /// All in the order in which they are found, each with those before left out.
        func found(_ order: Bulkhead.Order) -> [Int] {
            var all: [Int] = []
            while let (id, rank) = line.first(order, where: { !all.contains($0) }), let element = line[id] {
                #expect(rank.sequence == UInt64(element))
                all.append(element)
            }
            return all
        }
        #expect(found(.oldestFirst) == [1, 3, 6, 0, 2, 5, 4])
        #expect(found(.newestFirst) == [6, 3, 1, 5, 2, 0, 4])
        #expect(line.first(.oldestFirst) { $0 > 1 && $0 % 2 == 0 }?.1.sequence == 6)
        #expect(line.first(.newestFirst) { $0 < 3 }?.1.sequence == 1)
        #expect(line.first(.newestFirst) { _ in false } == nil)
    }

    @Test("calls are marked from the first period on, or not at all")
    func firstPeriod() {
        #expect(State(.queueing(1, maxWait: .seconds(1))).markPeriod == 0)
        #expect(State(.queueing(1, maxWait: nil)).markPeriod == 1)
    }
}
