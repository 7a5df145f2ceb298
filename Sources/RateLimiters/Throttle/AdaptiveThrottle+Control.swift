public import ResilienceCore

extension AdaptiveThrottle {
    // MARK: Reading

    /// The probability with which the next call is rejected, 0 to 1.
    public var rejectionProbability: Double { current { $0.rejectionProbability } }

    /// The calls in the window: those that the service accepted or refused, and those that were rejected.
    public var requests: Int { current { $0.requests } }

    /// The calls in the window that the service accepted.
    public var accepts: Int { current { $0.accepts } }

    /// Everything the throttle has seen in its life.
    public var totals: Totals { machine.withLock { $0.totals } }

    /// The configuration in force.
    public var configuration: Configuration { machine.withLock { $0.configuration } }

    /// Reads after forgetting what is older than the window.
    func current<Value: Sendable>(_ read: (AdaptiveThrottleState) -> Value) -> Value {
        let now = time.now
        return withMachine { machine in
            machine.expire(now: now)
            return read(machine)
        }
    }

    // MARK: Retuning

    /// Puts another configuration in force and keeps the totals and what is in the window, as far as the new one reaches
    /// back.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        use(configuration.classifier)
        let now = time.now
        withMachine { $0.update(configuration, now: now) }
    }

    // MARK: By hand

    /// Asks whether a call may go through, for work that does not fit into a closure.
    ///
    /// ```swift
    /// let permit = try throttle.acquirePermit()
    /// do {
    ///     let response = try await connection.send(request)
    ///     permit.succeed()
    /// } catch {
    ///     permit.fail(error)
    /// }
    /// ```
    ///
    /// - Returns: A permit to be ended with the call's outcome.
    /// - Throws: ``RejectedError`` if the call is rejected.
    public func acquirePermit() throws(RejectedError) -> Permit {
        Permit(throttle: self, start: try admit())
    }

    /// The throttle's leave to make one call.
    ///
    /// Ended once, with the outcome: the compiler sees to it that it is not ended twice. A permit that is dropped counts
    /// as cancelled.
    public struct Permit: ~Copyable, Sendable {
        private let throttle: AdaptiveThrottle
        private let start: TimeSource.Instant
        private var isEnded = false

        init(throttle: AdaptiveThrottle, start: TimeSource.Instant) {
            self.throttle = throttle
            self.start = start
        }

        deinit {
            if !isEnded { throttle.record(.cancelled, start) }
        }

        /// The service accepted the call.
        public consuming func succeed() {
            complete(as: .accepted)
        }

        /// The call failed; the throttle's classifier judges the error.
        public consuming func fail(_ error: any Error) {
            isEnded = true
            throttle.failed(start, error, nil)
        }

        /// The call ended with an outcome that the caller has judged.
        public consuming func complete(as outcome: Outcome) {
            isEnded = true
            throttle.record(outcome, start)
        }
    }
}
