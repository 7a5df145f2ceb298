/// How a call in a child task ended.
package struct ChildEnd: Sendable {
    /// `nil` if the call returned.
    package let error: (any Error)?
    /// Whether the deadline had passed by then, and the child been cancelled for that.
    package let isExpired: Bool
}

/// Carries a closure that is not `Sendable` into the one task that runs it.
///
/// Sound because the caller, whose closure it is, is suspended for as long as that task runs.
struct Transfer<Value>: @unchecked Sendable {
    let value: Value
}

/// Runs `next` in a child task on the caller's actor, and cancels that task at the deadline.
///
/// The engine behind every cooperative limit, in one place, so that it can give way to the language's own deadline once
/// there is one.
package func runInChild(
    _ isolation: isolated (any Actor)?, _ lane: DeadlineLane, _ context: Context, _ deadline: TimeSource.Instant,
    _ next: nonisolated(nonsending) (Context) async throws -> Void
) async -> ChildEnd {
    await withoutActuallyEscaping(next) { next in
        let next = Transfer(value: next)
        // An immediate task would lose the caller's executor preference; a child of a group keeps it.
        if #available(macOS 26, iOS 26, watchOS 26, tvOS 26, visionOS 26, *), !hasExecutorPreference {
            let task = Task.immediate {
                await runUntilDeadline(isolation, lane, context, deadline, next)
            }
            return await withTaskCancellationHandler {
                await task.value
            } onCancel: {
                task.cancel()
            }
        }
        return await withTaskGroup(of: ChildEnd.self) { group in
            group.addTask { await runUntilDeadline(isolation, lane, context, deadline, next) }
            return await group.next() ?? ChildEnd(error: CancellationError(), isExpired: false)
        }
    }
}

private var hasExecutorPreference: Bool {
    guard #available(macOS 15, iOS 18, watchOS 11, tvOS 18, visionOS 2, *) else { return false }
    return withUnsafeCurrentTask { $0?.unownedTaskExecutor != nil }
}

/// The child: registers itself, runs the operation on the caller's actor, takes itself off the list.
///
/// Returns the error instead of throwing it: an error thrown across this hop would leave the caller's actor. Swift 6.3
/// drops the hop to an isolated parameter's actor where the first thing that a function does is to await a closure; the
/// registration is an opaque call before it.
@inline(never)
private func runUntilDeadline(
    _ isolation: isolated (any Actor)?, _ lane: DeadlineLane, _ context: Context, _ deadline: TimeSource.Instant,
    _ next: Transfer<nonisolated(nonsending) (Context) async throws -> Void>
) async -> ChildEnd {
    // Registered before the operation begins, so that one that computes without ever suspending is cancelled too.
    let registration = lane.insertCurrentTask(deadline)
    do {
        try await next.value(context)
        return ChildEnd(error: nil, isExpired: lane.remove(registration))
    } catch {
        return ChildEnd(error: error, isExpired: lane.remove(registration))
    }
}
