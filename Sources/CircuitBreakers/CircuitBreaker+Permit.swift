internal import ResilienceCore

extension CircuitBreaker {
    /// Asks the breaker whether a call may go through, for work that does not fit into a closure.
    ///
    /// ```swift
    /// let permit = try breaker.acquirePermit()
    /// do {
    ///     let response = try await connection.send(request)
    ///     permit.succeed()
    /// } catch {
    ///     permit.fail(error)
    /// }
    /// ```
    ///
    /// - Returns: A permit to be ended with the call's outcome.
    /// - Throws: ``OpenError`` if the call may not go through.
    public func acquirePermit() throws(OpenError) -> Permit {
        Permit(breaker: self, admission: try admit(rootContext))
    }

    /// The breaker's leave to make one call.
    ///
    /// Ended once, with the outcome: the compiler sees to it that it is not ended twice. A permit that is dropped counts
    /// as cancelled, and a probe's place is free again.
    public struct Permit: ~Copyable, Sendable {
        private let breaker: CircuitBreaker
        private let admission: Admission
        private var isEnded = false

        init(breaker: CircuitBreaker, admission: Admission) {
            self.breaker = breaker
            self.admission = admission
        }

        deinit {
            if !isEnded { breaker.record(.cancelled, admission, nil) }
        }

        /// The call succeeded.
        public consuming func succeed() {
            complete(as: .success)
        }

        /// The call failed; the breaker's classifier judges the error.
        public consuming func fail(_ error: any Error) {
            isEnded = true
            breaker.failed(admission, error, nil)
        }

        /// The call ended with an outcome that the caller has judged.
        public consuming func complete(as outcome: Outcome) {
            isEnded = true
            breaker.record(outcome, admission, nil)
        }
    }
}
