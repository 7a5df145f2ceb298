public import ResilienceCore

/// Calls without `execute`.
extension AdaptiveThrottle {
    /// Asks whether a call may go through, for work that does not fit into a closure.
    ///
    /// ```swift
    /// let permit = try throttle.tryAcquirePermit()
    /// do {
    ///     let response = try await connection.send(request)
    ///     permit.succeed()
    /// } catch {
    ///     permit.fail(error)
    /// }
    /// ```
    ///
    /// - Parameter context: The context of the call that the permit is for, if there is one: its deadline and its rules
    ///   for values are then looked at, as `execute` does. Default: ``rootContext``.
    /// - Returns: A permit to be ended with the call's outcome.
    /// - Throws: ``RejectedError`` if the call is rejected.
    public func tryAcquirePermit(in context: Context? = nil) throws(RejectedError) -> Permit {
        Permit(throttle: self, start: try admit(), context: context ?? rootContext)
    }

    /// A throttle's permission for one call.
    ///
    /// Ended once, with the outcome: the compiler sees to it that it is not ended twice. A permit that is dropped
    /// counts as cancelled.
    public struct Permit: ~Copyable, Sendable {
        private let throttle: AdaptiveThrottle
        private let start: TimeSource.Instant
        private let context: Context
        private var isEnded = false

        init(throttle: AdaptiveThrottle, start: TimeSource.Instant, context: Context) {
            self.throttle = throttle
            self.start = start
            self.context = context
        }

        deinit {
            if !isEnded { throttle.record(.cancelled, start) }
        }

        /// The service accepted the call.
        ///
        /// - Returns: Whether that is in the window: in the part in which the call began or, if that is more than half
        ///   of the window ago, in that in which it ended.
        @discardableResult
        public consuming func succeed() -> Bool {
            complete(as: .accepted)
        }

        /// The call returned a value; one that is not accepted, here or by the rules of the context, was refused.
        ///
        /// - Returns: Whether that is in the window.
        @discardableResult
        public consuming func succeed<Value>(
            with value: Value, accepting isAccepted: (Value) -> Bool = { _ in true }
        ) -> Bool {
            if let error = UnacceptedResultError.ofPermit(value, in: context, accepting: isAccepted) {
                defer { UnacceptedResultError.letGo(of: error) }
                return fail(error)
            }
            return complete(as: .accepted)
        }

        /// The call failed, and is judged as in `execute`.
        ///
        /// - Returns: Whether that is in the window; `false` also for what the window does not count.
        @discardableResult
        public consuming func fail(_ error: any Error) -> Bool {
            isEnded = true
            throttle.forgetOldParts()
            return throttle.failed(start, error, context)
        }

        /// The call ended with an outcome that the caller has judged.
        ///
        /// - Returns: Whether that is in the window; `false` also for what the window does not count.
        @discardableResult
        public consuming func complete(as outcome: Outcome) -> Bool {
            isEnded = true
            throttle.forgetOldParts()
            return throttle.record(outcome, start)
        }
    }
}
