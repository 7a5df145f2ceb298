internal import ResilienceCore

/// The slot that a call holds, so that what runs within the call knows it.
///
/// Only calls of a bulkhead whose queue has no longest wait are marked with one: there, a call within a call would wait
/// forever for the slot that is held for it. Marking costs an allocation and two locks, which the others are spared.
final class HeldSlot: Sendable {
    /// Of the calls that the current task is within, the innermost that is marked. Child tasks inherit it, and so does
    /// an unstructured task, which may outlive the call.
    @TaskLocal static var innermost: HeldSlot?

    private struct State {
        /// Let go when the call ends, so that tasks that start one another do not keep each other's.
        var outer: HeldSlot?
        var hasEnded = false
    }

    private let bulkhead: ObjectIdentifier
    private let number: Int32
    private let background = Background.current
    private let state: Lock<State>

    init(_ bulkhead: Bulkhead, _ number: Int32, within outer: HeldSlot?) {
        self.bulkhead = ObjectIdentifier(bulkhead)
        self.number = number
        state = Lock(State(outer: outer))
    }

    /// The innermost call; none for what a call has begun in the background.
    static var current: HeldSlot? {
        guard let innermost, innermost.background === Background.current else { return nil }
        return innermost
    }

    /// The call of a bulkhead that the current task is within: of several, the innermost.
    static func number(in bulkhead: Bulkhead) -> Int32? {
        var held = current
        while let present = held {
            let (outer, hasEnded) = present.state.withLock { ($0.outer, $0.hasEnded) }
            if !hasEnded, present.bulkhead == ObjectIdentifier(bulkhead) { return present.number }
            held = outer
        }
        return nil
    }

    func end() {
        let outer = state.withLock { state in
            defer { state = State(outer: nil, hasEnded: true) }
            return state.outer
        }
        _ = outer  // Released outside the lock.
    }
}
