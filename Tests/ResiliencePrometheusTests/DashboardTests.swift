import CircuitBreakers
import Foundation
import PrometheusTestSupport
import ResilienceCore
import Testing

@testable import ResiliencePrometheus

/// The dashboard that the guides offer.
struct Dashboard: Decodable {
    struct Panel: Decodable {
        struct Target: Decodable {
            let expr: String
            let refId: String
        }

        struct Position: Decodable {
            let x: Int
            let y: Int
            let w: Int
            let h: Int
        }

        struct Source: Decodable {
            let uid: String
        }

        let id: Int
        let title: String
        let type: String
        let gridPos: Position
        let datasource: Source
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

    let title: String
    let uid: String
    let schemaVersion: Int
    let panels: [Panel]
    let templating: Templating

    static func load() throws -> Dashboard {
        let data = try Data(contentsOf: Guides.folder.appending(path: "dashboards/resilience.json"))
        return try JSONDecoder().decode(Dashboard.self, from: data)
    }

    /// The expressions as Grafana sends them with everything chosen.
    var expressions: [String] {
        panels.flatMap(\.targets).map { target in
            var text = target.expr.replacingOccurrences(of: "$__rate_interval", with: "1m")
            for variable in templating.list { text = text.replacingOccurrences(of: "$\(variable.name)", with: ".*") }
            return text
        }
    }
}

@Suite("Guides/dashboards/resilience.json")
struct DashboardTests {
    @Test("every metric, label and value that it asks for is there")
    func metrics() throws {
        let dashboard = try Dashboard.load()
        let everything = try Everything()
        everything.policy.circuitBreakers[0].isolate()  // Something happens, so that there are events.
        let check = QueryCheck(page: PrometheusExporter(everything.sources).page().description)
        for target in dashboard.panels.flatMap(\.targets) { check.check(target.expr) }
        for case .text(let text) in dashboard.templating.list.map(\.query) where text.contains("(resilience_") {
            check.check(text)
        }
    }

    @Test("its structure is one that Grafana takes")
    func structure() throws {
        let dashboard = try Dashboard.load()
        #expect(!dashboard.title.isEmpty && !dashboard.uid.isEmpty && dashboard.schemaVersion >= 30)
        #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
        var taken: [String: String] = [:]
        for panel in dashboard.panels {
            #expect(["stat", "timeseries", "state-timeline"].contains(panel.type), "\(panel.title)")
            #expect(panel.datasource.uid == "${datasource}", "\(panel.title)")
            #expect(!panel.targets.isEmpty && Set(panel.targets.map(\.refId)).count == panel.targets.count)
            let place = panel.gridPos
            #expect(place.x >= 0 && place.w > 0 && place.x + place.w <= 24, "\(panel.title) is outside the grid")
            for x in place.x..<place.x + place.w {
                for y in place.y..<place.y + place.h {
                    let other = taken.updateValue(panel.title, forKey: "\(x),\(y)")
                    #expect(other == nil, "\(panel.title) lies on \(other ?? "")")
                }
            }
        }
        // Every variable that an expression names is declared, and none is left over.
        let declared = Set(dashboard.templating.list.map(\.name))
        let used = dashboard.panels.flatMap(\.targets).flatMap { target in
            target.expr.matches(of: /\$(\w+)/).map { String($0.1) }
        }
        #expect(Set(used).subtracting(["__rate_interval"]).union(["datasource"]) == declared)
    }
}
