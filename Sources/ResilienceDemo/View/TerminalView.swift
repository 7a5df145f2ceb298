import Resilience

/// The view on a terminal, drawn over itself.
struct TerminalView {
    /// The lines it needs, with one more for the cursor.
    static let height = 24
    static let narrowest = 76
    private static let labelWidth = 28
    private static let columnWidth = 20
    private static let eventCount = 3

    let glyphs: Glyphs

    /// The lines of one frame: as many for each, so that nothing moves.
    func lines(_ frame: Frame) -> [StyledLine] {
        var lines = [
            StyledLine("The same calls to two equal upstreams, one of them behind a policy", .bold)
        ]
        lines += timeline(frame)
        lines += [
            legend, StyledLine("  ") + phase(frame.phase),
            row("", StyledLine("without protection", .bold), StyledLine("with a policy", .bold)),
        ]
        lines += table(frame)
        lines.append(StyledLine())
        let latest = frame.events.suffix(Self.eventCount)
        lines += latest.map { StyledLine("  \($0.moment.moment.rightAligned(to: 6))  ", .faint) + StyledLine($0.text) }
        lines += Array(repeating: StyledLine(), count: Self.eventCount - latest.count)
        return lines
    }

    private func timeline(_ frame: Frame) -> [StyledLine] {
        let cells = 56
        let length = frame.scenario.length
        func cell(_ moment: Duration) -> Int {
            length > .zero ? min(cells, Int((moment.seconds / length.seconds * Double(cells)).rounded(.down))) : 0
        }
        let done = cell(frame.elapsed)
        var time = StyledLine("  time      ")
        time.append(String(repeating: glyphs.done, count: done))
        time.append(String(repeating: glyphs.ahead, count: cells - done), .faint)
        let shown = min(frame.elapsed, length)
        time.append(" " + shown.moment)

        var upstream = StyledLine("  upstream  ")
        for (index, span) in frame.scenario.spans.enumerated() {
            let width = cell(span.start + span.length) - cell(span.start)
            let name = span.phase.rawValue.padded(to: width)
            // The last name may be longer than its part of the time.
            let text = index == frame.scenario.spans.count - 1 ? name : String(name.prefix(max(0, width - 1))) + " "
            upstream.append(text, span.start <= frame.elapsed ? span.phase.style : .faint)
        }

        var breaker = StyledLine("  breaker   ")
        for state in frame.breakerHistory(cells: cells) { breaker.append(glyphs.glyph(state), state.style) }
        return [time, upstream, breaker]
    }

    private var legend: StyledLine {
        var line = StyledLine("            ")
        let meanings: [(CircuitBreaker.State, String)] = [
            (.closed, "closed"), (.open, "open: rejecting"), (.halfOpen, "half-open: probing"),
        ]
        for (state, meaning) in meanings {
            line.append(glyphs.glyph(state), state.style)
            line.append(" \(meaning)   ", .faint)
        }
        return line
    }

    private func phase(_ phase: Phase) -> StyledLine {
        StyledLine(phase.rawValue.uppercased(), phase.style) + StyledLine("  " + phase.story)
    }

    private func table(_ frame: Frame) -> [StyledLine] {
        let (left, right) = (frame.unprotected, frame.protected)
        func numbers(_ label: String, _ value: (CallLog.Snapshot) -> String) -> StyledLine {
            row(label, StyledLine(value(left)), StyledLine(value(right)))
        }
        return [
            row("breaker", StyledLine("none"), StyledLine(frame.breaker.description, frame.breaker.style)),
            row("bulkhead slots in use, queue", StyledLine("none"), slots(frame.gauges)),
            row("limiter permits left", StyledLine("none"), permits(frame.gauges)),
            numbers("calls per second, sent") {
                "\($0.callsPerSecond.text(decimals: 0)), \($0.sentPerSecond.text(decimals: 0))"
            },
            numbers("succeeded so far") { String($0.succeeded) },
            row("answered with the last good", StyledLine("-"), StyledLine(String(right.stale))),
            row("  oldest in the last second", StyledLine("-"), StyledLine(right.oldestAnswer.cell)),
            numbers("failed or rejected") { String($0.failed + $0.rejected) },
            row("refused: breaker/limit/slots", StyledLine("-"), StyledLine(refused(frame.layers))),
            row(
                "retries, cut off by timeout", StyledLine("-"),
                StyledLine("\(frame.layers.retries), \(frame.layers.timeouts)")),
            numbers("waiting for an answer") { String($0.inFlight) },
            numbers("latency p50, p99") { "\($0.median.cell), \($0.p99.cell)" },
        ]
    }

    private func slots(_ gauges: Protection.Gauges) -> StyledLine {
        let isFull = gauges.slotsInUse >= gauges.slots
        return StyledLine(
            "\(gauges.slotsInUse) of \(gauges.slots), \(gauges.queued)", isFull ? .yellow : .plain)
    }

    private func permits(_ gauges: Protection.Gauges) -> StyledLine {
        StyledLine("\(gauges.permits) of \(gauges.mostPermits)", gauges.permits == 0 ? .yellow : .plain)
    }

    private func refused(_ layers: Protection.Totals) -> String {
        "\(layers.refusedByBreaker)/\(layers.refusedByLimiter)/\(layers.refusedByBulkhead)"
    }

    private func row(_ label: String, _ left: StyledLine, _ right: StyledLine) -> StyledLine {
        var line = StyledLine("  " + label.padded(to: Self.labelWidth))
        for cell in [left, right] {
            line.append(String(repeating: " ", count: max(0, Self.columnWidth - cell.text.count)))
            line = line + cell
        }
        return line
    }
}

/// The characters that a terminal may or may not be able to show.
struct Glyphs: Sendable, Equatable {
    let done: String
    let ahead: String
    let closed: String
    let halfOpen: String
    let open: String

    static let unicode = Glyphs(done: "━", ahead: "─", closed: "▁", halfOpen: "▄", open: "█")
    static let ascii = Glyphs(done: "=", ahead: "-", closed: "_", halfOpen: "o", open: "#")

    func glyph(_ state: CircuitBreaker.State) -> String {
        switch state {
        case .open, .isolated: open
        case .halfOpen: halfOpen
        default: closed
        }
    }
}

extension Phase {
    var style: StyledLine.Style {
        switch self {
        case .healthy, .recovered, .calm: .green
        case .slow, .overloaded: .yellow
        case .failing, .down: .red
        }
    }
}

extension CircuitBreaker.State {
    var style: StyledLine.Style {
        switch self {
        case .open, .isolated: .red
        case .halfOpen: .yellow
        default: .green
        }
    }
}
