public import Resilience
public import ResilienceCore

extension HTTPPipeline {
    /// The layers of a standard pipeline, outermost first, and what they go by. `nil` leaves a layer out.
    ///
    /// The numbers of the layers are also those of the module's document, under `families`, once the pipeline's
    /// policies are registered there.
    public struct Configuration: Sendable {
        /// How long a call may take with all its attempts. Default: 30 seconds.
        public var totalLimit: Duration?

        /// What is repeated. Default: up to 3 retries, from 100 ms on, doubled, with full jitter, no delay above 10
        /// seconds; `Retry-After` is kept to; one budget for all authorities, of a fifth of the calls. Which errors are
        /// repeated is decided by ``sendOutcome`` and the request, in addition to what `handles` says.
        public var retry: Retry.Configuration?

        /// How a `Retry-After` of 429 and 503 holds back all calls to its authority. Default: for at most a minute.
        public var pause: Pause.Configuration?

        /// What shares pauses with the other nodes of a fleet, by the name of the pipeline and the authority. Default:
        /// `nil`, nothing.
        public var sharedPauses: SharedPauses?

        /// When an authority is taken to be down. Default: half of at least 20 calls failed, within 30 seconds.
        public var circuitBreaker: CircuitBreaker.Configuration?

        /// How many calls may run at once for each authority. Default: 100, and as many that wait, for as long as their
        /// deadline allows.
        public var bulkhead: Bulkhead.Configuration?

        /// How long an attempt may take, its body included as far as it is read in the operation. Default: 10 seconds.
        public var attemptLimit: Duration?

        /// The most authorities with a policy of their own, 1 to 1 000 000; others share one. Default: 500.
        public var maxAuthorities: Int

        /// Which responses are failures, and what they say.
        public var rule: HTTPResponseRule

        /// How far a request came that ended with an error of the client. Default: every error is one after which it
        /// may have run.
        public var sendOutcome: @Sendable (any Error) -> HTTPSendOutcome

        /// Whether a response that is a failure in the end is thrown, as ``HTTPFailure``. Default: false, it is
        /// returned.
        public var throwsFailures: Bool

        /// The field in which servers are told how long the attempt may take. Default: none.
        public var deadlineField: HTTPDeadlineField?

        /// The field in which servers are told how important the call is. Default: none.
        public var priorityField: HTTPPriorityField?

        /// The time of day in seconds since the beginning of 1970, for a `Retry-After` that is a date in a response
        /// without `Date`. Default: none, such a date is not read.
        public var secondsSince1970: (@Sendable () -> Double)?

        /// Creates a configuration; every part has a default.
        public init(
            totalLimit: Duration? = .seconds(30),
            retry: Retry.Configuration? = Configuration.standardRetry,
            pause: Pause.Configuration? = .init(),
            circuitBreaker: CircuitBreaker.Configuration? = .init(
                trip: .failureRate(0.5, minimumCalls: 20), window: .time(.seconds(30))),
            bulkhead: Bulkhead.Configuration? = .init(
                limit: .fixed(100), queue: .init(capacity: 100, maxWait: nil)),
            attemptLimit: Duration? = .seconds(10),
            maxAuthorities: Int = 500,
            rule: HTTPResponseRule = .init(),
            sendOutcome: @escaping @Sendable (any Error) -> HTTPSendOutcome = { _ in .perhapsRan },
            throwsFailures: Bool = false
        ) {
            self.totalLimit = totalLimit
            self.retry = retry
            self.pause = pause
            self.circuitBreaker = circuitBreaker
            self.bulkhead = bulkhead
            self.attemptLimit = attemptLimit
            self.maxAuthorities = maxAuthorities
            self.rule = rule
            self.sendOutcome = sendOutcome
            self.throwsFailures = throwsFailures
        }

        /// The retry of a standard pipeline.
        public static var standardRetry: Retry.Configuration {
            Retry.Configuration(
                backoff: .exponential(), maxAttempts: 4, maxDelay: .seconds(10), serverHints: .exact)
        }

        /// Checks what hangs together; the layers check themselves when the pipeline is made.
        ///
        /// - Throws: All faults, each with its field, value and what it contradicts.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck()
            if let totalLimit { check.require(positive: "totalLimit", totalLimit) }
            if let attemptLimit { check.require(positive: "attemptLimit", attemptLimit) }
            check.note(contradictions())
            check.require("maxAuthorities", maxAuthorities, in: 1...1_000_000)
            check.require(notNegative: "rule.maxHint", rule.maxHint)
            let isEmpty =
                totalLimit == nil && retry == nil && pause == nil && circuitBreaker == nil && bulkhead == nil
                && attemptLimit == nil
            check.require(!isEmpty, "layers", "0", "is below 1")
            try check.finish()
        }
    }
}
