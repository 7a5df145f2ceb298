import ResilienceTesting
import Synchronization
import Testing

@testable import ResilienceCore

/// Observers that are too slow: nobody delivers without end, nothing grows without end, and what is dropped is told.
@Suite("Event channels: bounds", .timeLimit(.minutes(30)))
struct EventBoundTests {
    let recorder = EventRecorder()
    let clock = ManualClock()

    /// What was heard, gaps as negative numbers.
    private var heard: [Int] {
        recorder.events.compactMap {
            ($0 as? SourcedEvent<Numbered>)?.kind.number ?? ($0 as? EventsDropped).map { -$0.count }
        }
    }

    private func post(_ number: Int, to channel: EventChannel<Numbered>) {
        channel.post(Numbered(number: number))
        channel.deliver()
    }

    @Test("the queue is bounded, and observers hear at the place how many they have missed")
    func overflow() {
        let channel = EventChannel<Numbered>("test", [recorder], capacity: 4)
        for number in 1...7 { channel.post(Numbered(number: number)) }
        channel.deliver()
        post(8, to: channel)
        #expect(heard == [1, 2, 3, 4, -3, 8])
        #expect(channel.dropped == 3)
        let gap = recorder.events(of: EventsDropped.self).first
        #expect(gap?.source == "test")
        #expect(gap?.description == "\"test\" dropped 3 events: observers are too slow")
    }

    @Test("an observer that posts for each event it hears does not hold its caller forever", arguments: [1, 2, 5, 64])
    func endless(capacity: Int) {
        let channel = EventChannel<Numbered>("test", [], capacity: capacity)
        channel.add(Echo(channel: channel, answers: 1))
        channel.add(recorder)
        post(1, to: channel)
        // The capacity's worth, and the gap; what was posted in answer to the gap is told by the next turn.
        #expect(heard == Array(repeating: 1, count: capacity) + [-1])
        post(1, to: channel)
        #expect(heard.filter { $0 > 0 }.count == 2 * capacity)
        #expect(heard.filter { $0 < 0 } == [-1, -1, -2])
        #expect(channel.dropped == 5)
    }

    @Test("a caller whose turn takes too long drops what waits, tells it, and returns")
    func slow() {
        let channel = EventChannel<Numbered>("test", [], capacity: 1_000, time: TimeSource(clock))
        // Each event takes 5 ms, in which five others come.
        channel.add(Echo(channel: channel, answers: 5) { [clock] in clock.advance(by: .milliseconds(5)) })
        channel.add(recorder)
        var posted = 0
        for round in 1...3 {
            let before = clock.now
            post(1, to: channel)
            posted = 5 * recorder.events.count + round
            #expect(before.duration(to: clock.now) <= .milliseconds(530))
        }
        let delivered = recorder.events(of: SourcedEvent<Numbered>.self).count
        #expect(delivered > 250)
        #expect(delivered + channel.dropped == posted)
        #expect(channel.state.withLock { $0.queue.isEmpty && !$0.isDelivering })
    }

    @Test("a turn that takes too long leaves what waits to a caller that is sure to come, and then nothing is lost")
    func promised() {
        let channel = EventChannel<Numbered>("test", [], capacity: 1_000, time: TimeSource(clock))
        // Another thread that has posted, and not yet come to deliver.
        channel.add(
            Hook { [clock] number in
                guard number == 1 else { return }
                clock.advance(by: .milliseconds(1))
                channel.post(Numbered(number: 4))
                clock.advance(by: .seconds(1))
            })
        channel.add(recorder)
        channel.post(Numbered(number: 0))
        for number in 1...3 { channel.post(Numbered(number: number)) }
        channel.deliver()
        #expect(heard == [0, 1])
        channel.deliver()
        #expect(heard == [0, 1, 2, 3, 4])
        #expect(channel.dropped == 0)
    }

    @Test("half-way, a turn ends early for a caller that is sure to come")
    func early() {
        let channel = EventChannel<Numbered>("test", [], capacity: 8)
        channel.add(
            Hook { number in
                if number == 5 { channel.post(Numbered(number: 6)) }
            })
        channel.add(recorder)
        for number in 1...5 { channel.post(Numbered(number: number)) }
        channel.deliver()
        #expect(heard == [1, 2, 3, 4, 5])
        // The next one has the whole room again.
        for number in 7...13 { channel.post(Numbered(number: number)) }
        channel.deliver()
        #expect(heard == Array(1...13))
        #expect(channel.dropped == 0)
    }

    @Test("a gap is forgotten with the listeners that have left")
    func left() {
        let channel = EventChannel<Numbered>("test", [], capacity: 1)
        let remove = channel.tap { _ in }
        for number in 1...3 { channel.post(Numbered(number: number)) }
        remove()
        channel.add(recorder)
        post(4, to: channel)
        #expect(heard == [4])
    }

    @Test(
        "under contention every event is delivered or dropped, in order, and gaps say how many",
        arguments: [4, 64, 8192])
    func contention(capacity: Int) async {
        let channel = EventChannel<Numbered>("test", [recorder], capacity: capacity)
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for index in 0..<2_000 { post(task * 2_000 + index, to: channel) }
                }
            }
        }
        let delivered = heard.filter { $0 >= 0 }
        #expect(delivered.count + channel.dropped == 16_000)
        #expect(Set(delivered).count == delivered.count)
        for task in 0..<8 {
            let own = delivered.filter { $0 / 2_000 == task }
            #expect(own == own.sorted(), "task \(task)")
        }
        // Nothing is left, and what was not told yet is told with the next event.
        #expect(channel.state.withLock { $0.queue.isEmpty && !$0.isDelivering })
        post(16_000, to: channel)
        let dropped = heard.filter { $0 < 0 }.reduce(0, -)
        #expect(dropped == channel.dropped)
    }

    @Test("metrics count what was dropped, by strategy")
    func metrics() {
        let metrics = EventMetrics()
        let channel = EventChannel<Numbered>("test", [metrics], capacity: 2)
        for _ in 0..<2 {
            for number in 1...5 { channel.post(Numbered(number: number)) }
            channel.deliver()
        }
        let samples = MetricCollection(of: [metrics]).samples(of: "resilience.events.dropped")
        #expect(samples.map(\.value) == [.integer(6)])
    }
}

/// Posts so many events for each that it hears.
private struct Echo: PolicyObserver {
    let channel: EventChannel<Numbered>
    let answers: Int
    var hears: @Sendable () -> Void = {}

    func observe(_ event: some PolicyEvent) {
        hears()
        for _ in 0..<answers {
            channel.post(Numbered(number: 1))
            channel.deliver()
        }
    }
}

private struct Hook: PolicyObserver {
    let hears: @Sendable (Int) -> Void

    func observe(_ event: some PolicyEvent) {
        if let event = event as? SourcedEvent<Numbered> { hears(event.kind.number) }
    }
}
