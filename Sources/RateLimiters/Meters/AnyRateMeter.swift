/// The meter of any rule, for a limiter whose rule may be changed to one of another kind.
///
/// A state is of the kind of its meter: who changes the one carries the other over (``carry(_:from:at:)``) in the same
/// step. One of another kind would be as one that never has permits. Two enums, and not one of pairs, because all keys
/// of a limiter share one meter.
enum AnyRateMeter: RateMeter, Hashable {
    case paced(PacedMeter)
    case fixedWindow(FixedWindowMeter)
    case slidingCounter(SlidingCounterMeter)
    case slidingLog(SlidingLogMeter)

    enum State: Sendable, Hashable {
        case paced(Int64)
        case fixedWindow(FixedWindowMeter.State)
        case slidingCounter(SlidingCounterMeter.State)
        case slidingLog(SlidingLogMeter.State)
    }

    var unused: State {
        switch self {
        case .paced(let meter): .paced(meter.unused)
        case .fixedWindow(let meter): .fixedWindow(meter.unused)
        case .slidingCounter(let meter): .slidingCounter(meter.unused)
        case .slidingLog(let meter): .slidingLog(meter.unused)
        }
    }

    var burst: Int {
        switch self {
        case .paced(let meter): meter.burst
        case .fixedWindow(let meter): meter.burst
        case .slidingCounter(let meter): meter.burst
        case .slidingLog(let meter): meter.burst
        }
    }

    func leastWait(_ permits: Int) -> Int64? {
        switch self {
        case .paced(let meter): meter.leastWait(permits)
        case .fixedWindow(let meter): meter.leastWait(permits)
        case .slidingCounter(let meter): meter.leastWait(permits)
        case .slidingLog(let meter): meter.leastWait(permits)
        }
    }

    func earliest(_ permits: Int, _ state: State, from now: Int64) -> Int64? {
        switch (self, state) {
        case (.paced(let meter), .paced(let state)): meter.earliest(permits, state, from: now)
        case (.fixedWindow(let meter), .fixedWindow(let state)): meter.earliest(permits, state, from: now)
        case (.slidingCounter(let meter), .slidingCounter(let state)): meter.earliest(permits, state, from: now)
        case (.slidingLog(let meter), .slidingLog(let state)): meter.earliest(permits, state, from: now)
        default: nil
        }
    }

    @discardableResult
    func take(_ permits: Int, _ state: inout State, at moment: Int64) -> Int64 {
        switch (self, state) {
        case (.paced(let meter), .paced(var inner)):
            let receipt = meter.take(permits, &inner, at: moment)
            state = .paced(inner)
            return receipt
        case (.fixedWindow(let meter), .fixedWindow(var inner)):
            let receipt = meter.take(permits, &inner, at: moment)
            state = .fixedWindow(inner)
            return receipt
        case (.slidingCounter(let meter), .slidingCounter(var inner)):
            let receipt = meter.take(permits, &inner, at: moment)
            state = .slidingCounter(inner)
            return receipt
        case (.slidingLog(let meter), .slidingLog(var inner)):
            state = .paced(0)  // So that the array has one owner and is not copied.
            let receipt = meter.take(permits, &inner, at: moment)
            state = .slidingLog(inner)
            return receipt
        default: return moment
        }
    }

    /// One switch for the three questions, and a log's array is moved once.
    func ask(_ permits: Int, _ state: inout State, at now: Int64, maxWait: Int64) -> RateMeterAnswer {
        switch (self, state) {
        case (.paced(let meter), .paced(var inner)):
            let answer = meter.ask(permits, &inner, at: now, maxWait: maxWait)
            state = .paced(inner)
            return answer
        case (.fixedWindow(let meter), .fixedWindow(var inner)):
            let answer = meter.ask(permits, &inner, at: now, maxWait: maxWait)
            state = .fixedWindow(inner)
            return answer
        case (.slidingCounter(let meter), .slidingCounter(var inner)):
            let answer = meter.ask(permits, &inner, at: now, maxWait: maxWait)
            state = .slidingCounter(inner)
            return answer
        case (.slidingLog(let meter), .slidingLog(var inner)):
            state = .paced(0)  // So that the array has one owner and is not copied.
            let answer = meter.ask(permits, &inner, at: now, maxWait: maxWait)
            state = .slidingLog(inner)
            return answer
        default: return .beyondTime
        }
    }

    func giveBack(_ permits: Int, _ state: inout State, receipt: Int64, at now: Int64) {
        switch (self, state) {
        case (.paced(let meter), .paced(var inner)):
            meter.giveBack(permits, &inner, receipt: receipt, at: now)
            state = .paced(inner)
        case (.fixedWindow(let meter), .fixedWindow(var inner)):
            meter.giveBack(permits, &inner, receipt: receipt, at: now)
            state = .fixedWindow(inner)
        case (.slidingCounter(let meter), .slidingCounter(var inner)):
            meter.giveBack(permits, &inner, receipt: receipt, at: now)
            state = .slidingCounter(inner)
        case (.slidingLog(let meter), .slidingLog(var inner)):
            state = unused
            meter.giveBack(permits, &inner, receipt: receipt, at: now)
            state = .slidingLog(inner)
        default: break
        }
    }

    func available(_ state: State, at now: Int64) -> Int {
        switch (self, state) {
        case (.paced(let meter), .paced(let state)): meter.available(state, at: now)
        case (.fixedWindow(let meter), .fixedWindow(let state)): meter.available(state, at: now)
        case (.slidingCounter(let meter), .slidingCounter(let state)): meter.available(state, at: now)
        case (.slidingLog(let meter), .slidingLog(let state)): meter.available(state, at: now)
        default: 0
        }
    }

    func isUnused(_ state: State, at now: Int64) -> Bool {
        switch (self, state) {
        case (.paced(let meter), .paced(let state)): meter.isUnused(state, at: now)
        case (.fixedWindow(let meter), .fixedWindow(let state)): meter.isUnused(state, at: now)
        case (.slidingCounter(let meter), .slidingCounter(let state)): meter.isUnused(state, at: now)
        case (.slidingLog(let meter), .slidingLog(let state)): meter.isUnused(state, at: now)
        default: false
        }
    }

    func latestMoment(_ state: State, after now: Int64) -> Int64? {
        guard case (.paced(let meter), .paced(let state)) = (self, state) else { return nil }
        return meter.latestMoment(state, after: now)
    }

    func rewind(_ state: inout State, to now: Int64) {
        switch (self, state) {
        case (.paced(let meter), .paced(var inner)):
            meter.rewind(&inner, to: now)
            state = .paced(inner)
        case (.fixedWindow(let meter), .fixedWindow(var inner)):
            meter.rewind(&inner, to: now)
            state = .fixedWindow(inner)
        case (.slidingCounter(let meter), .slidingCounter(var inner)):
            meter.rewind(&inner, to: now)
            state = .slidingCounter(inner)
        case (.slidingLog(let meter), .slidingLog(var inner)):
            state = unused
            meter.rewind(&inner, to: now)
            state = .slidingLog(inner)
        default: break
        }
    }

    /// Between rules of different kinds, the permits that are not there now count as taken now; no more than the burst.
    func carry(_ state: State, from old: AnyRateMeter, at now: Int64) -> State {
        switch (self, old, state) {
        case (.paced(let new), .paced(let old), .paced(let state)):
            return .paced(new.carry(state, from: old, at: now))
        case (.fixedWindow(let new), .fixedWindow(let old), .fixedWindow(let state)):
            return .fixedWindow(new.carry(state, from: old, at: now))
        case (.slidingCounter(let new), .slidingCounter(let old), .slidingCounter(let state)):
            return .slidingCounter(new.carry(state, from: old, at: now))
        case (.slidingLog(let new), .slidingLog(let old), .slidingLog(let state)):
            return .slidingLog(new.carry(state, from: old, at: now))
        default:
            var carried = unused
            let used = min(burst, old.burst - old.available(state, at: now))
            if used > 0 { take(used, &carried, at: now) }
            return carried
        }
    }
}
