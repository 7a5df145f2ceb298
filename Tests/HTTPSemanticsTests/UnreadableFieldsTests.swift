import Resilience
import ResilienceCore
import Testing

@testable import HTTPSemantics

@Suite("Fields that cannot be read")
struct UnreadableFieldsTests {
    @Test("Of several priorities the last that can be read counts")
    func lastPriority() {
        let fields = UnreadableFields("test")
        let lines = headers(("priority", "u=5"), ("Priority", "u=1"), ("priority", "u=9"), ("x-priority", "u=7"))
        #expect(fields.priority(.standard, lines) == .high)
        #expect(fields.total(.priority) == 1)
        #expect(fields.priority(.standard, headers(("x-priority", "u=7"))) == nil)
        #expect(fields.total(.priority) == 1)
    }

    @Test("Each kind of field is counted by itself, and seen by its name", arguments: UnreadableFields.Kind.allCases)
    func kinds(_ kind: UnreadableFields.Kind) throws {
        let fields = UnreadableFields("test")
        let names = ["retry-after", "ratelimit", "grpc-timeout", "priority"]
        let read = { (headers: HTTPHeaderLookup) in
            _ = HTTPResponseRule(readsRateLimit: false, unreadable: fields).hint(headers: headers)
            #expect(fields.rateLimits(headers) == nil)
            #expect(fields.deadline(.grpcTimeout, headers) == nil)
            #expect(fields.priority(.standard, headers) == nil)
        }
        let index = try #require(UnreadableFields.Kind.allCases.firstIndex(of: kind))
        for _ in 0..<3 { read(headers((names[index], "u=?"), ("date", "u=?"))) }
        for other in UnreadableFields.Kind.allCases { #expect(fields.total(other) == (other == kind ? 3 : 0)) }
        var metrics = MetricCollection()
        metrics.collect(fields)
        let samples = metrics.entries.flatMap(\.samples)
        #expect(samples.map(\.labels) == UnreadableFields.Kind.allCases.map { ["test", $0.rawValue] })
        #expect(samples.map(\.value) == UnreadableFields.Kind.allCases.map { .integer($0 == kind ? 3 : 0) })
    }
}
