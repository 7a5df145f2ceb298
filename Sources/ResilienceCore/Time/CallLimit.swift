internal import Synchronization

/// The limit of a call that runs, and the task that it runs in.
///
/// A task-local value while the call runs: whatever is called within it knows until when it has to be over, also a
/// policy that is not handed the context of the one around it. Read only where a deadline is asked for, so that calls
/// which do not wait, fail or nest pay nothing for it.
package final class CallLimit: @unchecked Sendable {  // What changes is guarded by the lane's lock, or atomic.
    /// The innermost limit that the current task is within, also one that is over.
    @TaskLocal private static var innermost: CallLimit?

    /// When the call has to be over.
    let deadline: TimeSource.Instant
    let time: TimeSource
    /// The limit around this one.
    private let outer: OuterCall<CallLimit>
    /// What the call carried when it came to the limit, for calls inside that are not handed its context.
    private let extras: ContextExtras?
    private let isOver = Atomic(false)

    /// The child, while it runs under a lane.
    var child: Task<Void, Never>?
    /// The child's place in the lane.
    var place: DeadlineLane.Place?
    /// How the child ended. Written by the child, and read by its caller afterwards.
    var childEnd = ChildEnd(error: nil, isExpired: false)
    /// Whether the caller's task has been cancelled.
    var isCancelledByCaller = false

    package init(_ deadline: TimeSource.Instant, on time: TimeSource, of context: Context? = nil) {
        self.deadline = deadline
        self.time = time
        extras = context?.extras
        outer = OuterCall(Self.current)
    }

    /// The innermost limit in force around the current task.
    package static var current: CallLimit? { innermost?.inForce }

    /// This limit or, where it is over, the next one around it that is not: a task that was left behind by a call is
    /// not bound by the call's limit any more.
    private var inForce: CallLimit? {
        isOver.load(ordering: .relaxed) ? outer.call?.inForce : self
    }

    /// The call has ended. Relaxed: a task that asks at this very moment may be told either.
    package func end() {
        isOver.store(true, ordering: .relaxed)
        outer.shorten { $0.inForce }
    }

    /// Makes a task that runs within this limit.
    ///
    /// Synchronous: a value that is set around the call itself would cost its closure the caller's actor.
    package func around<Child>(_ makeTask: () -> Child) -> Child {
        Self.$innermost.withValue(self, operation: makeTask)
    }

    fileprivate static func withoutLimit<Result>(_ body: () throws -> Result) rethrows -> Result {
        try $innermost.withValue(nil, operation: body)
    }

    /// The earliest deadline of this limit and of those around it, on a time source.
    func earliest(on source: TimeSource) -> TimeSource.Instant {
        let own = source == time ? deadline : source.now.advanced(by: time.now.duration(to: deadline))
        guard let outer = outer.call?.inForce else { return own }
        return min(own, outer.earliest(on: source))
    }

    /// Whether the calls around the current task carried something, as far as a limit tells.
    static func carries(_ identity: ObjectIdentifier) -> Bool {
        var limit = current
        while let present = limit {
            if present.extras?.values[identity] != nil { return true }
            limit = present.outer.call?.inForce
        }
        return false
    }

    /// Whether the deadline of this limit, or of one around it, has passed. Each is asked of its own clock.
    var isPast: Bool { time.now >= deadline || outer.call?.inForce?.isPast == true }
}

/// Runs a body as if no call were around it: what it begins serves others too, or outlives the call, and is not bound
/// by its deadline.
package func withoutOuterDeadline<Result>(_ body: () throws -> Result) rethrows -> Result {
    try CallLimit.withoutLimit(body)
}

/// What is begun within a call and is no part of it, such as the refresh of a value: nothing in the call waits for it.
///
/// What a layer marks a call with, for what runs within it, is compared by this: the probe's place and the bulkhead's
/// slot of the call around are not for what runs in the background, although a task inherits the marks.
package final class Background: Sendable {
    /// That of the current task; `nil` outside of all.
    @TaskLocal package static var current: Background?

    private init() {}

    /// Runs a body as if no call were around it: neither deadline, probe nor slot. Other task-local values stay.
    package static func begin<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withoutOuterDeadline { try $current.withValue(Background(), operation: body) }
    }
}
