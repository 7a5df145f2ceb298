/// The table at the end: what callers and upstreams saw, with and without protection, and what protection cost.
struct ComparisonTable {
    let comparison: Comparison

    var lines: [String] {
        let calls = comparison.unprotected.total.all
        let title = "The same \(calls) calls at the same moments, without and with protection:"
        let verdict = [
            "Cost of protection: \(amount(comparison.staleInVain)) got the last good answer and "
                + "\(comparison.rejectedInVain) none,",
            "where a fresh one came without it.",
            "Gained by it: \(amount(comparison.saved)) got a fresh answer and \(comparison.savedStale) the last good one,",
            "where none came without it.",
        ]
        return ([title, ""] + byPhase + [""] + inTotal + [""] + verdict).map(\.withoutTrailingSpace)
    }

    private var inTotal: [String] {
        let (left, right) = (comparison.unprotected, comparison.protected)
        return [
            Self.row("", "without", "with"),
            Self.row(
                "requests in the four bad phases", "\(left.requestsInTrouble)", "\(right.requestsInTrouble)"),
            Self.row("time callers lost on calls that failed", left.lostTime.cell, right.lostTime.cell),
            Self.row("wait of a call without fresh answer, median", median(left), median(right)),
            Self.row("wait of a call without fresh answer, p99", p99(left), p99(right)),
            Self.row("oldest of the last good answers", "-", right.oldestAnswer.cell),
            Self.row("most requests in flight at once", "\(left.mostInFlight)", "\(right.mostInFlight)"),
            Self.row("attempts refused by the breaker", "-", "\(comparison.layers.refusedByBreaker)"),
            Self.row("attempts refused by the limiter", "-", "\(comparison.layers.refusedByLimiter)"),
            Self.row("attempts refused by the full bulkhead", "-", "\(comparison.layers.refusedByBulkhead)"),
            Self.row("attempts that waited for a slot", "-", "\(comparison.layers.queued)"),
            Self.row("attempts cut off by the timeout", "-", "\(comparison.layers.timeouts)"),
            Self.row("retries", "-", "\(comparison.layers.retries)"),
            Self.row("calls that succeeded by a retry", "-", "\(comparison.layers.savedByRetry)"),
            Self.row("calls not retried, the budget being spent", "-", "\(comparison.layers.refusedByBudget)"),
        ]
    }

    private var byPhase: [String] {
        let (left, right) = (comparison.unprotected, comparison.protected)
        func line(_ name: String, _ left: Comparison.Counts, _ right: Comparison.Counts) -> String {
            let cells = [
                left.all, left.succeeded, left.failed, right.succeeded, right.stale, right.failed, right.rejected,
            ]
            return Self.phaseRow(name, cells.map(String.init))
        }
        let phases = Phase.allCases.filter { left.byPhase[$0] != nil || right.byPhase[$0] != nil }
        let header = [
            "".padded(to: 17) + "without protection".rightAligned(to: 19) + "with a policy".rightAligned(to: 34),
            Self.phaseRow("upstream", ["calls", "ok", "failed", "ok", "last good", "failed", "rejected"]),
        ]
        let rows = phases.map { line($0.rawValue, left.byPhase[$0] ?? .init(), right.byPhase[$0] ?? .init()) }
        return header + rows + [line("all", left.total, right.total)]
    }

    private static func phaseRow(_ name: String, _ cells: [String]) -> String {
        let widths = [7, 11, 8, 8, 11, 8, 10]
        return name.padded(to: 10) + zip(cells, widths).map { $0.rightAligned(to: $1) }.joined()
    }

    private static func row(_ name: String, _ left: String, _ right: String) -> String {
        name.padded(to: 43) + left.rightAligned(to: 11) + right.rightAligned(to: 11)
    }

    private func median(_ side: Comparison.Side) -> String { side.waitsForNothing.percentile(0.5).cell }

    private func p99(_ side: Comparison.Side) -> String { side.waitsForNothing.percentile(0.99).cell }

    private func amount(_ count: Int) -> String {
        let share = Double(count) / Double(max(1, comparison.protected.total.all)) * 100
        return "\(count) \(count == 1 ? "call" : "calls") (\(share.text(decimals: 1)) %)"
    }
}
