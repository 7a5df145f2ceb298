internal import ResilienceCore

/// The word that admission reads, and that a call keeps until it ends.
@usableFromInline
struct CircuitBreakerGate: Sendable {
    let word: UInt64

    private static let timeFlag: UInt64 = 1 << 3
    private static let observedFlag: UInt64 = 1 << 4
    private static let measuredFlag: UInt64 = 1 << 5
    private static let failureFlag: UInt64 = 1 << 6
    private static let probeCode: UInt64 = 4
    private static let withinCallCode: UInt64 = 6
    private static let markFlag: UInt64 = 1 << 7

    init(word: UInt64) {
        self.word = word
    }

    init(_ machine: borrowing CircuitBreakerState, isObserved: Bool, isMeasured: Bool) {
        var word = machine.generation << 8 | Self.code(machine.state)
        // A disabled breaker has nothing to tell about its calls.
        let isObserved = isObserved && machine.state != .disabled
        // An observer hears how long a call took.
        if machine.needsTime || isObserved || isMeasured { word |= Self.timeFlag }
        if isObserved { word |= Self.observedFlag }
        if isMeasured { word |= Self.measuredFlag }
        if machine.marksCalls { word |= Self.markFlag }
        if machine.state == .open, machine.lastFailure != nil { word |= Self.failureFlag }
        self.word = word
    }

    /// A probe is always timed: its deadline may pass. Its number tells which one, also across generations.
    init(probe number: UInt64) {
        word = number << 8 | Self.probeCode | Self.timeFlag | Self.markFlag
    }

    /// A call within another that came through the same state: it belongs to that.
    static let withinCall = CircuitBreakerGate(word: withinCallCode | markFlag)

    /// The word of a call that was let through under the lock, when the gate was another.
    init(_ ticket: CircuitBreakerState.Ticket, orElse gate: CircuitBreakerGate) {
        switch ticket {
        case .probe(let number): self.init(probe: number)
        case .withinCall: self = .withinCall
        // Its start is known.
        case .generation: self.init(word: gate.word | Self.timeFlag)
        }
    }

    var needsTime: Bool { word & Self.timeFlag != 0 }
    var isObserved: Bool { word & Self.observedFlag != 0 }
    var isMeasured: Bool { word & Self.measuredFlag != 0 }
    /// Whether an error is known that opened the breaker, which is open.
    var hasFailure: Bool { word & Self.failureFlag != 0 }

    /// Whether the call that keeps this word came through one of the first three states, unmarked, and no observer
    /// hears of it.
    var isPlain: Bool { word & (7 | Self.markFlag | Self.observedFlag | Self.measuredFlag) < 3 }

    /// Whether the state is one of the first three: closed, disabled, observing.
    var letsThrough: Bool { word & 7 < 3 }

    /// Whether that is all there is to know for admission.
    var letsThroughUnmarked: Bool { word & (7 | Self.markFlag) < 3 }

    /// Whether the call that keeps this word is marked for those inside it, or is inside of one that is.
    @usableFromInline var isMarked: Bool { word & Self.markFlag != 0 }

    /// Whether the call that keeps this word is a probe, and not only within one.
    var isProbe: Bool { word & 7 == Self.probeCode }

    /// Whether the call that keeps this word belongs to the one around it.
    var isWithinCall: Bool { word & 7 == Self.withinCallCode }

    /// Whether both are words of the same state, neither a probe's.
    func isOfSameState(as other: CircuitBreakerGate) -> Bool {
        letsThrough && other.letsThrough && number == other.number
    }

    /// The generation, or the probe's number.
    var number: UInt64 { word >> 8 }

    /// What a result belongs to.
    var ticket: CircuitBreakerState.Ticket {
        switch word & 7 {
        case Self.probeCode: .probe(word >> 8)
        case Self.withinCallCode: .withinCall
        default: .generation(word >> 8)
        }
    }

    private static func code(_ state: CircuitBreaker.State) -> UInt64 {
        switch state {
        case .closed: 0
        case .disabled: 1
        case .observing: 2
        case .open: 3
        case .halfOpen: probeCode
        case .isolated: 5
        }
    }

    var state: CircuitBreaker.State {
        switch word & 7 {
        case 0: .closed
        case 1: .disabled
        case 2: .observing
        case 3: .open
        case 5: .isolated
        default: .halfOpen
        }
    }
}
