import ResilienceCore

/// A count that tasks can wait for. The caller of a change ends the waits that it returns, outside the lock.
struct AwaitedCount {
    private(set) var count = 0
    private var waiting: [(threshold: Int, waiter: Waiter<Void>)] = []

    /// Adds one; returns the waits that this ends.
    mutating func increment() -> [Waiter<Void>] {
        count += 1
        guard !waiting.isEmpty else { return [] }
        let arrived = waiting.filter { $0.threshold <= count }.map(\.waiter)
        waiting.removeAll { $0.threshold <= count }
        return arrived
    }

    mutating func decrement() { count -= 1 }

    mutating func reset() { count = 0 }

    /// What ends when the count reaches a threshold; `nil` if it has.
    mutating func waiter(for threshold: Int) -> Waiter<Void>? {
        guard count < threshold else { return nil }
        let waiter = Waiter<Void>()
        waiting.append((threshold, waiter))
        return waiter
    }

    /// Takes back a wait; whether it had not ended.
    mutating func forget(_ waiter: Waiter<Void>) -> Bool {
        guard let index = waiting.firstIndex(where: { $0.waiter === waiter }) else { return false }
        waiting.remove(at: index)
        return true
    }
}
