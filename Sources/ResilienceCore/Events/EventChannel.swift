public import Synchronization

/// Delivers the events of one strategy to its observers: outside its locks, one at a time, in order.
///
/// A strategy calls ``post(_:)`` while it holds its lock, so that the order of events is that of its states, and
/// ``deliver()`` after releasing it. The first call that delivers does so for all, also what is posted meanwhile; an
/// event posted from within an observer is delivered after it returns. While there is no listener, nothing is posted.
///
/// One turn of delivering is bounded, in events and in time; see ``EventQueue``.
///
/// Inlinable, so that each pattern's module specialises it: called generically, an event costs four times as much.
@usableFromInline
package final class EventChannel<Kind: PolicyEventKind>: Sendable {
    @usableFromInline package typealias Event = SourcedEvent<Kind>
    @usableFromInline typealias State = EventQueue<Event>

    /// The name of the strategy, which is the source of its events.
    @usableFromInline let source: String
    @usableFromInline let state: Lock<State>
    @usableFromInline let listening: Atomic<Bool>

    /// In which a turn is measured: real time, whatever the strategy's clock is, because an observer takes real time.
    private let time: TimeSource

    /// - Parameters:
    ///   - source: The name of the strategy.
    ///   - observers: The observers to notify.
    ///   - capacity: How many events one turn of delivering takes on; more are dropped. Default: 8192, which is what
    ///     eight cores post in the few milliseconds for which a thread that delivers may lose its processor.
    ///   - time: In which a turn is measured. Default: the continuous clock.
    package init(
        _ source: String, _ observers: [any PolicyObserver] = [], capacity: Int = 8192, time: TimeSource = .continuous
    ) where Kind: EventContent {
        self.source = source
        let listeners = observers.filter { !($0 is CallMetrics) }
        self.time = time
        state = Lock(State(observers: listeners, capacity: capacity))
        listening = Atomic(!listeners.isEmpty)
    }

    /// Whether there are listeners. Relaxed: an observer hears from about the moment it was added.
    @inlinable package var isListening: Bool { listening.load(ordering: .relaxed) }

    /// The observers and taps.
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
            state.add(observer)
            listening.store(true, ordering: .relaxed)
        }
    }

    /// Adds a listener to one channel, for an asynchronous sequence; returns what removes it.
    package func tap(_ receive: @escaping @Sendable (Event) -> Void) -> @Sendable () -> Void {
        let number = state.withLock { state in
            listening.store(true, ordering: .relaxed)
            return state.addTap(receive)
        }
        return { [weak self] in
            // What the tap owns is released outside the lock: it may come back to the channel.
            let removed = self?.state.withLock { state in
                let removed = state.removeTap(number)
                self?.listening.store(!state.isIdle, ordering: .relaxed)
                return removed
            }
            _ = removed
        }
    }

    /// How many events were dropped.
    package var dropped: Int { state.withLock { $0.dropped } }

    /// Appends an event to the queue; the caller holds its own lock, and calls ``deliver()`` after releasing it.
    @inlinable
    package func post(_ kind: @autoclosure () -> Kind) {
        guard isListening else { return }
        let event = SourcedEvent(source: source, kind())
        state.withLock { $0.append(event) }
    }

    /// Delivers what was posted; the caller holds no lock.
    @inlinable
    package func deliver() {
        guard isListening else { return }
        var batch: [Event] = []
        guard var delivery = state.withLock({ $0.begin(into: &batch) }) else { return }
        var start: TimeSource.Instant?
        var isLater = false
        while true {
            if let gap = delivery.gap { notify(gap, delivery.observers) }
            var position = 0
            for event in batch {
                if isLater && isOver(&start) { return giveUp(batch[position...]) }
                isLater = true
                position &+= 1
                for observer in delivery.observers { observer.observe(event) }
                for tap in delivery.taps { tap.receive(event) }
            }
            // Emptied here, because what events hold is the user's. Its room goes back to the queue, so that an event
            // allocates nothing; unless there were so many that it is better given up.
            if batch.capacity <= Self.keptCapacity { batch.removeAll(keepingCapacity: true) } else { batch = [] }
            // An event posted before this step is in the batch; one posted after it finds that no call delivers.
            guard let next = state.withLock({ $0.next(into: &batch) }) else { return }
            delivery = next
        }
    }

    /// Posts an event and delivers it; the caller holds no lock.
    @inlinable
    package func notify(_ kind: @autoclosure () -> Kind) {
        guard isListening else { return }
        post(kind())
        deliver()
    }

    /// Posts an event that has another source than the channel, as one that belongs to several strategies, and delivers
    /// it; the caller holds no lock.
    package func notify(_ kind: Kind, from source: String) {
        guard isListening else { return }
        let event = SourcedEvent(source: source, kind)
        state.withLock { $0.append(event) }
        deliver()
    }

    /// For how many events the queue keeps room while none is in it.
    @inlinable static var keptCapacity: Int { 64 }

    /// How long one turn may go on while events wait. Long for an observer that is only behind, short for a call.
    @usableFromInline static var longestTurn: Duration { .milliseconds(500) }

    /// Asked before each event but the first of a turn: a call that posts one event reads no clock.
    @usableFromInline
    @inline(never)
    func isOver(_ start: inout TimeSource.Instant?) -> Bool {
        let now = time.now
        guard let began = start else {
            start = now
            return false
        }
        return began.duration(to: now) > Self.longestTurn
    }

    @usableFromInline
    @inline(never)
    func notify(_ gap: EventsDropped, _ observers: [any PolicyObserver]) {
        for observer in observers { observer.observe(gap) }
    }

    /// Ends a turn that takes too long. What waits is left to another, if there is one, or else dropped; then observers
    /// are told, and what is posted meanwhile is dropped as well, of which the next turn tells.
    @usableFromInline
    @inline(never)
    func giveUp(_ rest: ArraySlice<Event>) {
        // What is dropped is released outside the lock.
        var released: [Event] = []
        guard let delivery = state.withLock({ $0.giveUp(rest, into: &released) }) else { return }
        if let gap = delivery.gap { notify(gap, delivery.observers) }
        state.withLock { $0.end() }
        _ = released
    }
}
