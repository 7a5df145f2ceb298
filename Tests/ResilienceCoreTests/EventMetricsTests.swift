import ResilienceTesting
import Testing

@testable import ResilienceCore

@Suite("Event metrics")
struct EventMetricsTests {
    struct Happening: PolicyEvent {
        var source = "p"
        var name = "test.happened"
        var severity = EventSeverity.info
        var description: String { name }
    }

    private func lines(_ source: EventMetrics) -> [String] {
        MetricCollection(of: [source]).samples(of: "resilience.events").map {
            guard case .integer(let count) = $0.value else { return "\($0)" }
            return "\($0.labels.joined(separator: " ")) \(count)"
        }
    }

    @Test("events are counted by strategy, name and severity")
    func counts() {
        let events = EventMetrics(minimumSeverity: .debug)
        events.observe(Happening())
        events.observe(Happening(severity: .warning))
        events.observe(Happening(source: "q"))
        events.observe(Happening(name: "test.other"))
        events.observe(Happening(severity: .debug))
        events.observe(Happening())
        #expect(
            lines(events) == [
                "p test.happened info 2", "p test.happened warning 1", "q test.happened info 1",
                "p test.other info 1", "p test.happened debug 1",
            ])
    }

    @Test(
        "events of less attention are left out",
        arguments: [(EventSeverity.debug, 3), (.info, 2), (.warning, 1)])
    func severity(least: EventSeverity, count: Int) {
        let events = EventMetrics(minimumSeverity: least)
        for severity in [EventSeverity.debug, .info, .warning] { events.observe(Happening(severity: severity)) }
        #expect(lines(events).count == count)
        #expect(EventMetrics().minimumSeverity == .info)
    }

    @Test("strategies above the bound are counted together, and those below it go on", arguments: [0, 2])
    func bound(maxCounters: Int) {
        let events = EventMetrics(maxCounters: maxCounters)
        for _ in 1...2 {
            for number in 1...5 { events.observe(Happening(source: "s\(number)")) }
        }
        let own = max(1, maxCounters)
        let expected = (1...own).map { "s\($0) test.happened info 2" }
        #expect(lines(events) == expected + ["other test.happened info \(2 * (5 - own))"])
    }

    @Test("an event's own code may come back to the metrics that count it")
    func reentrant() {
        struct Curious: PolicyEvent {
            let events: EventMetrics
            var source: String {
                _ = MetricCollection(of: [events])
                return "curious"
            }
            var name: String { "test.curious" }
            var severity: EventSeverity { .info }
            var description: String { name }
        }
        let events = EventMetrics()
        events.observe(Curious(events: events))
        #expect(lines(events) == ["curious test.curious info 1"])
    }

    @Test("many tasks at once: no event is lost")
    func contention() async {
        let events = EventMetrics(maxCounters: 3)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<500 { events.observe(Happening(source: "s\((task + number) % 6)")) }
                }
            }
        }
        let total = MetricCollection(of: [events]).samples(of: "resilience.events").reduce(0) { sum, sample in
            if case .integer(let count) = sample.value { sum + count } else { sum }
        }
        #expect(total == 4000)
        #expect(lines(events).count == 4)
    }
}
