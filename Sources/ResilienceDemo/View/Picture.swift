import Foundation

/// A run as a picture: of the calls of each phase, how many were answered, without and with protection.
///
/// The numbers are in it, so that a test can draw it again and see whether it is the one that is drawn today.
struct Picture: Codable, Equatable {
    struct Row: Codable, Equatable {
        let phase: String
        let calls: Int
        let answeredWithout: Int
        let answered: Int
        let lastGood: Int
    }

    let rows: [Row]

    init(_ comparison: Comparison) {
        rows = Phase.allCases.compactMap { phase in
            guard let left = comparison.unprotected.byPhase[phase], let right = comparison.protected.byPhase[phase]
            else { return nil }
            return Row(
                phase: phase.rawValue, calls: max(left.all, right.all), answeredWithout: left.succeeded,
                answered: right.succeeded, lastGood: right.stale)
        }
    }

    /// Reads the numbers of a picture; `nil` if it is none.
    init?(svg: String) {
        guard let text = svg.firstMatch(of: /<metadata>(.*)<\/metadata>/)?.1,
            let picture = try? JSONDecoder().decode(Picture.self, from: Data(text.utf8))
        else { return nil }
        self = picture
    }

    /// Drawn for light and dark pages.
    var svg: String {
        var lines = [
            #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 236" role="img" font-family="sans-serif">"#,
            "<title>Answered calls in each phase, without and with a policy</title>",
            "<metadata>\(numbers)</metadata>",
            "<style>text { fill: #57606a; font-size: 12px } .b { font-weight: bold } .without { fill: #cf5b56 } "
                + ".with { fill: #2f8f5b } .last { fill: #8fcfa9 } .none { fill: #8c959f; fill-opacity: .18 } "
                + "@media (prefers-color-scheme: dark) { text { fill: #adbac7 } }</style>",
        ]
        for (index, row) in rows.enumerated() {
            let x = 8 + index * 107
            let fresh = height(row.answered, of: row)
            lines.append(bar(x: x, bottom: 180, height: 150, "none"))
            lines.append(bar(x: x, bottom: 180, height: height(row.answeredWithout, of: row), "without"))
            lines.append(bar(x: x + 48, bottom: 180, height: 150, "none"))
            lines.append(bar(x: x + 48, bottom: 180, height: fresh, "with"))
            lines.append(bar(x: x + 48, bottom: 180 - fresh, height: height(row.lastGood, of: row), "last"))
            lines.append(text(x + 22, 24, share(row.answeredWithout, of: row)))
            lines.append(text(x + 70, 24, share(row.answered + row.lastGood, of: row)))
            lines.append(text(x + 46, 198, row.phase, "b"))
        }
        let legend = [
            ("without", "answered without a policy"), ("with", "with one"), ("last", "with the last good answer"),
        ]
        for (index, entry) in legend.enumerated() {
            let x = [8, 208, 308][index]
            lines.append(#"<rect x="\#(x)" y="214" width="12" height="12" class="\#(entry.0)"/>"#)
            lines.append(#"<text x="\#(x + 18)" y="224">\#(entry.1)</text>"#)
        }
        return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private var numbers: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private func height(_ count: Int, of row: Row) -> Int { count * 150 / max(1, row.calls) }

    private func share(_ count: Int, of row: Row) -> String { "\(count * 100 / max(1, row.calls)) %" }

    private func bar(x: Int, bottom: Int, height: Int, _ style: String) -> String {
        #"<rect x="\#(x)" y="\#(bottom - height)" width="44" height="\#(height)" class="\#(style)"/>"#
    }

    private func text(_ x: Int, _ y: Int, _ text: String, _ style: String = "") -> String {
        #"<text x="\#(x)" y="\#(y)" text-anchor="middle" class="\#(style)">\#(text)</text>"#
    }
}
