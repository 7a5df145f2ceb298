/// Elements in the order of their deadlines, and of their insertion where these are equal.
///
/// A binary heap that knows where each element stands, so that any of them can be removed in logarithmic time.
struct DeadlineQueue<Element> {
    private struct Entry {
        let deadline: ManualClock.Instant
        let id: UInt64
        let element: Element

        func isBefore(_ other: Entry) -> Bool { (deadline, id) < (other.deadline, other.id) }
    }

    private var heap: [Entry] = []
    private var positions: [UInt64: Int] = [:]
    private var lastID: UInt64 = 0

    /// The earliest deadline and the identity of what is due then.
    var first: (deadline: ManualClock.Instant, id: UInt64)? { heap.first.map { ($0.deadline, $0.id) } }

    /// Adds an element and returns its identity.
    mutating func insert(_ element: Element, at deadline: ManualClock.Instant) -> UInt64 {
        lastID &+= 1
        heap.append(Entry(deadline: deadline, id: lastID, element: element))
        positions[lastID] = heap.count - 1
        siftUp(from: heap.count - 1)
        return lastID
    }

    /// Removes an element; `nil` if it is not there any more.
    mutating func remove(_ id: UInt64) -> Element? {
        guard let hole = positions.removeValue(forKey: id) else { return nil }
        let removed = heap[hole]
        let last = heap.removeLast()
        if last.id != id {
            place(last, at: hole)
            siftUp(from: hole)
            siftDown(from: hole)
        }
        return removed.element
    }

    private mutating func place(_ entry: Entry, at index: Int) {
        heap[index] = entry
        positions[entry.id] = index
    }

    private mutating func siftUp(from start: Int) {
        var index = start
        while index > 0, heap[index].isBefore(heap[(index - 1) / 2]) {
            swap(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown(from start: Int) {
        var index = start
        while let child = earlierChild(of: index), heap[child].isBefore(heap[index]) {
            swap(index, child)
            index = child
        }
    }

    private func earlierChild(of index: Int) -> Int? {
        let (left, right) = (2 * index + 1, 2 * index + 2)
        guard left < heap.count else { return nil }
        return right < heap.count && heap[right].isBefore(heap[left]) ? right : left
    }

    private mutating func swap(_ a: Int, _ b: Int) {
        let entry = heap[a]
        place(heap[b], at: a)
        place(entry, at: b)
    }
}
