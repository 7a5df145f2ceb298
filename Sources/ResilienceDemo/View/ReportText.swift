import Resilience

/// The last report of the module, in lines that fit.
struct ReportText {
    private static let width = 100

    let lines: [String]

    init(_ report: ResilienceModule.ShutdownReport) {
        lines =
            ["Module \"\(report.module)\" has ended; its last report:"]
            + report.description.split(separator: "\n").flatMap { Self.wrapped(String($0)) }
    }

    /// A line of the report in as many lines as it needs, broken after commas.
    static func wrapped(_ line: String) -> [String] {
        let indent = line.prefix { $0 == " " }
        var lines: [String] = []
        var current = ""
        for (index, part) in line.dropFirst(indent.count).split(separator: ", ").enumerated() {
            let isFirst = index == 0
            if !isFirst, indent.count + current.count + part.count + 4 > width {
                lines.append(indent + (lines.isEmpty ? "" : "    ") + current + ",")
                current = String(part)
            } else {
                current += (isFirst ? "" : ", ") + part
            }
        }
        return lines + [indent + (lines.isEmpty ? "" : "    ") + current]
    }
}
