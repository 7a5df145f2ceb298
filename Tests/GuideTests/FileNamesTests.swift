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

    private func files(of pattern: String) throws -> [URL] {
        let folder = Self.sources.appending(path: pattern)
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        return files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
    }

    @Test(
        "a part of a pattern is in the file whose name says so, and in no other",
        arguments: [
            ("func _enter(", "+Passage"), ("func retainedState(at", "+Retained"),
            ("DocumentRepresentable {", "Document"), (" = MetricFamily(", "+Metrics"), ("PolicyEventKind {", "+Events"),
            ("SummableTotals {", "+Totals"), (": PolicyRejection, ", "+Errors"),
            ("public func update(_ configuration:", "+Control"), ("func tryAcquirePermit(", "+Permit"),
        ])
    func parts(declaration: String, name: String) throws {
        let patterns = try patterns()
        #expect(patterns.count >= 7)
        var found = 0
        for pattern in patterns {
            for file in try files(of: pattern) {
                guard try String(contentsOf: file, encoding: .utf8).contains(declaration) else { continue }
                found += 1
                #expect(file.lastPathComponent.contains(name), "\(declaration) in \(file.lastPathComponent)")
            }
        }
        #expect(found > 1, "nothing is declared so any more: \(declaration)")
    }

    @Test("totals of every pattern are in a file of theirs, and can be added")
    func totals() throws {
        var found = 0
        for pattern in try patterns() {
            for file in try files(of: pattern) {
                let text = try String(contentsOf: file, encoding: .utf8)
                for totals in text.matches(of: /public struct (\w*Totals)\b/).map(\.output.1) {
                    found += 1
                    #expect(file.lastPathComponent.contains("+Totals"), "\(totals) in \(file.lastPathComponent)")
                    #expect(text.contains("\(totals): SummableTotals {"), "\(totals) in \(file.lastPathComponent)")
                }
            }
        }
        #expect(found >= 12, "totals are declared in another way")
    }
}
