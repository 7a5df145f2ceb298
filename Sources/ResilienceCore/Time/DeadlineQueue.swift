/// Elements by deadline, the earliest first; where deadlines are equal, in the order of insertion.
///
/// A heap of slots, in which each entry has four below it: half as deep as with two, and those four lie together in
/// memory. An element knows where it stands, so that it is removed in logarithmic time; slots are reused, so that
/// memory grows with the elements that wait at once, not with those that ever did. A pure value.
@usableFromInline
package struct DeadlineQueue<Deadline: Comparable, Element> {
    /// Names an element. Stays unequal to those of later elements in the same slot.
    @usableFromInline
    package struct ID: Sendable, Hashable {
        @usableFromInline let slot: Int
        @usableFromInline let sequence: UInt64

        @inlinable
        init(slot: Int, sequence: UInt64) {
            self.slot = slot
            self.sequence = sequence
        }
    }

    @usableFromInline
    struct Entry {
        @usableFromInline let deadline: Deadline
        @usableFromInline let id: ID

        @inlinable
        init(deadline: Deadline, id: ID) {
            self.deadline = deadline
            self.id = id
        }

        @inlinable
        func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? id.sequence < other.id.sequence : deadline < other.deadline
        }
    }

    @usableFromInline
    struct Slot {
        @usableFromInline var element: Element?
        @usableFromInline var sequence: UInt64 = 0

        @inlinable
        init() {}
    }

    @usableFromInline var heap: [Entry] = []
    @usableFromInline var slots: [Slot] = []
    /// Where in the heap the element of each slot stands. Apart from the slots: written at every level of every change,
    /// here and there, which is fast only as long as all of them fit into a near cache.
    @usableFromInline var positions: [Int32] = []
    @usableFromInline var free: [Int] = []
    @usableFromInline var lastSequence: UInt64 = 0

    /// Creates an empty queue.
    @inlinable
    package init() {}

    /// How many elements wait.
    @inlinable package var count: Int { heap.count }

    /// The earliest deadline; `nil` if nothing waits.
    @inlinable package var firstDeadline: Deadline? { heap.first?.deadline }

    /// Adds an element and returns its name.
    @inlinable
    package mutating func insert(_ element: Element, at deadline: Deadline) -> ID {
        lastSequence &+= 1
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else {
            slots.append(Slot())
            positions.append(0)
            slot = slots.count - 1
        }
        let id = ID(slot: slot, sequence: lastSequence)
        slots[slot].element = element
        slots[slot].sequence = lastSequence
        let entry = Entry(deadline: deadline, id: id)
        heap.append(entry)
        siftUp(entry, from: heap.count - 1)
        return id
    }

    /// Removes an element; `nil` if it does not wait any more.
    @inlinable
    @discardableResult
    package mutating func remove(_ id: ID) -> Element? {
        guard slots[id.slot].sequence == id.sequence, let element = slots[id.slot].element else { return nil }
        let hole = Int(positions[id.slot])
        slots[id.slot].element = nil
        free.append(id.slot)
        let last = heap.removeLast()
        if hole < heap.count {
            if hole > 0, last.isBefore(heap[(hole - 1) / 4]) {
                siftUp(last, from: hole)
            } else {
                siftDown(last, from: hole)
            }
        }
        return element
    }

    /// Removes the first element if it is due.
    @inlinable
    package mutating func popFirst(dueAt now: Deadline) -> Element? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        return remove(first.id)
    }

    @inlinable
    mutating func place(_ entry: Entry, at index: Int) {
        heap[index] = entry
        positions[entry.id.slot] = Int32(truncatingIfNeeded: index)
    }

    /// Places an entry at a hole, or above it.
    @inlinable
    mutating func siftUp(_ entry: Entry, from hole: Int) {
        var hole = hole
        while hole > 0 {
            let parent = (hole - 1) / 4
            guard entry.isBefore(heap[parent]) else { break }
            place(heap[parent], at: hole)
            hole = parent
        }
        place(entry, at: hole)
    }

    /// Places an entry at a hole, or below it.
    @inlinable
    mutating func siftDown(_ entry: Entry, from hole: Int) {
        var hole = hole
        while true {
            let first = 4 * hole + 1
            guard first < heap.count else { break }
            var least = first
            for child in (first + 1)..<min(first + 4, heap.count) where heap[child].isBefore(heap[least]) {
                least = child
            }
            guard heap[least].isBefore(entry) else { break }
            place(heap[least], at: hole)
            hole = least
        }
        place(entry, at: hole)
    }
}

extension DeadlineQueue: Sendable where Deadline: Sendable, Element: Sendable {}
extension DeadlineQueue.Entry: Sendable where Deadline: Sendable {}
extension DeadlineQueue.Slot: Sendable where Element: Sendable {}
