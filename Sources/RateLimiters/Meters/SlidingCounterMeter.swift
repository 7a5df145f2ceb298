internal import ResilienceCore

/// A sliding window that is estimated from the counts of two fixed ones: that of the window before counts by the share
/// of it that the sliding window still covers, as if its permits had been spread evenly.
struct SlidingCounterMeter: RateMeter, Hashable {
    /// Two counts, 24 bytes.
    struct State: Sendable, Hashable {
        var start: Int64
        var previous: Int64
        var current: Int64
    }

    let limit: Int64
    let anchor: Int64
    let length: Int64

    /// - Parameters:
    ///   - limit: At most 10¹⁵, so that its product with a length fits into 128 bits.
    ///   - anchor: The start of a window.
    init(limit: Int, length: Int64, anchor: Int64) {
        self.limit = Int64(limit)
        self.length = length
        self.anchor = anchor
    }

    private var grid: WindowGrid { WindowGrid(anchor: anchor, length: length) }

    var unused: State { State(start: .min, previous: 0, current: 0) }

    var burst: Int { Int(limit) }

    func leastWait(_ permits: Int) -> Int64? { permits <= limit ? 0 : nil }

    func earliest(_ permits: Int, _ state: State, from now: Int64) -> Int64? {
        let moment = max(now, state.start)
        let state = moved(state, to: moment)
        let permits = Int64(permits)
        let room = limit - state.current - permits
        if room >= 0 {
            return decay(of: state.previous, to: room, from: state.start).map { max(moment, $0) }
        }
        guard let next = grid.end(of: state.start) else { return nil }
        return decay(of: state.current, to: limit - permits, from: next)
    }

    @discardableResult
    func take(_ permits: Int, _ state: inout State, at moment: Int64) -> Int64 {
        state = moved(state, to: moment)
        state.current = state.current.addingSaturated(Int64(permits))
        return state.start
    }

    func giveBack(_ permits: Int, _ state: inout State, receipt: Int64, at now: Int64) {
        if state.start == receipt {
            state.current = max(0, state.current - Int64(permits))
        } else if state.start == grid.end(of: receipt) {
            state.previous = max(0, state.previous - Int64(permits))
        }
    }

    func available(_ state: State, at now: Int64) -> Int {
        let moment = max(now, state.start)
        let state = moved(state, to: moment)
        // More than zero: the moment lies in the window.
        let rest = Int128(length) - (Int128(moment) - Int128(state.start))
        let weighted = (Int128(state.previous) * rest + Int128(length) - 1) / Int128(length)
        return Int(max(0, Int128(limit) - Int128(state.current) - weighted))
    }

    func isUnused(_ state: State, at now: Int64) -> Bool {
        let state = moved(state, to: now)
        return state.current == 0 && state.previous == 0
    }

    func rewind(_ state: inout State, to now: Int64) {
        if state.start > now { state = State(start: grid.start(of: now), previous: 0, current: state.current) }
    }

    /// Of another length, what is estimated now counts as taken now.
    func carry(_ state: State, from old: SlidingCounterMeter, at now: Int64) -> State {
        let moved = old.moved(state, to: now)
        guard length != old.length else { return moved }
        let before = State(start: moved.start, previous: moved.previous, current: 0)
        let used = old.limit - Int64(old.available(before, at: now))
        return State(start: grid.start(of: now), previous: 0, current: used.addingSaturated(moved.current))
    }

    /// When a count of the window before one weighs no more than `room`; `nil` if an instant cannot hold it.
    private func decay(of previous: Int64, to room: Int64, from start: Int64) -> Int64? {
        guard previous > room else { return start }
        let covered = Int128(room) * Int128(length) / Int128(previous)
        let (moment, overflow) = start.addingReportingOverflow(length - Int64(covered))
        return overflow ? nil : moment
    }

    /// The state in the window of a moment, or in its own if that has not ended.
    private func moved(_ state: State, to moment: Int64) -> State {
        if state.start != .min, grid.reaches(state.start, moment) { return state }
        let start = grid.start(of: moment)
        // After a change of the length the window before may end within the one that begins.
        let isNext = grid.reaches(state.start, start.subtractingSaturated(1))
        return State(start: start, previous: isNext ? state.current : 0, current: 0)
    }
}
