internal import ResilienceCore

/// Calls that wait, by priority and, within one, in the order in which they came.
///
/// A doubly linked list for each priority, in slots that are reused: adding, taking either end and removing from the
/// middle do not depend on how many wait. A pure value.
struct WaitLine<Element: Sendable>: Sendable {
    /// Names an element. Stays unequal to those of later elements in the same slot.
    struct ID: Sendable, Hashable {
        fileprivate let slot: Int
        let sequence: UInt64
    }

    /// Where an element stands among all that wait, in this line and in others.
    struct Rank: Sendable, Hashable {
        let priority: Bulkhead.Priority
        let sequence: UInt64
    }

    private struct Slot: Sendable {
        var element: Element?
        var sequence: UInt64 = 0
        var priority = Bulkhead.Priority.normal
        var previous: Int?
        var next: Int?
    }

    private struct Level: Sendable {
        let priority: Bulkhead.Priority
        var oldest: Int
        var newest: Int
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    /// Only those that a call waits in, the highest priority first.
    private var levels: [Level] = []

    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// Adds an element at the new end of its priority. Sequence numbers grow.
    mutating func append(_ element: Element, _ rank: Rank) -> ID {
        let index = free.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        slots[index] = Slot(element: element, sequence: rank.sequence, priority: rank.priority)
        let position = levels.firstIndex { $0.priority <= rank.priority } ?? levels.count
        if position < levels.count, levels[position].priority == rank.priority {
            let previous = levels[position].newest
            slots[index].previous = previous
            slots[previous].next = index
            levels[position].newest = index
        } else {
            levels.insert(Level(priority: rank.priority, oldest: index, newest: index), at: position)
        }
        count += 1
        return ID(slot: index, sequence: rank.sequence)
    }

    /// Removes an element; `nil` if it does not wait any more.
    mutating func remove(_ id: ID) -> Element? {
        guard slots[id.slot].sequence == id.sequence, let element = slots[id.slot].element else { return nil }
        let slot = slots[id.slot]
        if let previous = slot.previous { slots[previous].next = slot.next }
        if let next = slot.next { slots[next].previous = slot.previous }
        if let level = levels.firstIndex(where: { $0.priority == slot.priority }) {
            switch (slot.previous, slot.next) {
            case (nil, nil): levels.remove(at: level)
            case (let previous?, nil): levels[level].newest = previous
            case (nil, let next?): levels[level].oldest = next
            case (_?, _?): break
            }
        }
        // What a late reader of the slot finds is nothing, until the slot is used again.
        slots[id.slot] = Slot()
        free.append(id.slot)
        count -= 1
        return element
    }

    /// An element that waits still.
    subscript(id: ID) -> Element? { slots[id.slot].sequence == id.sequence ? slots[id.slot].element : nil }

    /// Changes an element where it stands.
    mutating func update(_ id: ID, _ change: (inout Element) -> Void) {
        guard slots[id.slot].sequence == id.sequence, var element = slots[id.slot].element else { return }
        change(&element)
        slots[id.slot].element = element
    }

    /// The call that is served first: the highest priority, and of that the oldest or the newest.
    func first(_ order: Bulkhead.Order) -> (ID, Rank)? {
        levels.first.map { named(order == .oldestFirst ? $0.oldest : $0.newest) }
    }

    /// The call that is served first of those that a condition is true for. Looks at all before it.
    func first(_ order: Bulkhead.Order, where isMatch: (Element) -> Bool) -> (ID, Rank)? {
        for level in levels {
            var index: Int? = order == .oldestFirst ? level.oldest : level.newest
            while let present = index {
                if let element = slots[present].element, isMatch(element) { return named(present) }
                index = order == .oldestFirst ? slots[present].next : slots[present].previous
            }
        }
        return nil
    }

    /// The call that is served last.
    func last(_ order: Bulkhead.Order) -> (ID, Rank)? {
        levels.last.map { named(order == .oldestFirst ? $0.newest : $0.oldest) }
    }

    /// The oldest element of each priority.
    var oldest: [Element] { levels.compactMap { slots[$0.oldest].element } }

    private func named(_ index: Int) -> (ID, Rank) {
        let slot = slots[index]
        return (ID(slot: index, sequence: slot.sequence), Rank(priority: slot.priority, sequence: slot.sequence))
    }
}
