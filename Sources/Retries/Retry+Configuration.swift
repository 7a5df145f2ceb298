public import ResilienceCore
internal import Synchronization

extension Retry {
    /// What is retried, when and for how long.
    ///
    /// The defaults: three attempts; 100 ms between the first two, doubled each time and with full jitter; no delay
    /// above 30 seconds; every error but cancellation.
    public struct Configuration: Sendable {
        /// How long to wait before each retry. Default: 100 ms, doubled each time, with full jitter.
        public var backoff: Backoff

        /// How often the operation runs at most, the first time included: at least 1, or ``Retry/unlimited``.
        /// Default: 3.
        public var maxAttempts: Int

        /// The longest delay, wherever it comes from: the backoff with its jitter, a function, or a server. Zero or
        /// more. Only ``hintJitter`` comes on top of it. Default: 30 seconds.
        public var maxDelay: Duration

        /// When the last attempt may start, from the start of the first; at least 1 ns. Default: `nil`, any time. To
        /// end attempts that are running, place a timeout around the retry.
        public var maxDuration: Duration?

        /// What becomes of a delay that would end after ``maxDuration``. Default: ``LastDelay/refuse``.
        public var lastDelay: LastDelay

        /// Which errors are retried. Default: all.
        ///
        /// No error is retried while the task is cancelled. The rejection of a layer inside, such as an open breaker's,
        /// is retried only under ``OnRejection/waitUntilRetryAfter``, or where the condition names it: `.rejections`,
        /// and the type of a rejection in `.only(…)`. The call then waits as it does under that.
        public var handles: ErrorCondition

        /// What a server's word about trying again counts. Default: ``ServerHints/shortened``.
        public var serverHints: ServerHints

        /// How much longer than asked for a delay may be that a server or a rejection asks for, as a share of it: 0 to
        /// 1. Clients that are asked to come back at the same time come back spread from then on, never sooner.
        /// Default: 0.5.
        public var hintJitter: Double

        /// What follows the rejection of a layer inside. Default: ``OnRejection/giveUp``. ``handles`` that names
        /// rejections asks to wait for these: there is no other way to retry them.
        public var onRejection: OnRejection

        /// Whether it does no harm to run the operation twice; a call may say so for itself
        /// (``ResilienceCore/Strategy/idempotent(_:)``). If not, only errors after which ``neverRan`` is sure are
        /// retried. Default: true.
        public var isIdempotent: Bool

        /// Errors after which an operation that is not idempotent can be run again, because it had no effect: a
        /// connection that was refused. Default: none.
        public var neverRan: ErrorCondition

        /// What bounds the retries of all calls together, shared with other retries and hedges: a ``RetryBudget``.
        /// Default: `nil`.
        public var budget: (any AttemptBudget)?

        /// What the caller gets in the end: the last error, or an ``ExhaustedError`` with the errors of all attempts.
        /// Errors that are not to be retried pass unchanged. Default: the last error.
        public var exhaustion: Exhaustion

        /// Creates a configuration; every part has a default.
        public init(
            backoff: Backoff = .exponential(),
            maxAttempts: Int = 3,
            maxDelay: Duration = .seconds(30),
            maxDuration: Duration? = nil,
            lastDelay: LastDelay = .refuse,
            handles: ErrorCondition = .all,
            serverHints: ServerHints = .shortened,
            hintJitter: Double = 0.5,
            onRejection: OnRejection = .giveUp,
            idempotent isIdempotent: Bool = true,
            neverRan: ErrorCondition = .none,
            budget: (any AttemptBudget)? = nil,
            exhaustion: Exhaustion = .originalError
        ) {
            self.backoff = backoff
            self.maxAttempts = maxAttempts
            self.maxDelay = maxDelay
            self.maxDuration = maxDuration
            self.lastDelay = lastDelay
            self.handles = handles
            self.serverHints = serverHints
            self.hintJitter = hintJitter
            self.onRejection = onRejection
            self.isIdempotent = isIdempotent
            self.neverRan = neverRan
            self.budget = budget
            self.exhaustion = exhaustion
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("retry")
            backoff.check(&check)
            check.require("maxAttempts", maxAttempts, atLeast: 1)
            check.require(notNegative: "maxDelay", maxDelay)
            check.require("hintJitter", hintJitter, in: 0...1)
            if let maxDuration { check.require(positive: "maxDuration", maxDuration) }
            check.requireObject("budget", budget)
            try check.finish()
        }

        var waitsForRejections: Bool { onRejection == .waitUntilRetryAfter || handles.namesRejections }

        var beginning: Beginning { maxDuration != nil ? .timed : budget == nil ? .plain : .budgeted }
    }

    /// What a call has to do at its start.
    enum Beginning: UInt8, AtomicRepresentable {
        /// Nothing.
        case plain
        /// To tell a budget.
        case budgeted
        /// To read the clock, and to tell a budget if there is one.
        case timed
    }

    /// What becomes of a delay that would end after the longest duration.
    public enum LastDelay: String, Sendable, Hashable, Codable, CaseIterable {
        /// The call ends at once, with the last error.
        case refuse
        /// It is shortened, so that a last attempt starts just in time; with jitter, anywhere in what is left. Not what
        /// a rejection or a server asks for.
        case trim
    }

    /// What follows a rejection: an error by which a layer inside refused the call, such as an open breaker, a full
    /// bulkhead or a limiter. Not a server's.
    public enum OnRejection: String, Sendable, Hashable, Codable, CaseIterable {
        /// The call ends with the rejection, so that a fallback can answer at once, and nothing is held meanwhile.
        case giveUp
        /// The call waits until the time that the rejection names, or as long as the backoff says if that is longer. It
        /// ends at once if the rejection names no time, or one beyond the limits. For work that no caller waits for.
        case waitUntilRetryAfter
    }

    /// What a server's word about trying again counts: that of an error, or of a value that was not accepted, that
    /// conforms to `RetryAfterProviding` or `ServerHintProviding`. The backoff begins again from its first step after
    /// it. The rejections of layers inside are no servers'.
    public enum ServerHints: String, Sendable, Hashable, Codable, CaseIterable {
        /// The delay is what the server says, in place of the backoff. One that is longer than the longest delay is
        /// shortened to that; it never ends sooner, and later by ``Configuration/hintJitter``.
        case shortened
        /// The delay is what the server says; where that is longer than allowed, the call ends with the last error.
        case exact
        /// Nothing: the backoff applies.
        case ignored
    }
}
