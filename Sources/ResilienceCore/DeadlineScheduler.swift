/// Fires actions at their deadlines, with one sleeping task for all of them.
///
/// An entry costs no timer of its own and is removed when it is cancelled. The driver task exists only while something
/// is scheduled, and is replaced when an entry comes that is due before the driver would wake.
package final class DeadlineScheduler: Sendable {
    package static let continuous = DeadlineScheduler(.continuous)

    private struct State {
        var heap = TimerHeap()
        var driver: Task<Void, Never>?
        var wakesAt = TimeSource.Instant(nanoseconds: .max)
        /// Tells the current driver from one that was replaced while it slept.
        var driverNumber: UInt64 = 0
        var nextSequence: UInt64 = 0
    }

    private let time: TimeSource
    private let state = Lock(State())

    package init(_ time: TimeSource) {
        self.time = time
    }

    /// How many entries wait.
    package var count: Int { state.withLock { $0.heap.entries.count } }

    /// Calls `action` at `instant`, or at once if that has passed, on the global executor.
    package func schedule(
        at instant: TimeSource.Instant, _ action: @escaping @Sendable () -> Void
    ) -> any ScheduledTimer {
        state.withLock { state in
            state.nextSequence &+= 1
            let entry = Entry(deadline: instant, sequence: state.nextSequence, scheduler: self, action: action)
            state.heap.insert(entry)
            if state.driver == nil || instant < state.wakesAt { startDriver(&state, at: instant) }
            return entry
        }
    }

    fileprivate func remove(_ entry: Entry) {
        state.withLock { $0.heap.remove(entry) }
    }

    private func startDriver(_ state: inout State, at instant: TimeSource.Instant) {
        state.driver?.cancel()
        state.driverNumber &+= 1
        state.wakesAt = instant
        let number = state.driverNumber
        // Detached: the driver serves all callers and takes on neither the priority nor the task-local values of the one
        // that starts it. It keeps the scheduler alive until nothing is scheduled.
        state.driver = Task.detached(name: "deadline scheduler") {
            var wakesAt = instant
            while true {
                do { try await self.time.sleep(until: wakesAt, tolerance: .zero) } catch { return }
                guard let next = self.fireDue(number) else { return }
                wakesAt = next
            }
        }
    }

    /// Fires what is due, outside the lock, and returns when to wake next; `nil` ends the driver.
    private func fireDue(_ number: UInt64) -> TimeSource.Instant? {
        while true {
            let now = time.now
            let (due, next) = state.withLock { state -> (Entry?, TimeSource.Instant?) in
                guard state.driverNumber == number else { return (nil, nil) }
                guard let first = state.heap.entries.first else {
                    state.driver = nil
                    return (nil, nil)
                }
                if first.deadline <= now {
                    state.heap.remove(first)
                    return (first, nil)
                }
                state.wakesAt = first.deadline
                return (nil, first.deadline)
            }
            guard let due else { return next }
            due.action()
        }
    }

    /// `position` is read and written under the scheduler's lock only; everything else is immutable.
    fileprivate final class Entry: ScheduledTimer, @unchecked Sendable {
        let deadline: TimeSource.Instant
        let sequence: UInt64
        let action: @Sendable () -> Void
        private weak let scheduler: DeadlineScheduler?
        /// Where the entry stands in the heap; -1 when it is not in it.
        var position = -1

        init(
            deadline: TimeSource.Instant, sequence: UInt64, scheduler: DeadlineScheduler,
            action: @escaping @Sendable () -> Void
        ) {
            self.deadline = deadline
            self.sequence = sequence
            self.scheduler = scheduler
            self.action = action
        }

        func cancel() { scheduler?.remove(self) }

        func isBefore(_ other: Entry) -> Bool {
            (deadline, sequence) < (other.deadline, other.sequence)
        }
    }

    /// A binary heap whose entries know their place, so that one can be removed in logarithmic time.
    private struct TimerHeap {
        private(set) var entries: [Entry] = []

        mutating func insert(_ entry: Entry) {
            entries.append(entry)
            entry.position = entries.count - 1
            siftUp(entries.count - 1)
        }

        mutating func remove(_ entry: Entry) {
            let hole = entry.position
            guard hole >= 0 else { return }
            entry.position = -1
            let last = entries.removeLast()
            guard last !== entry else { return }
            place(last, at: hole)
            siftDown(hole)
            siftUp(hole)
        }

        private mutating func place(_ entry: Entry, at index: Int) {
            entries[index] = entry
            entry.position = index
        }

        private mutating func siftUp(_ start: Int) {
            var index = start
            while index > 0 {
                let parent = (index - 1) / 2
                guard entries[index].isBefore(entries[parent]) else { return }
                swapEntries(index, parent)
                index = parent
            }
        }

        private mutating func siftDown(_ start: Int) {
            var index = start
            while true {
                var least = index
                for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
                    if entries[child].isBefore(entries[least]) { least = child }
                }
                guard least != index else { return }
                swapEntries(index, least)
                index = least
            }
        }

        private mutating func swapEntries(_ a: Int, _ b: Int) {
            let entry = entries[a]
            place(entries[b], at: a)
            place(entry, at: b)
        }
    }
}
