/// What is decided about one hedged call: which attempts run, which hedges are left, which attempt won. A pure value.
struct HedgeState {
    /// How an attempt ended, as far as it matters for what happens next.
    enum Ending {
        /// With a value that was accepted.
        case success
        /// With an error that no other attempt would be spared.
        case fatal
        /// With any other error of the operation, or a value that was not accepted.
        case failure
        /// The same, and the server asks not to try again.
        case lastFailure
        /// Cancelled, or refused by a layer before the operation began: no reason to begin another attempt.
        case neutral
    }

    /// What follows the end of an attempt.
    enum Decision {
        /// The others run on.
        case wait
        /// A hedge is due, if it is allowed to start.
        case startHedge
        /// This attempt decided the call: the others are cancelled.
        case finish
    }

    private(set) var hedgesLeft: Int
    /// Attempts that were started, the primary included.
    private(set) var started = 1
    private(set) var running = 1
    /// The attempt whose outcome is the call's, once there is one.
    private(set) var decisive: Int?
    private(set) var isPrimaryRunning = true

    init(maxHedges: Int) {
        hedgesLeft = maxHedges
    }

    /// The number of the attempt that would be the next.
    var nextAttempt: Int { started + 1 }

    /// Whether a hedge may still start.
    var mayHedge: Bool { decisive == nil && hedgesLeft > 0 }

    /// A hedge starts; returns the number of the attempt.
    mutating func startHedge() -> Int {
        hedgesLeft -= 1
        started += 1
        running += 1
        return started
    }

    /// A hedge was refused, and is used up.
    mutating func skipHedge() { hedgesLeft -= 1 }

    /// No hedge starts any more.
    mutating func stopHedging() { hedgesLeft = 0 }

    mutating func end(_ attempt: Int, _ ending: Ending) -> Decision {
        running -= 1
        if attempt == 1 { isPrimaryRunning = false }
        guard decisive == nil else { return .wait }
        switch ending {
        case .success, .fatal:
            decisive = attempt
            return .finish
        case .failure:
            return hedgesLeft > 0 ? .startHedge : .wait
        case .lastFailure:
            stopHedging()
            return .wait
        case .neutral:
            return .wait
        }
    }
}
