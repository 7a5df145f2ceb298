internal import ResilienceCore

/// So many permits in each window; at its end all are there again.
struct FixedWindowMeter: RateMeter, Hashable {
    /// The window that was used last, 16 bytes.
    struct State: Sendable, Hashable {
        var start: Int64
        var used: Int64
    }

    let limit: Int64
    let anchor: Int64
    let length: Int64

    /// - Parameter anchor: The start of a window.
    init(limit: Int, length: Int64, anchor: Int64) {
        self.limit = Int64(limit)
        self.length = length
        self.anchor = anchor
    }

    private var grid: WindowGrid { WindowGrid(anchor: anchor, length: length) }

    var unused: State { State(start: .min, used: 0) }

    var burst: Int { Int(limit) }

    func leastWait(_ permits: Int) -> Int64? { permits <= limit ? 0 : nil }

    func earliest(_ permits: Int, _ state: State, from now: Int64) -> Int64? {
        let moment = max(now, state.start)
        let state = moved(state, to: moment)
        return Int64(permits) <= limit - state.used ? moment : grid.end(of: state.start)
    }

    @discardableResult
    func take(_ permits: Int, _ state: inout State, at moment: Int64) -> Int64 {
        state = moved(state, to: moment)
        state.used = state.used.addingSaturated(Int64(permits))
        return state.start
    }

    func giveBack(_ permits: Int, _ state: inout State, receipt: Int64, at now: Int64) {
        if state.start == receipt { state.used = max(0, state.used - Int64(permits)) }
    }

    func available(_ state: State, at now: Int64) -> Int {
        Int(max(0, limit - moved(state, to: now).used))
    }

    func isUnused(_ state: State, at now: Int64) -> Bool {
        state.used == 0 || !grid.reaches(state.start, now)
    }

    func rewind(_ state: inout State, to now: Int64) {
        if state.start > now { state.start = grid.start(of: now) }
    }

    /// The window goes on from its start, with the new length and limit.
    func carry(_ state: State, from old: FixedWindowMeter, at now: Int64) -> State { old.moved(state, to: now) }

    /// The state in the window of a moment, or in its own if that has not ended.
    private func moved(_ state: State, to moment: Int64) -> State {
        // A state that was never used has no window that could end.
        guard state.start != .min else { return State(start: grid.start(of: moment), used: 0) }
        if grid.reaches(state.start, moment) { return state }
        // After a change of the length a window may have begun between two of the grid: the next begins at its end, so
        // that no two overlap.
        return State(start: max(grid.start(of: moment), grid.end(of: state.start) ?? .min), used: 0)
    }
}
