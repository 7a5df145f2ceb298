import ResilienceCore

/// Makes calls of which each begins, within itself, the task that makes the next, and ends once that is in: so that
/// what a task inherits of the call that began it must not hold the calls before. Returns once all have ended.
///
/// - Parameters:
///   - count: How many calls.
///   - call: Makes a call with this operation.
public func stringOfCalls(
    _ count: Int,
    _ call: @escaping @Sendable (_ operation: @escaping @Sendable () async throws -> Void) async throws -> Void
) async throws {
    let done = Waiter<Void>()
    @Sendable func begin(_ number: Int, _ isIn: Waiter<Void>, after before: Waiter<Void>?) {
        Task {
            let ended = Waiter<Void>()
            do {
                try await call {
                    isIn.finish()
                    // However the tasks take turns, no more than two calls are in at once.
                    try await before?.value()
                    guard number < count else { return }
                    let next = Waiter<Void>()
                    begin(number + 1, next, after: ended)
                    try await next.value()
                }
                ended.finish()
                if number == count { done.finish() }
            } catch {
                done.finish(with: .failure(error))
            }
        }
    }
    begin(1, Waiter(), after: nil)
    try await done.value()
}

/// How many of the noted objects were alive at once, at any moment at which another was noted.
public final class WeakObjects: Sendable {
    private struct Reference {
        weak var object: (any AnyObject & Sendable)?
    }

    private let state = Lock<(references: [Reference], mostAlive: Int)>(([], 0))

    /// None yet.
    public init() {}

    /// The number.
    public var mostAlive: Int { state.withLock { $0.mostAlive } }

    /// Notes an object, if there is one.
    public func note(_ object: (any AnyObject & Sendable)?) {
        state.withLock { state in
            state.references.removeAll { $0.object == nil }
            if let object { state.references.append(Reference(object: object)) }
            state.mostAlive = max(state.mostAlive, state.references.count)
        }
    }
}
