import ResilienceCore
import Testing

@testable import Fallbacks

/// The state of values that are renewed, told the time.
@Suite("Stale while revalidate: the state")
struct RevalidationStateTests {
    private func at(_ seconds: Int64) -> TimeSource.Instant { TimeSource.Instant(nanoseconds: seconds * 1_000_000_000) }

    private func isRefresh(_ refresh: RevalidationState<String, Int>.Refresh) -> Bool {
        if case .refresh = refresh { true } else { false }
    }

    private func isRefused(_ refresh: RevalidationState<String, Int>.Refresh) -> Bool {
        if case .refused = refresh { true } else { false }
    }

    @Test("a refresh that was granted counts among those that run before its task is known", arguments: 1...3)
    func reserved(maxRefreshes: Int) {
        var state = RevalidationState<String, Int>(
            .init(freshFor: .seconds(1), staleFor: .seconds(10), maxRefreshes: maxRefreshes))
        for number in 0..<maxRefreshes {
            #expect(isRefresh(state.reserve("\(number)", at: at(0))) && state.refreshing == number + 1)
        }
        #expect(isRefused(state.reserve("more", at: at(0))) && state.tasks.isEmpty)
        #expect(state.totals.refreshesRefused == 1)
    }

    @Test("after an update the new times, and the new bounds, are the ones that count")
    func update() {
        var state = RevalidationState<String, Int>(
            .init(freshFor: .seconds(1), staleFor: .seconds(10), maxRefreshes: 1))
        _ = state.remember(1, for: "a", at: at(0))
        #expect(state.ask("a", at: at(5))?.kept.isFresh == false)
        let new = StaleWhileRevalidateConfiguration(freshFor: .seconds(6), staleFor: .seconds(1), maxRefreshes: 2)
        #expect(state.update(new, at: at(5)).isEmpty && state.configuration == new)
        #expect(state.ask("a", at: at(5))?.kept.isFresh == true)
        #expect(state.ask("a", at: at(7))?.kept.isFresh == false && state.ask("a", at: at(8)) == nil)
        #expect(isRefresh(state.reserve("b", at: at(8))))
    }

    @Test("what began before all was forgotten brings nothing, what begins at the same moment afterwards does")
    func forgetAll() {
        var state = RevalidationState<String, Int>(.init(freshFor: .seconds(1), staleFor: .seconds(10)))
        let (_, before) = state.join("a", at: at(0))
        _ = state.forgetAll()
        let (_, after) = state.join("b", at: at(0))
        for (key, flight) in [("a", before), ("b", after)] {
            guard let flight else { continue }
            let loaded = RevalidationState<String, Int>.Loaded(value: 1, unaccepted: nil)
            _ = state.endLoad(flight, key, .success(loaded), isCancelled: false, at: at(1))
        }
        #expect(state.values.count == 1 && state.values.recall("b", at: at(1))?.value == 1)
    }

    @Test("who leaves when the call has ended has not left: it gets the result, and nothing is cancelled")
    func leavesLate() {
        var state = RevalidationState<String, Int>(.init(freshFor: .seconds(1), staleFor: .seconds(10)))
        let (first, flight) = state.join("a", at: at(0))
        let (second, none) = state.join("a", at: at(0))
        guard let flight, none == nil else {
            Issue.record("the second joins the call of the first")
            return
        }
        func leave(_ place: RevalidationState<String, Int>.Place) -> Bool { state.leave(place).hasLeft }
        #expect(leave(first) && !leave(first) && !leave(second))
        #expect(state.totals.cancelled == 1)
        let loaded = RevalidationState<String, Int>.Loaded(value: 1, unaccepted: nil)
        let waiters = state.endLoad(flight, "a", .success(loaded), isCancelled: false, at: at(1)).waiters
        #expect(waiters.count == 1 && !leave(second))
    }

    @Test("a value as old as may be that makes room is not brought back by its refresh, an older one is")
    func oldestThatMakesRoom() {
        for (moment, comesBack) in [(9, false), (10, false), (11, true)] as [(Int64, Bool)] {
            var state = RevalidationState<String, Int>(
                .init(freshFor: .seconds(1), staleFor: .seconds(9), maxKeys: 1))
            _ = state.remember(1, for: "a", at: at(0))
            guard case .refresh(let flight) = state.reserve("a", at: at(5)) else {
                Issue.record("it is due")
                return
            }
            _ = state.remember(2, for: "b", at: at(moment))
            _ = state.endRefresh(flight, "a", .read(3), isCancelled: false, at: at(moment))
            #expect((state.totals.refreshesSucceeded == 1) == comesBack && state.values.count == 1, "\(moment)")
        }
    }
}
