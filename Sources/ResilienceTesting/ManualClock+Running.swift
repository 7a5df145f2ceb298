extension ManualClock {
    /// Lets time pass: moves the clock forward, and runs whatever becomes ready on the way.
    ///
    /// The clock stops at every moment for which a task sleeps or a timer is set, also at those set on the way, and
    /// goes on when every task of the executor waits. So what would happen in that time happens, in order, and each
    /// sees the time at which it would:
    ///
    /// ```swift
    /// Task(executorPreference: executor) { try await poller.run() }  // every second
    /// clock.advance(by: .seconds(60), running: executor)             // it has polled sixty times
    /// ```
    ///
    /// What is ready before and at the end runs too; a duration of zero or less does nothing else. Tasks on other
    /// executors may sleep on the clock, but are not waited for.
    public func advance(by duration: Duration, running executor: SteppingExecutor) {
        advance(to: now.advanced(by: duration), running: executor)
    }

    /// Lets time pass until an instant, running whatever becomes ready on the way.
    ///
    /// Otherwise the same as ``advance(by:running:)``. With an instant that has passed nothing but what is ready runs.
    public func advance(to instant: Instant, running executor: SteppingExecutor) {
        executor.drain()
        while let next = nextDeadline, next <= instant {
            advance(to: next)
            executor.drain()
        }
        advance(to: instant)
        executor.drain()
    }

    /// Lets time pass until a condition holds, running whatever becomes ready on the way.
    ///
    /// The condition is asked whenever nothing is ready. It ends also when nothing sleeps or is set on the clock, so
    /// look whether the condition holds. Something that is due again and again, with a condition that never holds, has
    /// no end.
    ///
    /// - Parameters:
    ///   - condition: Whether enough time has passed.
    ///   - executor: What runs the tasks.
    /// - Returns: How long the clock stood still each time: from one deadline to the next.
    @discardableResult
    public func advance(until condition: () throws -> Bool, running executor: SteppingExecutor) rethrows -> [Duration] {
        var waits: [Duration] = []
        executor.drain()
        while try !condition() {
            let before = now
            guard let next = advanceToNextDeadline() else { break }
            waits.append(before.duration(to: next))
            executor.drain()
        }
        return waits
    }
}
