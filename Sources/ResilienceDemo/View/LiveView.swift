/// Shows frames as they come, in the way that fits standard output.
struct LiveView {
    private static let hideCursor = "\u{1B}[?25l"
    private static let showCursor = "\u{1B}[?25h"
    private static let clearLine = "\u{1B}[2K"

    private let mode: ViewMode
    private let write: (String) throws -> Void
    private let columns: () -> Int?
    private var drawnLines = 0
    private var shownEvents = 0
    private var nextLine = Duration.milliseconds(500)

    /// How often to show a frame.
    var interval: Duration {
        if case .plain = mode { .milliseconds(50) } else { .milliseconds(100) }
    }

    init(
        _ mode: ViewMode, columns: @escaping () -> Int? = { Terminal.size?.columns },
        write: @escaping (String) throws -> Void = Terminal.write
    ) {
        self.mode = mode
        self.columns = columns
        self.write = write
    }

    mutating func begin(_ scenario: Scenario, seed: UInt64) throws {
        switch mode {
        case .plain:
            let rate = scenario.callRate.text(decimals: 0)
            let lines =
                [
                    "resilience-demo: \(scenario.length.moment), seed \(seed)",
                    "\(rate) calls/s to each of two equal upstreams, one of them behind a policy; overloaded, three times as many",
                    "",
                ] + PlainView.header
            try write(lines.joined(separator: "\n") + "\n")
        case .redrawing:
            try write(Self.hideCursor)
        }
    }

    mutating func show(_ frame: Frame) throws {
        switch mode {
        case .plain: try append(frame)
        case .redrawing(let hasColor, let glyphs): try redraw(frame, hasColor: hasColor, glyphs: glyphs)
        }
    }

    /// Leaves the last frame where it is and gives the cursor back.
    mutating func end() throws {
        if case .redrawing = mode { try write(Self.showCursor) }
    }

    private mutating func append(_ frame: Frame) throws {
        var lines = frame.events.dropFirst(shownEvents).map { PlainView.line($0) }
        shownEvents = frame.events.count
        if frame.elapsed >= nextLine {
            lines.append(PlainView.line(frame))
            while nextLine <= frame.elapsed { nextLine += .milliseconds(500) }
        }
        if !lines.isEmpty { try write(lines.joined(separator: "\n") + "\n") }
    }

    /// One write for the whole frame, each line cleared just before it is drawn: nothing flickers.
    private mutating func redraw(_ frame: Frame, hasColor: Bool, glyphs: Glyphs) throws {
        let width = max(1, (columns() ?? TerminalView.narrowest) - 1)
        let lines = TerminalView(glyphs: glyphs).lines(frame)
        var output = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
        for line in lines { output += "\r" + Self.clearLine + line.rendered(width: width, hasColor: hasColor) + "\n" }
        drawnLines = lines.count
        try write(output)
    }
}
