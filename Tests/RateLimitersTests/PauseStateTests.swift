import ResilienceCore
import Testing

@testable import RateLimiters

@Suite("The state of a pause")
struct PauseStateTests {
    private func state(longest: Int64 = 60) -> PauseState {
        PauseState(Pause.Configuration(maxPause: .nanoseconds(longest)))
    }

    @Test(
        "A pause lasts as long as the service asks, and no longer than is allowed",
        arguments: [(1, 1), (60, 60), (61, 60)])
    func length(asked: Int64, allowed: Int64) {
        var state = state()
        #expect(state.remaining(at: 100) == 0)
        #expect(state.extend(for: asked, at: 100) == .init(resumed: nil, isNew: true, length: allowed))
        #expect(state.remaining(at: 100) == allowed && state.length == allowed)
        #expect(state.remaining(at: 99 + allowed) == 1)
        #expect(state.remaining(at: 100 + allowed) == 0)
        #expect(state.remaining(at: .max) == 0)
    }

    @Test("The first call after a pause ends it, and says how long it was; the next finds none")
    func end() {
        var state = state()
        #expect(state.remainingForCall(at: 100) == (0, nil))
        _ = state.extend(for: 10, at: 100)
        #expect(state.remainingForCall(at: 109) == (1, nil))
        #expect(state.end == 110)
        #expect(state.remainingForCall(at: 110) == (0, 10))
        #expect(state.end == PauseState.never)
        #expect(state.remainingForCall(at: 110) == (0, nil))
    }

    @Test("A pause that begins after one whose end was not noticed says so")
    func unnoticed() {
        var state = state()
        _ = state.extend(for: 10, at: 100)
        #expect(state.extend(for: 20, at: 110) == .init(resumed: 10, isNew: true, length: 20))
        _ = state.remainingForCall(at: 130)
        #expect(state.extend(for: 5, at: 131) == .init(resumed: nil, isNew: true, length: 5))
    }

    @Test("A shorter pause changes nothing, and a longer one goes on from now")
    func longer() {
        var state = state()
        _ = state.extend(for: 30, at: 100)
        #expect(state.extend(for: 20, at: 110) == nil)
        #expect(state.extend(for: 19, at: 110) == nil)
        #expect(state.extend(for: 21, at: 110) == .init(resumed: nil, isNew: false, length: 21))
        #expect(state.end == 131 && state.length == 21)
    }

    @Test("What another node tells has to be longer by so much, unless there is no pause")
    func least() {
        var state = state()
        #expect(state.extend(for: 3, byAtLeast: 5, at: 100)?.isNew == true)
        #expect(state.extend(for: 7, byAtLeast: 5, at: 100) == nil)
        #expect(state.extend(for: 8, byAtLeast: 5, at: 100) == .init(resumed: nil, isNew: false, length: 8))
        #expect(state.extend(for: 1, byAtLeast: 5, at: 108) == .init(resumed: 8, isNew: true, length: 1))
    }

    @Test("No time, and less than none, is no pause", arguments: [0, -1, Int64.min])
    func none(delay: Int64) {
        var state = state()
        #expect(state.extend(for: delay, at: 100) == nil)
        #expect(state.end == PauseState.never)
        _ = state.extend(for: 10, at: 100)
        #expect(state.extend(for: delay, at: 105) == nil)
        #expect(state.remaining(at: 105) == 5)
    }

    @Test("A clock that was ahead makes no pause longer than one from now; nor does a limit that was longer")
    func wrongClock() {
        var state = state()
        _ = state.extend(for: 60, at: 1_000_000)
        #expect(state.remaining(at: 100) == 60)
        #expect(state.remainingForCall(at: 100) == (60, nil))
        state.configuration.maxPause = .nanoseconds(7)
        #expect(state.remaining(at: 100) == 7)
        #expect(state.extend(for: 7, at: 100) == nil)
        #expect(state.remaining(at: 1_000_050) == 7)
        #expect(state.remaining(at: 1_000_060) == 0)
    }

    @Test("A pause at the end of time does not overflow")
    func endOfTime() {
        var state = state(longest: .max)
        #expect(state.extend(for: .max, at: .max - 5)?.length == .max)
        #expect(state.remaining(at: .max - 5) == 5)
        #expect(state.remaining(at: .min) > 0)
        #expect(state.remainingForCall(at: .max) == (0, .max))
    }
}
