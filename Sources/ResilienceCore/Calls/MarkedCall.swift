internal import Synchronization

/// A call that a strategy has marked, so that calls through the same strategy within it are known as parts of it: a
/// breaker's probe, and the holder of a bulkhead's slot.
///
/// A task-local value: every task that the call begins inherits it, and may keep it longer than the call runs. Calls
/// that are over are therefore passed over, and let go of. Marking costs an allocation, so that strategies mark only
/// the calls of which it may matter.
package final class MarkedCall: Sendable {
    /// The innermost call that the current task is within or was begun by.
    @TaskLocal private static var innermost: MarkedCall?

    /// Alive while the call runs, so that no other is at its address as long as that counts.
    private let strategy: ObjectIdentifier
    private let mark: UInt64
    private let background = Background.current
    private let isOver = Atomic(false)
    private let outer: OuterCall<MarkedCall>

    private init(_ strategy: any Strategy & AnyObject, _ mark: UInt64) {
        self.strategy = ObjectIdentifier(strategy)
        self.mark = mark
        outer = OuterCall(Self.current)
    }

    /// The innermost call that runs; none for what a call has begun in the background.
    package static var current: MarkedCall? {
        guard let innermost, innermost.background === Background.current else { return nil }
        return innermost.running
    }

    /// This call or, where it is over, the next one around it that is not.
    private var running: MarkedCall? {
        var call: MarkedCall? = self
        while let present = call, present.isOver.load(ordering: .relaxed) { call = present.outer.call }
        return call
    }

    /// The marks of a strategy's calls that the current task is within, innermost first.
    package static func marks(of strategy: any Strategy & AnyObject) -> [UInt64] {
        var marks: [UInt64] = []
        var call = current
        while let present = call {
            if present.strategy == ObjectIdentifier(strategy) { marks.append(present.mark) }
            call = present.outer.call?.running
        }
        return marks
    }

    /// Runs the rest of a call with a mark.
    ///
    /// - Parameter isolation: The caller's: `#isolation`.
    /// - Returns: What it throws.
    package static func run(
        _ isolation: isolated (any Actor)?, _ strategy: any Strategy & AnyObject, _ mark: UInt64, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async -> (any Error)? {
        let call = MarkedCall(strategy, mark)
        let error = await $innermost.binding(call, isolation) { try await next(context) }
        call.end()
        return error
    }

    private func end() {
        isOver.store(true, ordering: .relaxed)
        outer.shorten { $0.running }
    }
}

/// The call around a call, for a task-local chain of calls.
///
/// When the inner call ends, the chain is shortened by the calls around it that have ended before: otherwise a task
/// which calls, and begins from within that call the task that calls next, would string together all the calls that
/// there ever were.
struct OuterCall<Call: AnyObject & Sendable>: ~Copyable, Sendable {
    private let link: Lock<Call?>
    /// Whether there ever was one.
    private let exists: Bool

    init(_ call: Call?) {
        link = Lock(call)
        exists = call != nil
    }

    var call: Call? { exists ? link.withLock { $0 } : nil }

    /// Lets go of calls that have ended.
    ///
    /// - Parameter nearest: Finds, from a call outwards, the first that has not; asked outside the lock.
    func shorten(to nearest: (Call) -> Call?) {
        guard let call else { return }
        let remaining = nearest(call)
        guard remaining !== call else { return }
        // The old one is released outside the lock: it may be the last reference to a whole chain.
        link.replace(with: remaining)
    }
}
