internal import ResilienceCore

/// A sliding window that is exact: it remembers when each permit was taken.
struct SlidingLogMeter: RateMeter, Hashable {
    /// One entry for each moment at which permits were taken, and as many as the limit at most.
    struct State: Sendable, Hashable {
        struct Entry: Sendable, Hashable {
            let moment: Int64
            var permits: Int64
        }

        /// The oldest first; those before `first` have gone.
        var entries: [Entry] = []
        var first = 0
        /// The permits of the entries that are left.
        var used: Int64 = 0
    }

    let limit: Int64
    let length: Int64

    init(limit: Int, length: Int64) {
        self.limit = Int64(limit)
        self.length = length
    }

    var unused: State { State() }

    var burst: Int { Int(limit) }

    func leastWait(_ permits: Int) -> Int64? { permits <= limit ? 0 : nil }

    func earliest(_ permits: Int, _ state: State, from now: Int64) -> Int64? {
        let live = state.entries[state.first...]
        let moment = max(now, live.last?.moment ?? now)
        // What has to leave the window: from the oldest on, until enough has.
        var excess = (Int64(permits) - limit).addingSaturated(state.used)
        var due = moment
        for entry in live {
            if excess <= 0 { break }
            guard let end = end(entry) else { return nil }
            excess -= entry.permits
            due = max(due, end)
        }
        return due
    }

    @discardableResult
    func take(_ permits: Int, _ state: inout State, at moment: Int64) -> Int64 {
        prune(&state, at: moment)
        state.used = state.used.addingSaturated(Int64(permits))
        // If there are any, the last has not gone: otherwise all of the room would have been reclaimed.
        if let last = state.entries.indices.last, state.entries[last].moment >= moment {
            state.entries[last].permits = state.entries[last].permits.addingSaturated(Int64(permits))
            return state.entries[last].moment
        }
        state.entries.append(State.Entry(moment: moment, permits: Int64(permits)))
        return moment
    }

    func giveBack(_ permits: Int, _ state: inout State, receipt: Int64, at now: Int64) {
        guard let index = state.entries[state.first...].lastIndex(where: { $0.moment == receipt }) else { return }
        let returned = min(state.entries[index].permits, Int64(permits))
        state.entries[index].permits -= returned
        state.used -= returned
        if state.entries[index].permits == 0 { state.entries.remove(at: index) }
    }

    func available(_ state: State, at now: Int64) -> Int {
        var used = state.used
        for entry in state.entries[state.first...] {
            guard hasLeft(entry, at: now) else { break }
            used -= entry.permits
        }
        return Int(max(0, limit.subtractingSaturated(used)))
    }

    func isUnused(_ state: State, at now: Int64) -> Bool {
        state.entries.last.map { hasLeft($0, at: now) } ?? true
    }

    func rewind(_ state: inout State, to now: Int64) {
        for index in state.entries.indices.reversed() {
            guard index >= state.first, state.entries[index].moment > now else { break }
            state.entries[index] = State.Entry(moment: now, permits: state.entries[index].permits)
        }
    }

    func carry(_ state: State, from old: SlidingLogMeter, at now: Int64) -> State {
        var state = state
        // What has left the old window does not come back into a longer one.
        old.prune(&state, at: now)
        prune(&state, at: now)
        return state
    }

    private func end(_ entry: State.Entry) -> Int64? {
        let (end, overflow) = entry.moment.addingReportingOverflow(length)
        return overflow ? nil : end
    }

    private func hasLeft(_ entry: State.Entry, at now: Int64) -> Bool { end(entry).map { $0 <= now } ?? false }

    /// Forgets what has left the window; the room of it is reclaimed when it is half of all.
    private func prune(_ state: inout State, at now: Int64) {
        while state.first < state.entries.count, hasLeft(state.entries[state.first], at: now) {
            state.used -= state.entries[state.first].permits
            state.first += 1
        }
        if state.first * 2 > state.entries.count {
            state.entries.removeFirst(state.first)
            state.first = 0
        }
    }
}
