import ResilienceTesting
import Testing

@testable import ResilienceCore

@Suite(.timeLimit(.minutes(30)))
struct EventChannelTests {
    let recorder = EventRecorder()

    private func post(_ number: Int, to channel: EventChannel<Numbered>) {
        channel.post(Numbered(number: number))
        channel.deliver()
    }

    @Test("Events are delivered in order to every observer, each once")
    func deliversInOrderToEveryObserver() {
        let second = EventRecorder()
        let channel = EventChannel<Numbered>("test", [recorder])
        channel.add(second)
        for number in 1...3 { channel.post(Numbered(number: number)) }
        #expect(recorder.numbers == [])
        channel.deliver()
        #expect(recorder.numbers == [1, 2, 3] && second.numbers == [1, 2, 3])
        channel.deliver()
        #expect(recorder.numbers == [1, 2, 3])
    }

    @Test("An observer is added once, unless it is a value")
    func anObserverIsAddedOnce() {
        let channel = EventChannel<Numbered>("test", [recorder])
        channel.add(recorder)
        post(1, to: channel)
        #expect(recorder.numbers == [1])
        // Values have no identity: each counts.
        channel.add(Forwarder(recorder: recorder))
        channel.add(Forwarder(recorder: recorder))
        post(2, to: channel)
        #expect(recorder.numbers == [1, 2, 2, 2])
    }

    @Test("No event is made while there is no listener")
    func nothingIsMadeWhileNobodyListens() {
        let channel = EventChannel<Numbered>("test")
        var made = 0
        func event() -> Numbered {
            made += 1
            return Numbered(number: made)
        }
        channel.post(event())
        channel.deliver()
        #expect(made == 0 && !channel.isListening)
        channel.add(recorder)
        channel.post(event())
        channel.deliver()
        #expect(made == 1 && channel.isListening && recorder.numbers == [1])
    }

    @Test("An event that an observer posts is delivered after the one that it observes")
    func whatAnObserverPostsFollowsWhatItHears() {
        let channel = EventChannel<Numbered>("test")
        channel.add(Reposter(channel: channel))
        channel.add(recorder)
        channel.post(Numbered(number: 3))
        channel.post(Numbered(number: 10))
        channel.deliver()
        // Each event reaches every observer before the next one does.
        #expect(recorder.numbers == [3, 10, 2, 9, 1, 8, 0, 7, 6, 5, 4, 3, 2, 1, 0])
    }

    @Test("Under contention every event arrives once, and those of one task in order")
    func everyEventArrivesOnceAndInTheOrderOfItsPoster() async {
        let channel = EventChannel<Numbered>("test", [recorder])
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for index in 0..<1_000 { post(task * 1_000 + index, to: channel) }
                }
            }
        }
        #expect(recorder.numbers.sorted() == Array(0..<8_000))
        for task in 0..<8 {
            let own = recorder.numbers.filter { $0 / 1_000 == task }
            #expect(own == own.sorted(), "task \(task)")
        }
    }

    @Test("Under contention an observer is never called twice at the same time")
    func observersAreCalledOneAtATime() async {
        let observer = OneAtATime()
        let channel = EventChannel<Numbered>("test", [observer])
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { for number in 0..<1_000 { post(number, to: channel) } }
            }
        }
        #expect(observer.state.withLock { $0 } == .init(inside: 0, heard: 8_000, overlaps: 0))
    }

    @Test("An observer that is added late hears only what comes after")
    func anObserverThatIsAddedHearsWhatComesAfter() {
        let channel = EventChannel<Numbered>("test", [recorder])
        let late = EventRecorder()
        post(1, to: channel)
        channel.add(late)
        post(2, to: channel)
        #expect(recorder.numbers == [1, 2] && late.numbers == [2])
    }

    @Test("A tap hears until it is removed, and others go on hearing")
    func aTapHearsUntilItIsRemoved() {
        let channel = EventChannel<Numbered>("test")
        let second = EventRecorder()
        let remove = channel.tap { [recorder] in recorder.note($0.kind.number) }
        let removeSecond = channel.tap { second.note($0.kind.number) }
        #expect(channel.isListening)
        post(1, to: channel)
        remove()
        remove()
        #expect(channel.isListening)
        post(2, to: channel)
        removeSecond()
        #expect(!channel.isListening)
        post(3, to: channel)
        #expect(recorder.numbers == [1] && second.numbers == [1, 2])
    }

    @Test("Observers still hear after a tap was removed")
    func removingATapKeepsObservers() {
        let channel = EventChannel<Numbered>("test", [recorder])
        channel.tap { _ in }()
        post(1, to: channel)
        #expect(recorder.numbers == [1])
    }

    @Test("A tap may remove itself while it hears an event")
    func aTapMayRemoveItself() {
        let channel = EventChannel<Numbered>("test")
        let removal = Lock<(@Sendable () -> Void)?>(nil)
        let remove = channel.tap { [recorder] event in
            recorder.note(event.kind.number)
            removal.withLock { $0 }?()
        }
        removal.withLock { $0 = remove }
        post(1, to: channel)
        post(2, to: channel)
        #expect(recorder.numbers == [1])
    }

    @Test("A later listener does not hear what was posted for one that has gone")
    func whoListensLaterDoesNotHearWhatWasPostedForOthers() {
        let channel = EventChannel<Numbered>("test")
        let remove = channel.tap { _ in }
        channel.post(Numbered(number: 1))
        remove()
        channel.deliver()
        channel.add(recorder)
        post(2, to: channel)
        #expect(recorder.numbers == [2])
    }

    @Test("the queue keeps its room from event to event, also when there was nothing to deliver; not that of a flood")
    func room() {
        let channel = EventChannel<Numbered>("test", [recorder])
        var room: Int { channel.state.withLock { $0.queue.capacity } }
        #expect(room == 0)
        post(1, to: channel)
        let kept = room
        #expect(kept > 0)
        channel.deliver()
        post(2, to: channel)
        #expect(room > 0)
        for number in 3...1_000 { channel.post(Numbered(number: number)) }
        channel.deliver()
        #expect(room == 0)
        post(1_001, to: channel)
        #expect(room > 0)
        #expect(recorder.numbers == Array(1...1_001))
    }

    @Test("what an event holds is released once every observer has heard it, outside the lock")
    func payload() {
        final class Payload: Sendable {
            let released: @Sendable () -> Void

            init(_ released: @escaping @Sendable () -> Void) { self.released = released }

            deinit { released() }
        }
        struct Loaded: PolicyEventKind, EventContent {
            let payload: Payload
            var label: (name: String, severity: EventSeverity) { ("test.loaded", .debug) }
            var subject: EventSubject { .call }
            func description(of source: String) -> String { label.name }
            func add(to details: inout EventDetails) {}
        }
        struct Deaf: PolicyObserver {
            func observe(_ event: some PolicyEvent) {}
        }
        let channel = EventChannel<Loaded>("test", [Deaf()])
        for number in 1...2 {
            // Asks for the lock, which hangs if it is held.
            channel.post(
                Loaded(
                    payload: Payload { [recorder] in
                        recorder.note(channel.observers.count * number)
                    }))
        }
        #expect(recorder.numbers == [])
        channel.deliver()
        #expect(recorder.numbers == [1, 2])
    }

    @Test("What a tap owns is released outside the lock")
    func whatATapOwnsIsReleasedOutsideTheLock() {
        final class Owned: Sendable {
            let channel: EventChannel<Numbered>
            let recorder: EventRecorder

            init(_ channel: EventChannel<Numbered>, _ recorder: EventRecorder) {
                self.channel = channel
                self.recorder = recorder
            }

            deinit {
                channel.add(recorder)
            }
        }
        let channel = EventChannel<Numbered>("test")
        func tap() -> @Sendable () -> Void {
            let owned = Owned(channel, recorder)
            return channel.tap { _ in _ = owned }
        }
        tap()()
        post(1, to: channel)
        #expect(recorder.numbers == [1])
    }
}

private struct Forwarder: PolicyObserver {
    let recorder: EventRecorder

    func observe(_ event: some PolicyEvent) { recorder.observe(event) }
}

/// Posts, for each event it hears, one with the next lower number.
private struct Reposter: PolicyObserver {
    let channel: EventChannel<Numbered>

    func observe(_ event: some PolicyEvent) {
        guard let event = (event as? SourcedEvent<Numbered>)?.kind, event.number > 0 else { return }
        channel.post(Numbered(number: event.number - 1))
        channel.deliver()
    }
}

private final class OneAtATime: PolicyObserver {
    struct State: Equatable {
        var inside = 0
        var heard = 0
        var overlaps = 0
    }

    let state = Lock(State())

    func observe(_ event: some PolicyEvent) {
        state.withLock { state in
            state.inside += 1
            if state.inside > 1 { state.overlaps += 1 }
        }
        state.withLock { state in
            state.inside -= 1
            state.heard += 1
        }
    }
}
