/// A clock that fires timers by itself: that of a simulation, which is moved from outside.
///
/// Limits, the ends of breaks and the longest waits in a queue are timers. On an ordinary clock a task of this library
/// sleeps for all of them, on the global executor. On a clock that conforms to this protocol there is no such task: the
/// code that moves the clock runs what is due. A simulation on one executor is deterministic then, and nothing of the
/// library runs anywhere else.
///
/// `ManualClock` conforms. For a clock of your own:
///
/// - Call each action once, as soon as `now` has come to the timer's instant: synchronously, by the code that moves the
///   clock, and in the order of the instants; where these are equal, in the order in which the timers were set.
/// - While an action runs, `now` shows its timer's instant or a later one. It never goes back.
/// - Hold no lock while you call an action: it may read the clock, set timers and cancel them.
/// - A timer for an instant that has come already fires at once, before or soon after `schedule` returns.
///
/// What sleeps on the clock, a retry between two attempts for example, goes through `sleep(until:tolerance:)` as on any
/// clock, and runs on where its task runs.
public protocol TimerClock: Clock<Duration> {
    /// Sets a timer.
    ///
    /// - Parameters:
    ///   - instant: When it fires.
    ///   - action: What it does. Returns quickly and does not block.
    /// - Returns: The timer, to be cancelled if it is not needed any more.
    func schedule(at instant: Instant, _ action: @escaping @Sendable () -> Void) -> any ScheduledTimer
}

/// A timer that has been set on a ``TimerClock``.
public protocol ScheduledTimer: Sendable {
    /// Sees to it that the timer does not fire any more, and releases its action. Does nothing for one that has fired
    /// or is just firing, or that has been cancelled. May be called from any thread, also from within an action.
    func cancel()
}
