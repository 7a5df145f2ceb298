import Foundation
import ResilienceCore
import Testing

@testable import ResiliencePrometheus

/// The dashboard that the guides offer.
@Suite("Guides/dashboards/resilience.json")
struct DashboardTests {
    private struct Dashboard: Decodable {
        struct Panel: Decodable {
            struct Target: Decodable { let expr: String }
            let id: Int
            let title: String
            let targets: [Target]
        }

        struct Templating: Decodable {
            struct Variable: Decodable {
                let name: String
                let query: Query
            }

            enum Query: Decodable {
                case text(String)

                init(from decoder: any Decoder) throws {
                    struct Named: Decodable { let query: String }
                    self = .text(
                        try (try? decoder.singleValueContainer().decode(String.self)) ?? Named(from: decoder).query)
                }
            }

            let list: [Variable]
        }

        let panels: [Panel]
        let templating: Templating
    }

    private func dashboard() throws -> Dashboard {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "Guides/dashboards/resilience.json"))
        return try JSONDecoder().decode(Dashboard.self, from: data)
    }

    @Test("every metric, label and value that it asks for is there")
    func metrics() throws {
        let dashboard = try dashboard()
        let page = PrometheusExporter(try Everything().sources).page().description
        var queries = dashboard.panels.flatMap { $0.targets.map(\.expr) }
        for variable in dashboard.templating.list {
            if case .text(let text) = variable.query, text.contains("resilience_") { queries.append(text) }
        }
        #expect(queries.count >= dashboard.panels.count)
        for query in queries {
            let selectors = query.matches(of: /(resilience_\w+)(?:\{([^}]*)\})?/)
            #expect(!selectors.isEmpty, "\(query)")
            for selector in selectors {
                let lines = page.split(separator: "\n").filter { $0.hasPrefix("\(selector.1){") }
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
                for label in grouping.1.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                    #expect(page.contains("\(label)=\""), "\(query): no label \(label)")
                }
            }
        }
        #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
    }
}
