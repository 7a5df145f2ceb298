/// The events of an ``EventChannel`` that wait, their listeners, and whether a call delivers them. A pure value.
///
/// **No call delivers without end.** A turn of delivering takes on no more events than the capacity, counted from its
/// beginning; more are dropped until it has ended. It ends early, without loss, where another call is sure to deliver;
/// and with loss when it has gone on for too long.
///
/// **No event waits without a call that will deliver it.** A call that posts delivers afterwards. If it finds no other
/// call delivering, it takes all there is. If it finds one, then that turn has not ended, and a turn ends, in one step
/// under the lock, only if the queue is empty, if all that is in it is dropped, or if something was posted after the
/// last call of `begin`: the call that posted it has yet to call `begin`, and finds no other delivering, or one for
/// which the same holds.
@usableFromInline
struct EventQueue<Event: PolicyEvent> {
    @usableFromInline var observers: [any PolicyObserver]
    @usableFromInline var taps: [EventTap<Event>] = []
    @usableFromInline var queue: [Event] = []
    @usableFromInline var isDelivering = false
    /// Whether something was posted since the last call of `begin`.
    @usableFromInline var isPromised = false
    /// How many more events are taken on until a turn has ended; none while there is no listener.
    @usableFromInline var room: Int
    @usableFromInline let capacity: Int
    /// What was dropped before the events in the queue, to be told with the first of them.
    @usableFromInline var before: EventsDropped?
    /// What was dropped after them, to be told when they have been delivered.
    @usableFromInline var after: EventsDropped?
    /// Whether this turn has told what was dropped during it. Once is enough, or an observer that is slow to hear of it
    /// would never have heard of all.
    @usableFromInline var hasTold = false
    private(set) var dropped = 0
    private var nextTap: UInt64 = 0

    init(observers: [any PolicyObserver], capacity: Int) {
        self.observers = observers
        self.capacity = max(1, capacity)
        room = observers.isEmpty ? 0 : self.capacity
    }

    @inlinable var isIdle: Bool { observers.isEmpty && taps.isEmpty }

    mutating func add(_ observer: any PolicyObserver) {
        if isIdle { room = capacity }
        observers.append(observer)
    }

    mutating func addTap(_ receive: @escaping @Sendable (Event) -> Void) -> UInt64 {
        if isIdle { room = capacity }
        nextTap &+= 1
        taps.append(EventTap(number: nextTap, receive: receive))
        return nextTap
    }

    /// Returns the tap and, if it was the last listener, what was posted for it: the next listener must not hear that.
    mutating func removeTap(_ number: UInt64) -> (tap: EventTap<Event>, unheard: [Event])? {
        guard let index = taps.firstIndex(where: { $0.number == number }) else { return nil }
        let tap = taps.remove(at: index)
        guard isIdle else { return (tap, []) }
        room = 0
        (before, after) = (nil, nil)
        defer { queue = [] }
        return (tap, queue)
    }

    @inlinable
    mutating func append(_ event: Event) {
        guard room > 0 else { return refuse(event) }
        room &-= 1
        isPromised = true
        queue.append(event)
    }

    @usableFromInline
    @inline(never)
    mutating func refuse(_ event: Event) {
        if !isIdle { drop(1, event.source) }
    }

    private mutating func drop(_ count: Int, _ source: String) {
        dropped = dropped.addingSaturated(count)
        after = EventsDropped(source: source, count: (after?.count ?? 0).addingSaturated(count))
    }

    /// Begins a turn, unless a call delivers already or there is nothing to deliver.
    @inlinable
    mutating func begin(into batch: inout [Event]) -> EventDelivery<Event>? {
        isPromised = false
        return isDelivering || queue.isEmpty ? nil : take(&batch)
    }

    /// Goes on with a turn; `nil` if it has ended.
    @inlinable
    mutating func next(into batch: inout [Event]) -> EventDelivery<Event>? {
        if !queue.isEmpty, !isEndingEarly { return take(&batch) }
        // The next queue gets the array, which is empty, only if that has more room.
        if queue.isEmpty, batch.capacity > queue.capacity { swap(&queue, &batch) }
        if after != nil, !hasTold { return report() }
        end()
        return nil
    }

    /// Early enough for the events of all calls that are about to deliver to find room.
    @inlinable var isEndingEarly: Bool { room < capacity / 2 && isPromised && after == nil }

    /// Exchanges the queued events for an empty array, the next queue.
    @inlinable
    mutating func take(_ batch: inout [Event]) -> EventDelivery<Event> {
        isDelivering = true
        swap(&queue, &batch)
        let gap = before
        if gap != nil { before = nil }
        return EventDelivery(observers: observers, taps: taps, gap: gap)
    }

    @usableFromInline
    @inline(never)
    mutating func report() -> EventDelivery<Event> {
        hasTold = true
        defer { after = nil }
        return EventDelivery(observers: observers, taps: taps, gap: after)
    }

    @inlinable
    mutating func end() {
        isDelivering = false
        room = isIdle ? 0 : capacity &- queue.count
        if hasTold { carry() }
    }

    @usableFromInline
    @inline(never)
    mutating func carry() {
        hasTold = false
        (before, after) = (after, nil)
    }

    /// Gives up a turn that takes too long, of which these events are left.
    ///
    /// - Parameter released: Gets what is to be released outside the lock.
    /// - Returns: What to tell before the turn is ended; `nil` if it has ended, because another call is sure to
    ///   deliver.
    mutating func giveUp(_ rest: ArraySlice<Event>, into released: inout [Event]) -> EventDelivery<Event>? {
        if isPromised, after == nil {
            queue.insert(contentsOf: rest, at: 0)
            end()
            return nil
        }
        if let first = rest.first { drop(rest.count.addingSaturated(queue.count), first.source) }
        room = 0
        swap(&queue, &released)
        return report()
    }
}

/// Hears the events of one channel, for an asynchronous sequence.
@usableFromInline
struct EventTap<Event: PolicyEvent>: Sendable {
    let number: UInt64
    @usableFromInline let receive: @Sendable (Event) -> Void
}

/// To whom a batch of events is delivered, and what they have missed before it. A turn has one after another.
@usableFromInline
struct EventDelivery<Event: PolicyEvent> {
    @usableFromInline let observers: [any PolicyObserver]
    @usableFromInline let taps: [EventTap<Event>]
    @usableFromInline let gap: EventsDropped?

    @inlinable
    init(observers: [any PolicyObserver], taps: [EventTap<Event>], gap: EventsDropped?) {
        self.observers = observers
        self.taps = taps
        self.gap = gap
    }
}
