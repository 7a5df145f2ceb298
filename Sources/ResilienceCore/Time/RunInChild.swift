/// How a call in a child task ended.
package struct ChildEnd: Sendable {
    /// `nil` if the call returned.
    package let error: (any Error)?
    /// Whether the deadline had passed by then.
    package let isExpired: Bool
}

/// Carries the rest of a call, which is not `Sendable`, into the one task that runs it.
///
/// Sound because the caller, whose closure it is, is suspended for as long as that task runs. Not generic, because the
/// closure would be called through two more thunks then.
private struct RestOfCall: @unchecked Sendable {
    let next: nonisolated(nonsending) (Context) async throws -> Void
    let context: Context
}

/// Runs `next` in a child task on the caller's actor, and cancels that task at the deadline, or when the caller is.
///
/// The engine behind every cooperative limit, in one place, so that it can give way to the language's own deadline once
/// there is one.
@inline(never)
package func runInChild(
    _ isolation: isolated (any Actor)?, _ lane: DeadlineLane, _ context: Context, _ deadline: TimeSource.Instant,
    _ next: nonisolated(nonsending) (Context) async throws -> Void
) async -> ChildEnd {
    await withoutActuallyEscaping(next) { next in
        let rest = RestOfCall(next: next, context: context)
        let call = CallLimit(deadline, on: lane.time, of: context)
        // The handler is there before the child, which may run long before it suspends for the first time.
        await withTaskCancellationHandler {
            await makeChild(isolation, lane, call, rest).value
        } onCancel: {
            lane.cancel(call)
        }
        return call.childEnd
    }
}

/// Makes the child, which runs until it suspends for the first time where the system allows that.
///
/// Synchronous, so that making it takes no hop to the caller's actor.
private func makeChild(
    _ isolation: isolated (any Actor)?, _ lane: DeadlineLane, _ call: CallLimit, _ rest: RestOfCall
) -> Task<Void, Never> {
    // A task of its own does not inherit the preference.
    let executor = preferredExecutor
    guard #available(macOS 26, iOS 26, watchOS 26, tvOS 26, visionOS 26, *) else {
        let child = call.around {
            Task(executorPreference: executor) {
                _ = isolation
                await runUntilDeadline(lane, call, rest)
            }
        }
        lane.keep(child, of: call)
        return child
    }
    guard executor == nil else {
        return call.around {
            Task.immediate(executorPreference: executor) {
                _ = isolation
                await runUntilDeadline(lane, call, rest)
            }
        }
    }
    return call.around { makeChildWithoutPreference(isolation, lane, call, rest) }
}

/// Makes a child about whose executor nothing is written into the task. A preference, also one for none, is looked up
/// at each hop of the child and of whatever runs in it, under a lock: some 200 instructions each.
///
/// The optimiser leaves it out where it sees that there is none: in a function of its own, and in a loop, of one round,
/// because it takes apart what stands in one. The baselines of instructions tell whether it still does.
@available(macOS 26, iOS 26, watchOS 26, tvOS 26, visionOS 26, *)
@inline(never)
private func makeChildWithoutPreference(
    _ isolation: isolated (any Actor)?, _ lane: DeadlineLane, _ call: CallLimit, _ rest: RestOfCall
) -> Task<Void, Never> {
    var child: Task<Void, Never>?
    while child == nil {
        child = Task.immediate {
            _ = isolation
            await runUntilDeadline(lane, call, rest)
        }
    }
    return child.unsafelyUnwrapped
}

/// The child: registers itself, runs the operation on the caller's actor, takes itself off the list.
///
/// Keeps the error instead of throwing it: an error thrown across this hop would leave the caller's actor.
@inline(__always)
private nonisolated(nonsending) func runUntilDeadline(
    _ lane: DeadlineLane, _ call: CallLimit, _ rest: RestOfCall
) async {
    // Registered before the operation begins, so that one that computes without ever suspending is cancelled too.
    lane.begin(call, in: currentChild())
    do {
        try await rest.next(rest.context)
        lane.end(call, nil)
    } catch {
        lane.end(call, error)
    }
}

/// The executor that the current task prefers, for a task that is begun for it.
package var preferredExecutor: (any TaskExecutor)? {
    withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
}

/// The current task, which is one that `runInChild` has made, by a counted reference.
///
/// Its maker gets the handle only once the child has suspended for the first time, which is too late to cancel an
/// operation that computes; and the standard library makes no handle of a current task. Why the cast is sound:
///
/// 1. Each of the types is a structure of one stored property, a native reference to the task, and `nil` is the null
///    reference in both. `Task` is frozen so; the other has been so in every release. Were that to change,
///    `unsafeBitCast` stops where the sizes differ, and where they do not, CallingTaskTests fail, which run with freed
///    memory filled.
/// 2. The result is a copy like any other: it is retained here, within the closure, and released by the code that lets
///    go of it. The current task's own reference, which must not leave the closure, does not.
/// 3. Counting keeps a task alive that was made with `Task`, as the child was in both branches of `runInChild`; it is
///    this task that runs here, because nothing between makes another. It would not keep one made by `async let`, whose
///    storage is its parent's: so this is not for every current task.
/// 4. The code that cancels holds a counted copy, taken under the lane's lock, and cancelling a task that has ended
///    does nothing.
@inline(never)
private func currentChild() -> Task<Void, Never>? {
    withUnsafeCurrentTask { unsafeBitCast($0, to: Task<Void, Never>?.self) }
}
