internal import ResilienceCore

extension ResilienceModule {
    /// The state of a module. It only ever goes forward.
    public enum State: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
        /// Calls are let in; ``ResilienceModule/run()`` has not been called.
        case idle
        /// Calls are let in.
        case running
        /// Calls are still let in, but ``ResilienceModule/health`` says that the end is near: for as long as
        /// ``Options/drainDelay``, so that the sender of the calls learns of it first.
        case closing
        /// No call is let in; those that run are waited for.
        case draining
        /// The end.
        case stopped

        /// Whether a module is in the one state before it is in the other.
        public static func < (lhs: State, rhs: State) -> Bool { lhs.rank < rhs.rank }

        private var rank: Int {
            switch self {
            case .idle: 0
            case .running: 1
            case .closing: 2
            case .draining: 3
            case .stopped: 4
            }
        }
    }

    /// The state now.
    public var state: State { lifecycle.withLock { $0.state } }
}
