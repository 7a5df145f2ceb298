import Foundation
import ResilienceCore
import Testing

@testable import Timeouts

/// Timeouts described by a document.
@Suite("Timeout: documents")
struct TimeoutDocumentTests {
    @Test("A limit is read from a duration or a word, and written back")
    func forms() throws {
        #expect(try Timeout.Configuration("2s").document == "2s")
        #expect(try Timeout.Configuration("1m30s").detail == "90s")
        #expect(try Timeout.Configuration("remaining").detail == "remaining")
        let data = Data(#"{"timeout": "250ms"}"#.utf8)
        let decoded = try JSONDecoder().decode([String: Timeout.Configuration].self, from: data)
        #expect(decoded["timeout"]?.detail == "250ms")
        #expect(try JSONEncoder().encode(decoded) == Data(#"{"timeout":"250ms"}"#.utf8))
    }

    @Test("a function stays, and is written as nothing")
    func functions() throws {
        let limit = Timeout.Configuration.custom { _ in .seconds(1) }
        #expect(limit.document == .null)
        #expect(try Timeout.Configuration(limit.document, onto: limit).detail == "dynamic")
        #expect(try Timeout.Configuration("2s", onto: limit).detail == "2s")
    }

    @Test(
        "what is no limit is refused, and changes nothing",
        arguments: [
            ("0s", "\"0s\" is outside 1 ns...292 years"), ("-1s", "\"-1s\" is outside 1 ns...292 years"),
            ("2", "\"2\" is not a duration such as \"250ms\", \"2s\" or \"1m30s\""),
            (2, "2 is a number without a unit; write \"2s\" or \"2ms\""),
            (nil, "null is neither a duration such as \"2s\" nor \"remaining\""),
            (["limit": "2s"], "{…} is not a duration such as \"250ms\", \"2s\" or \"1m30s\""),
            ("Remaining", "\"Remaining\" is not a duration such as \"250ms\", \"2s\" or \"1m30s\""),
        ] as [(ConfigurationValue, String)])
    func faults(document: ConfigurationValue, fault: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try Timeout.Configuration(document, at: "policies.p.timeout")
        }
        #expect(error?.faults.map(\.description) == ["policies.p.timeout: \(fault)"])
        var limit = Timeout.Configuration.fixed(.seconds(7))
        #expect(throws: ConfigurationError.self) { try limit.apply(document) }
        #expect(limit.detail == "7s")
    }
}
