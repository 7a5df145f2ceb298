import CircuitBreakers
import Foundation
import ResilienceCore
import Testing

@testable import ResiliencePrometheus

/// The table of all metrics in the guide, against the families that there are.
@Suite("Guides/Observability.md, all metrics")
struct GuideTableTests {
    private struct Row: Equatable {
        let type: String
        let labels: [String]
    }

    private func page() throws -> (rows: [String: Row], lines: [Substring]) {
        let everything = try Everything()
        everything.policy.circuitBreakers[0].isolate()  // Something happens, so that there are events.
        everything.events.observe(EventsDropped(source: "p", count: 1))
        let sources = everything.sources
        let page = PrometheusExporter(sources).page()
        var rows: [String: Row] = [:]
        for entry in MetricCollection(of: sources).entries {
            let family = ExposedFamily(entry)
            let name = family.kind == .counter ? family.name + "_total" : family.name
            rows[name] = Row(type: family.kind.rawValue, labels: family.labels)
        }
        return (rows, page.description.split(separator: "\n"))
    }

    @Test("every family, with its type, its labels and their values, and no other")
    func table() throws {
        let text = try String(contentsOf: Guides.folder.appending(path: "Observability.md"), encoding: .utf8)
        let section = try #require(
            text.components(separatedBy: "## All metrics\n").last?.components(separatedBy: "\n## "))
        let (expected, lines) = try page()
        var found: [String: Row] = [:]
        for line in section[0].split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            let name = cells[0].trimmingCharacters(in: CharacterSet(charactersIn: "`"))
            let labels = cells[2].matches(of: /`(\w+)`(?: = ([\w, ]+))?/)
            found[name] = Row(type: cells[1], labels: labels.map { String($0.1) })
            for label in labels {
                guard let listed = label.2 else { continue }
                let values = listed.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                let shown = lines.filter { $0.hasPrefix("\(name){") || $0.hasPrefix("\(name)_count{") }
                    .compactMap { $0.firstMatch(of: try! Regex("\(label.1)=\"([^\"]*)\""))?.output[1].substring }
                #expect(Set(shown) == Set(values.filter { !$0.isEmpty }.map { Substring($0) }), "\(name), \(label.1)")
            }
        }
        for (name, row) in expected {
            #expect(found[name] == row, "\(name) is missing from the guide, or another: \(row)")
        }
        for name in found.keys.sorted() { #expect(expected[name] != nil, "\(name) is in the guide only") }
    }

    /// The names of all families that the sources define, whatever collects them.
    private func defined() throws -> Set<String> {
        let sources = Guides.folder.deletingLastPathComponent().appending(path: "Sources")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var names: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            // Not what is written for readers: examples in comments.
            let code = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
                .filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
            names.formUnion(code.matches(of: /MetricFamily\(\s*"(resilience\.[a-z_.]+)"/).map { String($0.1) })
        }
        return names
    }

    @Test("every family that any source file defines is measured here, so that the table cannot lack it")
    func nothingMissing() throws {
        let collected = Set(MetricCollection(of: try Everything().sources).entries.map(\.family.name))
        let defined = try defined()
        // Without an event no counter of events.
        #expect(defined.subtracting(collected).subtracting(["resilience.events", "resilience.events.dropped"]) == [])
        #expect(defined.count > 50)
    }

    @Test("the dashboard has something of everything that has metrics")
    func dashboard() throws {
        let queries = try Dashboard.load().panels.flatMap(\.targets).map(\.expr).joined(separator: "\n")
        let parts = try Set(defined().map { $0.split(separator: ".").dropLast().joined(separator: "_") })
        for part in parts.subtracting(["resilience"]).sorted() {
            #expect(queries.contains("\(part)_"), "nothing of \(part) is on the dashboard")
        }
    }
}
