import Resilience

/// The view where lines cannot be drawn over: a table that grows, with what changes in between.
struct PlainView {
    /// A column: its heading, its width, and what stands in it.
    private struct Column: Sendable {
        let heading: String
        let width: Int
        let cell: @Sendable (Frame) -> String

        init(_ heading: String, _ width: Int, _ cell: @escaping @Sendable (Frame) -> String) {
            self.heading = heading
            self.width = width
            self.cell = cell
        }
    }

    private static let common = [
        Column("time", 7) { $0.elapsed.moment },
        Column("upstream", 10) { $0.phase.rawValue },
        Column("calls/s", 7) { $0.protected.callsPerSecond.text(decimals: 0) },
    ]

    private static let unprotected = outcome(\.unprotected)

    private static let protected =
        [
            Column("breaker", 9) { $0.breaker.description },
            Column("slots", 5) { "\($0.gauges.slotsInUse)/\($0.gauges.slots)" },
            Column("permits", 7) { String($0.gauges.permits) },
        ] + outcome(\.protected, [Column("stale", 5) { String($0.protected.stale) }])

    private static func outcome(
        _ side: @escaping @Sendable (Frame) -> CallLog.Snapshot, _ more: [Column] = []
    ) -> [Column] {
        [Column("ok", 5) { String(side($0).succeeded) }] + more
            + [
                // What was rejected and had no last good answer has failed, as the caller sees it.
                Column("failed", 6) { String(side($0).failed + side($0).rejected) },
                Column("p50", 6) { side($0).median.cell },
                Column("p99", 6) { side($0).p99.cell },
            ]
    }

    /// The headings of the lines.
    static var header: [String] {
        let groups = [common, unprotected, protected]
        let titles = [
            "", "without protection",
            "with a policy: last good answer, retry, circuit breaker, limiter, bulkhead, timeout",
        ]
        let widths = groups.map { $0.reduce(-2) { $0 + $1.width + 2 } }
        let first = zip(titles, widths).map { $0.padded(to: $1) }.joined(separator: " | ")
        return [first, row(groups) { $0.heading }].map(\.withoutTrailingSpace)
    }

    /// One line of numbers.
    static func line(_ frame: Frame) -> String {
        row([common, unprotected, protected]) { $0.cell(frame) }.withoutTrailingSpace
    }

    /// One line about a change.
    static func line(_ event: StoryEvent) -> String {
        "\(event.moment.moment.rightAligned(to: 7))  -- \(event.text)"
    }

    private static func row(_ groups: [[Column]], _ text: (Column) -> String) -> String {
        groups.map { columns in
            columns.map { text($0).rightAligned(to: $0.width) }.joined(separator: "  ")
        }.joined(separator: " | ")
    }
}
