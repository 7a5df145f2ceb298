public import ResilienceCore

extension CircuitBreaker {
    /// Asks the breaker whether a call may go through, for work that does not fit into a closure.
    ///
    /// ```swift
    /// let permit = try breaker.tryAcquirePermit()
    /// do {
    ///     let response = try await connection.send(request)
    ///     permit.succeed(with: response) { $0.status < 500 }
    /// } catch {
    ///     permit.fail(error)
    /// }
    /// ```
    ///
    /// Calls made while it is held are others: a half-open breaker without a further place for a probe rejects them at
    /// once, until the permit is ended or its probe has been out for as long as it may.
    ///
    /// - Parameter context: The context of the call that the permit is for, if there is one: its deadline and its rules
    ///   for values are then looked at, as `execute` does. Default: ``rootContext``.
    /// - Returns: A permit to be ended with the call's outcome.
    /// - Throws: ``OpenError`` if the call may not go through.
    public func tryAcquirePermit(in context: Context? = nil) throws(OpenError) -> Permit {
        let context = context ?? rootContext
        return Permit(breaker: self, admission: try admit(context), context: context)
    }

    /// A breaker's permission for one call.
    ///
    /// Ended once, with the outcome: the compiler sees to it that it is not ended twice. A permit that is dropped
    /// counts as cancelled, and a probe's place is free again. The call is judged as `execute` judges one, its duration
    /// included.
    ///
    /// Each way to end it tells whether the result came in time. If it is late, because the breaker has changed its
    /// state since or has given the probe up, only the totals count it.
    public struct Permit: ~Copyable, Sendable {
        private let breaker: CircuitBreaker
        private let admission: Admission
        private let context: Context
        private var isEnded = false

        init(breaker: CircuitBreaker, admission: Admission, context: Context) {
            self.breaker = breaker
            self.admission = admission
            self.context = context
        }

        deinit {
            if !isEnded { breaker.record(.cancelled, admission, nil) }
        }

        /// The call succeeded.
        ///
        /// - Returns: Whether the result came in time to count.
        @discardableResult
        public consuming func succeed() -> Bool {
            complete(as: .success)
        }

        /// The call returned a value: a success if it is accepted, also by the rules of the context, and otherwise a
        /// failure, whose value functions for the length of a break and conditions on errors see.
        ///
        /// - Returns: Whether the result came in time to count.
        @discardableResult
        public consuming func succeed<Value>(
            with value: Value, accepting isAccepted: (Value) -> Bool = { _ in true }
        ) -> Bool {
            if let error = UnacceptedResultError.ofPermit(value, in: context, accepting: isAccepted) {
                defer { UnacceptedResultError.letGo(of: error) }
                return fail(error)
            }
            return complete(as: .success)
        }

        /// The call failed; judged as in `execute`.
        ///
        /// - Returns: Whether the result came in time to count.
        @discardableResult
        public consuming func fail(_ error: any Error) -> Bool {
            isEnded = true
            return breaker.recordError(error, admission, context)
        }

        /// The call ended with an outcome that the caller has judged.
        ///
        /// - Returns: Whether the result came in time to count.
        @discardableResult
        public consuming func complete(as outcome: Outcome) -> Bool {
            isEnded = true
            if outcome == .success, breaker.countedAtOnce(admission) { return true }
            return breaker.record(outcome, admission, nil)
        }
    }
}
