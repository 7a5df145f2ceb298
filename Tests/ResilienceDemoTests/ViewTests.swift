import Resilience
import Testing

@testable import ResilienceDemo

/// A frame in the middle of the slow phase.
private func frame(
    elapsed: Duration = .milliseconds(5_000), events: [StoryEvent] = ViewTests.events
) -> Frame {
    Frame(
        scenario: .standard, elapsed: elapsed,
        unprotected: CallLog.Snapshot(
            callsPerSecond: 79.6, sentPerSecond: 79.6, succeeded: 331, failed: 54, inFlight: 74,
            median: .milliseconds(754), p99: .milliseconds(1_004)),
        protected: CallLog.Snapshot(
            callsPerSecond: 79.6, sentPerSecond: 2.7, succeeded: 318, stale: 80, failed: 1, rejected: 4,
            oldestAnswer: .milliseconds(820)),
        gauges: .init(breaker: .open, slotsInUse: 7, slots: 8, queued: 2, permits: 19, mostPermits: 20),
        layers: .init(retries: 12, timeouts: 3, refusedByBreaker: 70, refusedByLimiter: 5, refusedByBulkhead: 9),
        events: events)
}

@Suite("Live view")
struct ViewTests {
    static let events = [
        StoryEvent(moment: .zero, change: .phase(.healthy)),
        StoryEvent(moment: .seconds(4), change: .phase(.slow)),
        StoryEvent(
            moment: .milliseconds(4_820),
            change: .breaker(to: .open, reason: .slowCallRate(0.52), breakLength: .milliseconds(507))),
    ]

    @Test("A plain line stands in the columns of its heading")
    func plainLine() {
        let expected = """
                                         | without protection            | with a policy: last good answer, retry, circuit breaker, limiter, bulkhead, timeout
               time    upstream  calls/s |    ok  failed     p50     p99 |   breaker  slots  permits     ok  stale  failed     p50     p99
              5.0 s        slow       80 |   331      54  754 ms  1.00 s |      open    7/8       19    318     80       5       -       -
            """
        #expect((PlainView.header + [PlainView.line(frame())]).joined(separator: "\n") == expected)
    }

    @Test("Each change is told in a line of its own")
    func changeLines() {
        let halfOpen = StoryEvent.Change.breaker(to: .halfOpen, reason: .breakEnded, breakLength: nil)
        let failed = StoryEvent.Change.breaker(to: .open, reason: .probesFailed, breakLength: .seconds(1))
        let closed = StoryEvent.Change.breaker(to: .closed, reason: .probesSucceeded, breakLength: nil)
        let help: [StoryEvent.Change] = [
            .first(.limited), .first(.full(running: 8)), .first(.servedLastGood(age: .milliseconds(131))),
        ]
        let more = ([halfOpen, failed, closed] + help).map { StoryEvent(moment: .milliseconds(12_349), change: $0) }
        let expected = """
              0.0 s  -- upstream healthy: answers take a few milliseconds, 3 in 100 are a 503
              4.0 s  -- upstream slow: 400 ms an answer, so it manages only 20 of 80 calls/s
              4.8 s  -- breaker open: 52 % of calls were slow, no calls for 507 ms
             12.3 s  -- breaker half-open: the break is over, probes may pass
             12.3 s  -- breaker open: a probe was slow or failed, no calls for 1.00 s
             12.3 s  -- breaker closed: the probes succeeded
             12.3 s  -- limiter out of permits: what is over is refused at once
             12.3 s  -- bulkhead full: 8 calls run, its queue is full or too slow
             12.3 s  -- the last good answer is given instead, 131 ms old
            """
        #expect((Self.events + more).map { PlainView.line($0) }.joined(separator: "\n") == expected)
    }

    @Test("A frame on a terminal shows both sides, the phases and the latest changes")
    func terminalFrame() {
        let expected = """
            The same calls to two equal upstreams, one of them behind a policy
              time      ==========---------------------------------------------- 5.0 s
              upstream  healthy slow    failing down  recovered overloaded calm
              breaker   _________##
                        _ closed   # open: rejecting   o half-open: probing
              SLOW  400 ms an answer, so it manages only 20 of 80 calls/s
                                            without protection       with a policy
              breaker                                     none                open
              bulkhead slots in use, queue                none           7 of 8, 2
              limiter permits left                        none            19 of 20
              calls per second, sent                    80, 80               80, 3
              succeeded so far                             331                 318
              answered with the last good                    -                  80
                oldest in the last second                    -              820 ms
              failed or rejected                            54                   5
              refused: breaker/limit/slots                   -              70/5/9
              retries, cut off by timeout                    -               12, 3
              waiting for an answer                         74                   0
              latency p50, p99                  754 ms, 1.00 s                -, -

               0.0 s  upstream healthy: answers take a few milliseconds, 3 in 100 are a 503
               4.0 s  upstream slow: 400 ms an answer, so it manages only 20 of 80 calls/s
               4.8 s  breaker open: 52 % of calls were slow, no calls for 507 ms
            """
        let lines = TerminalView(glyphs: .ascii).lines(frame()).map(\.text.withoutTrailingSpace)
        #expect(lines.joined(separator: "\n") == expected)
    }

    @Test(
        "Every frame has the same number of lines, and they fit",
        arguments: [Duration.zero, .seconds(4), .seconds(19), .seconds(28), .seconds(35)])
    func frameSize(elapsed: Duration) {
        let many = (0..<40).map { StoryEvent(moment: .seconds($0), change: .phase(.slow)) }
        for events in [[], Self.events, many] {
            let lines = TerminalView(glyphs: .unicode).lines(frame(elapsed: elapsed, events: events))
            #expect(lines.count == TerminalView.height - 1)
            #expect(lines.allSatisfy { $0.text.count < 80 })
        }
    }

    @Test("The story of each phase fits into a line", arguments: Phase.allCases)
    func storyLine(phase: Phase) {
        let events = [StoryEvent(moment: .seconds(4), change: .phase(phase))]
        let lines = TerminalView(glyphs: .ascii).lines(frame(events: events))
        #expect(lines.contains { $0.text.hasSuffix(phase.story) })
        #expect(lines.allSatisfy { $0.text.count < 80 })
    }

    @Test("The breaker's history shows probing however short it was")
    func breakerHistory() {
        func change(_ seconds: Double, _ state: CircuitBreaker.State) -> StoryEvent {
            StoryEvent(moment: .seconds(seconds), change: .breaker(to: state, reason: .manual, breakLength: nil))
        }
        let events = [
            change(2.5, .open), change(4.1, .halfOpen), change(4.2, .open), change(6.5, .halfOpen),
            change(8.5, .closed),
        ]
        let history = frame(elapsed: .seconds(27), events: events).breakerHistory(cells: 14)
        #expect(
            history == [
                .closed, .open, .halfOpen, .halfOpen, .halfOpen, .closed, .closed, .closed, .closed, .closed, .closed,
                .closed, .closed, .closed,
            ])
        #expect(frame(elapsed: .seconds(5), events: events).breakerHistory(cells: 14) == [.closed, .open, .halfOpen])
        #expect(frame().breakerHistory(cells: 0).isEmpty)
    }

    @Test("A line is cut by what is seen, and coloured only if there are colours")
    func cutLine() {
        let line = StyledLine("one ", .bold) + StyledLine("two", .red) + StyledLine(" three")
        #expect(line.rendered(width: 80, hasColor: false) == "one two three")
        #expect(line.rendered(width: 6, hasColor: false) == "one tw")
        #expect(line.rendered(width: 6, hasColor: true) == "\u{1B}[1mone \u{1B}[0m\u{1B}[31mtw\u{1B}[0m")
        #expect(line.rendered(width: 0, hasColor: true) == "")
    }

    @Test(
        "A duration in a cell is rounded, in milliseconds below a second",
        arguments: [
            (0, "0 ms"), (999, "<1 ms"), (1_000, "1 ms"), (402_499, "402 ms"), (999_499, "999 ms"), (999_500, "1.00 s"),
            (1_250_000, "1.25 s"), (9_994_000, "9.99 s"), (9_995_000, "10.0 s"), (99_940_000, "99.9 s"),
            (99_950_000, "100 s"), (3_600_000_000, "3600 s"),
        ])
    func durationCell(microseconds: Int64, expected: String) {
        #expect(Duration.microseconds(microseconds).cell == expected)
    }

    @Test("Numbers that fit no integer are still shown")
    func hugeNumbers() {
        #expect(Double.infinity.text(decimals: 1) == "inf")
        #expect((-0.04).text(decimals: 1) == "0.0")
        #expect((-2.05).text(decimals: 1) == "-2.1")
        #expect(12.345.text(decimals: 2) == "12.35")
        #expect(7.0.text(decimals: 0) == "7")
    }
}

@Suite("Live view on an output")
struct LiveViewTests {
    private final class Output {
        var writes: [String] = []
    }

    private func view(_ mode: ViewMode, _ output: Output) -> LiveView {
        LiveView(mode, columns: { 80 }, write: { output.writes.append($0) })
    }

    @Test("The plain view writes a line each half second and one for each change")
    func plainView() throws {
        let output = Output()
        var view = view(.plain, output)
        try view.begin(.quick, seed: 3)
        #expect(output.writes.joined().hasPrefix("resilience-demo: 7.0 s, seed 3\n80 calls/s to each of two equal"))
        output.writes = []
        for milliseconds in [0, 450, 500, 550, 980, 1_010, 1_600] {
            let moment = Duration.milliseconds(milliseconds)
            try view.show(frame(elapsed: moment, events: ViewTests.events.filter { $0.moment <= moment }))
        }
        try view.end()
        let lines = output.writes.joined().split(separator: "\n").map { $0.split(separator: "  ").first }
        #expect(lines == ["0.0 s", "0.5 s", "1.0 s", "1.6 s"])
        #expect(output.writes.allSatisfy { !$0.contains("\u{1B}") && $0.hasSuffix("\n") })
    }

    @Test("On a terminal each frame is one write over the one before")
    func oneWritePerFrame() throws {
        let output = Output()
        var view = view(.redrawing(hasColor: false, glyphs: .ascii), output)
        try view.begin(.quick, seed: 3)
        try view.show(frame())
        try view.show(frame())
        try view.end()
        #expect(output.writes.count == 4)
        #expect(output.writes.first == "\u{1B}[?25l")
        #expect(output.writes.last == "\u{1B}[?25h")
        #expect(output.writes[1].split(separator: "\n", omittingEmptySubsequences: false).count == TerminalView.height)
        #expect(output.writes[2] == "\u{1B}[23A" + output.writes[1])
    }

    @Test("An output that is closed ends the view")
    func closedOutput() {
        var view = LiveView(.plain, columns: { nil }, write: { _ in throw Terminal.Closed() })
        #expect(throws: Terminal.Closed.self) { try view.begin(.quick, seed: 1) }
    }

    private static let unicode = ViewMode.redrawing(hasColor: true, glyphs: .unicode)
    private static let ascii = ViewMode.redrawing(hasColor: true, glyphs: .ascii)

    @Test(
        "The view suits the environment",
        arguments: [
            (["TERM": "xterm", "LANG": "de_DE.UTF-8"], unicode),
            (["TERM": "xterm", "LANG": "en_US.utf8"], unicode),
            (["TERM": "xterm", "LC_ALL": "", "LANG": "C.UTF-8"], unicode),
            (["TERM": "xterm", "LC_ALL": "C", "LANG": "C.UTF-8"], ascii),
            (["TERM": "xterm"], ascii),
            (["TERM": "xterm", "NO_COLOR": ""], ascii),
            (["TERM": "xterm", "NO_COLOR": "1"], .redrawing(hasColor: false, glyphs: .ascii)),
            (["TERM": "dumb"], .plain),
            (["TERM": ""], .plain),
            ([:], .plain),
        ])
    func viewMode(environment: [String: String], expected: ViewMode) {
        #expect(ViewMode.choose(environment: environment, size: .init(columns: 76, rows: 24)) == expected)
    }

    @Test("A terminal that is too small, or none, gets plain lines")
    func smallTerminal() {
        for size in [nil, ViewMode.Size(columns: 75, rows: 24), ViewMode.Size(columns: 76, rows: 23)] {
            #expect(ViewMode.choose(environment: ["TERM": "xterm"], size: size) == .plain)
        }
    }
}
