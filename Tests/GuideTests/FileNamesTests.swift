import Foundation
import Testing

/// Architecture.md says which parts of a pattern are in which of its files.
@Suite("Names of files")
struct FileNamesTests {
    private static let sources = GuideBlocksTests.root.appending(path: "Sources")

    /// The folders of the patterns: what the umbrella library exports, but the core.
    private func patterns() throws -> [String] {
        let exports = try String(
            contentsOf: Self.sources.appending(path: "Resilience/Exports.swift"), encoding: .utf8)
        return exports.split(separator: "\n").compactMap { line in
            line.hasPrefix("@_exported") ? line.split(separator: " ").last.map(String.init) : nil
        }.filter { $0 != "ResilienceCore" }
    }

    @Test(
        "a part of a pattern is in the file whose name says so, and in no other",
        arguments: [
            ("func _enter(", "+Passage"), ("func retainedState(at", "+Retained"),
            ("DocumentRepresentable {", "Document"), (" = MetricFamily(", "+Metrics"), ("PolicyEventKind {", "+Events"),
            ("SummableTotals {", "+Totals"), (": PolicyRejection, ", "+Errors"),
        ])
    func parts(declaration: String, name: String) throws {
        let patterns = try patterns()
        #expect(patterns.count >= 7)
        var found = 0
        for pattern in patterns {
            let folder = Self.sources.appending(path: pattern)
            let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
            for case let file as URL in files where file.pathExtension == "swift" {
                guard try String(contentsOf: file, encoding: .utf8).contains(declaration) else { continue }
                found += 1
                #expect(file.lastPathComponent.contains(name), "\(declaration) in \(file.lastPathComponent)")
            }
        }
        #expect(found > 1, "nothing is declared so any more: \(declaration)")
    }
}
