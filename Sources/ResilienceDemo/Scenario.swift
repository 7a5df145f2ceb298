/// What happens when: the phases of the upstream and the traffic, as plain data.
struct Scenario: Sendable, Equatable {
    struct Span: Sendable, Equatable {
        let phase: Phase
        let start: Duration
        let length: Duration
    }

    let spans: [Span]
    /// Calls per second, on average, to each of the two upstreams, in a phase of usual traffic.
    let callRate: Double
    /// The shortest and the longest time the breaker stays open.
    let shortestBreak: Duration
    let longestBreak: Duration

    init(phases: [(Phase, Duration)], callRate: Double, shortestBreak: Duration, longestBreak: Duration) {
        var spans: [Span] = []
        var start = Duration.zero
        for (phase, length) in phases where length > .zero {
            spans.append(Span(phase: phase, start: start, length: length))
            start += length
        }
        self.spans = spans
        self.callRate = callRate
        self.shortestBreak = shortestBreak
        self.longestBreak = longestBreak
    }

    static let standard = Scenario(
        phases: [
            (.healthy, .seconds(4)), (.slow, .seconds(4)), (.failing, .seconds(4)), (.down, .seconds(3)),
            (.recovered, .seconds(5)), (.overloaded, .milliseconds(5_500)), (.calm, .milliseconds(2_500)),
        ],
        callRate: 80, shortestBreak: .milliseconds(500), longestBreak: .seconds(1))

    /// The same story in a quarter of the time, for continuous integration.
    static let quick = Scenario(
        phases: [
            (.healthy, .seconds(1)), (.slow, .milliseconds(1_200)), (.failing, .milliseconds(800)),
            (.down, .milliseconds(700)), (.recovered, .milliseconds(1_200)), (.overloaded, .milliseconds(1_500)),
            (.calm, .milliseconds(600)),
        ],
        callRate: 80, shortestBreak: .milliseconds(250), longestBreak: .milliseconds(400))

    var length: Duration { spans.last.map { $0.start + $0.length } ?? .zero }

    /// The phase at a moment since the start: the first one before it, the last one after the end.
    func phase(at moment: Duration) -> Phase {
        let span = spans.last { $0.start <= moment } ?? spans.first
        return span?.phase ?? .healthy
    }
}
