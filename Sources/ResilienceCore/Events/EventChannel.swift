public import Synchronization

/// Delivers the events of one strategy to its observers: outside its locks, one at a time, in order.
///
/// A strategy calls ``post(_:)`` while it holds its lock, so that the order of events is that of its states, and
/// ``deliver()`` after releasing it. Whoever delivers first delivers for all, also what is posted meanwhile; an event
/// posted from within an observer is delivered after it returns. While nobody listens, nothing is posted.
///
/// Inlinable, so that each pattern's module specialises it: called generically, an event costs four times as much.
@usableFromInline
package final class EventChannel<Event: PolicyEvent>: Sendable {
    @usableFromInline
    struct Listeners {
        @usableFromInline let observers: [any PolicyObserver]
        @usableFromInline let taps: [Tap]

        @inlinable
        init(observers: [any PolicyObserver], taps: [Tap]) {
            self.observers = observers
            self.taps = taps
        }
    }

    @usableFromInline
    struct Tap: Sendable {
        let number: UInt64
        @usableFromInline let receive: @Sendable (Event) -> Void
    }

    @usableFromInline
    struct State {
        @usableFromInline var observers: [any PolicyObserver]
        @usableFromInline var taps: [Tap] = []
        var nextTap: UInt64 = 0
        @usableFromInline var queue: [Event] = []
        @usableFromInline var isDelivering = false

        init(observers: [any PolicyObserver]) {
            self.observers = observers
        }

        @inlinable var isIdle: Bool { observers.isEmpty && taps.isEmpty }

        mutating func removeTap(_ number: UInt64) -> Tap? {
            guard let index = taps.firstIndex(where: { $0.number == number }) else { return nil }
            defer { if isIdle { queue = [] } }
            return taps.remove(at: index)
        }

        /// Exchanges the queued events for an empty array, the next queue, and returns who hears them; `nil`, and the
        /// end of delivering, if there are none: then the queue gets the array only if that has more room.
        @inlinable
        mutating func takeBatch(into batch: inout [Event]) -> Listeners? {
            isDelivering = !queue.isEmpty
            if isDelivering || batch.capacity > queue.capacity { swap(&queue, &batch) }
            return isDelivering ? Listeners(observers: observers, taps: taps) : nil
        }
    }

    @usableFromInline let state: Lock<State>
    @usableFromInline let listening: Atomic<Bool>

    package init(_ observers: [any PolicyObserver] = []) {
        let listeners = observers.filter { !($0 is CallMetrics) }
        state = Lock(State(observers: listeners))
        listening = Atomic(!listeners.isEmpty)
    }

    /// Whether anybody hears. Relaxed: an observer hears from about the moment it was added.
    @inlinable package var isListening: Bool { listening.load(ordering: .relaxed) }

    /// Who hears.
    package var observers: [any PolicyObserver] { state.withLock { $0.observers } }

    /// Adds an observer, unless it is one that hears nothing.
    package func add(_ observer: any PolicyObserver) {
        guard !(observer is CallMetrics) else { return }
        state.withLock { state in
            // A policy adds its observers to all its layers, which may be shared between policies.
            let isClass = type(of: observer) is AnyClass
            guard !isClass || !state.observers.contains(where: { $0 as AnyObject === observer as AnyObject }) else {
                return
            }
            state.observers.append(observer)
            listening.store(true, ordering: .relaxed)
        }
    }

    /// Adds a listener to one channel, for an asynchronous sequence; returns what removes it.
    package func tap(_ receive: @escaping @Sendable (Event) -> Void) -> @Sendable () -> Void {
        let number = state.withLock { state in
            state.nextTap &+= 1
            state.taps.append(Tap(number: state.nextTap, receive: receive))
            listening.store(true, ordering: .relaxed)
            return state.nextTap
        }
        return { [weak self] in
            // What the tap owns is released outside the lock: it may come back to the channel.
            let removed = self?.state.withLock { state in
                let tap = state.removeTap(number)
                self?.listening.store(!state.isIdle, ordering: .relaxed)
                return tap
            }
            _ = removed
        }
    }

    /// Appends an event to the queue; the caller holds its own lock.
    @inlinable
    package func post(_ event: @autoclosure () -> Event) {
        guard isListening else { return }
        let event = event()
        // Whoever listens next must not hear what was posted for listeners that have left.
        state.withLock { if !$0.isIdle { $0.queue.append(event) } }
    }

    /// Delivers what was posted; the caller holds no lock.
    @inlinable
    package func deliver() {
        guard isListening else { return }
        var batch: [Event] = []
        guard var listeners = state.withLock({ $0.isDelivering ? nil : $0.takeBatch(into: &batch) }) else { return }
        while true {
            for event in batch {
                for observer in listeners.observers { observer.observe(event) }
                for tap in listeners.taps { tap.receive(event) }
            }
            // Emptied here, for what events hold is the user's. Its room goes back to the queue, so that an event
            // allocates nothing; unless there were so many that it is better given up.
            if batch.capacity <= Self.keptCapacity { batch.removeAll(keepingCapacity: true) } else { batch = [] }
            // An event posted before this step is in the batch; one posted after it finds nobody delivering.
            guard let next = state.withLock({ $0.takeBatch(into: &batch) }) else { return }
            listeners = next
        }
    }

    /// For how many events the queue keeps room while none is in it.
    @inlinable static var keptCapacity: Int { 64 }
}
