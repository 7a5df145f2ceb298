import Foundation
import Testing

@testable import ResiliencePrometheus

/// Checks that what a PromQL expression asks for is on a page.
struct QueryCheck {
    private let lines: [Substring]

    init(page: String) {
        lines = page.split(separator: "\n")
    }

    /// Every metric, every label and every value that an expression names.
    func check(_ query: String) {
        let selectors = query.matches(of: /(resilience4?j?_\w+)(?:\{([^}]*)\})?/)
        #expect(!selectors.isEmpty, "\(query)")
        var asked: [Substring] = []
        for selector in selectors {
            let lines = lines.filter { $0.hasPrefix("\(selector.1){") }
            asked += lines
            #expect(!lines.isEmpty, "\(query): there is no \(selector.1)")
            for matcher in (selector.2 ?? "").matches(of: /(\w+)(=~|!=|=)"([^"]*)"/) where matcher.1 != "instance" {
                #expect(lines.contains { $0.contains("\(matcher.1)=\"") }, "\(query): no label \(matcher.1)")
                for value in matcher.3.split(separator: "|") where !value.hasPrefix("$") {
                    #expect(
                        lines.contains { $0.contains("\(matcher.1)=\"\(value)\"") },
                        "\(query): no \(matcher.1) \(value)")
                }
            }
        }
        for grouping in query.matches(of: /by \(([^)]*)\)/) {
            for label in grouping.1.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) })
            where label != "job" && label != "instance" {
                #expect(asked.contains { $0.contains("\(label)=\"") }, "\(query): no label \(label)")
            }
        }
    }
}

/// The files that the guides offer.
enum Guides {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Guides")
    static let alerts = folder.appending(path: "alerts/resilience.yml")
}
