/// The one timer of something that waits for its earliest deadline: which is set, and what has to be done about it.
///
/// A pure value that its owner keeps behind its lock. A clock may fire a timer at once, so timers are set and cancelled
/// outside the lock: the owner claims a number under it (``claim(at:)``), schedules outside, hands the timer in
/// (``keep(_:_:)``), and cancels what that returns. A timer that fires asks ``fire(_:)`` whether it is still the one.
///
/// Owners keep it beside the state that has the deadlines, behind the same lock, so that both change together; so each
/// schedules for itself. One that has no such lock uses a slot behind one of its own, as `WaitTimer` of bulkheads does.
package struct TimerSlot: Sendable {
    /// When the timer that is set fires; `nil` if none is.
    package private(set) var deadline: TimeSource.Instant?

    private var timer: (any ScheduledTimer)?
    /// Tells the timer that is set from one that was replaced before it was known here.
    private var number: UInt64 = 0

    package init() {}

    /// The number of a timer to be set for a deadline; `nil` if one is set that fires by then, and asks again.
    package mutating func claim(at deadline: TimeSource.Instant) -> UInt64? {
        if let present = self.deadline, present <= deadline { return nil }
        self.deadline = deadline
        number &+= 1
        return number
    }

    /// What is to be done so that the timer fires at exactly a deadline, or so that none is set.
    package typealias Change = (
        old: (any ScheduledTimer)?, new: (deadline: TimeSource.Instant, number: UInt64)?
    )

    /// Wants a timer for exactly this deadline, or none.
    ///
    /// - Returns: The timer to be cancelled, and the deadline and number of the one to be set and handed in; `nil` if
    ///   nothing is to be done.
    package mutating func change(to deadline: TimeSource.Instant?) -> Change? {
        guard deadline != self.deadline else { return nil }
        let old = clear()
        return (old, deadline.flatMap { deadline in claim(at: deadline).map { (deadline, $0) } })
    }

    /// What has to be done about the timer, outside the lock.
    package struct Action: Sendable {
        package var cancelled: (any ScheduledTimer)?
        package var next: (number: UInt64, deadline: TimeSource.Instant)?
    }

    /// Wants a timer that fires by a deadline, or none. One that fires too early stays, and is set again then.
    package mutating func action(for deadline: TimeSource.Instant?) -> Action {
        guard let deadline else { return Action(cancelled: clear()) }
        // What never comes needs none.
        guard deadline.nanoseconds < .max, let number = claim(at: deadline) else { return Action() }
        return Action(next: (number, deadline))
    }

    /// Takes the timer that was set for a number.
    ///
    /// - Returns: The timer that is not needed any more, to be cancelled: the one before, or this one if it was
    ///   replaced, cleared or fired before it was handed in.
    package mutating func keep(_ new: any ScheduledTimer, _ number: UInt64) -> (any ScheduledTimer)? {
        guard self.number == number, deadline != nil else { return new }
        defer { timer = new }
        return timer
    }

    /// Whether a timer that fires is the one that is set. If so, none is from now on.
    package mutating func fire(_ number: UInt64) -> Bool {
        guard self.number == number, deadline != nil else { return false }
        timer = nil
        deadline = nil
        return true
    }

    /// Sees to it that no timer is set.
    ///
    /// - Returns: The timer that was, to be cancelled.
    package mutating func clear() -> (any ScheduledTimer)? {
        defer { timer = nil }
        // Without it no number is kept or fires, and the next claim has another.
        deadline = nil
        return timer
    }
}
