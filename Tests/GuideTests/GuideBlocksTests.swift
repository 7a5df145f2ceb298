import Foundation
import Testing

/// Every Swift block of the README and the guides stands in this folder too, in a test that runs it.
@Suite("README and guides")
struct GuideBlocksTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let documents: [String] = {
        let guides = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: "Guides").path)) ?? []
        return ["README.md", "CHANGELOG.md"] + guides.filter { $0.hasSuffix(".md") }.sorted().map { "Guides/\($0)" }
    }()

    @Test("there are guides to check")
    func documentsExist() {
        #expect(Self.documents.contains("Guides/CircuitBreaker.md"))
        #expect(Self.documents.contains("Guides/Policies.md"))
    }

    @Test("every Swift block is compiled and run by a test", arguments: documents)
    func blocks(document: String) throws {
        let examples = try Self.examples()
        for block in try Self.swiftBlocks(of: document) {
            #expect(
                examples.contains { $0.contains(Self.normalised(block)) },
                "\(document): this block stands in no test of Tests/GuideTests:\n\(block)")
        }
    }

    @Test("every link to a file of the repository leads somewhere", arguments: documents)
    func links(document: String) throws {
        let text = try String(contentsOf: Self.root.appending(path: document), encoding: .utf8)
        let folder = Self.root.appending(path: document).deletingLastPathComponent()
        for match in text.matches(of: /\]\(([^)#]+)(#[^)]*)?\)/) where !match.1.contains("://") {
            let target = folder.appending(path: String(match.1)).path
            #expect(FileManager.default.fileExists(atPath: target), "\(document): \(match.1)")
        }
    }

    static func swiftBlocks(of document: String) throws -> [String] {
        let text = try String(contentsOf: root.appending(path: document), encoding: .utf8)
        return text.matches(of: /```swift\n((?s:.*?))```/).map { String($0.1) }
    }

    static func examples() throws -> [String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        return try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix("Examples.swift") }
            .map { normalised(try String(contentsOf: folder.appending(path: $0), encoding: .utf8)) }
    }

    /// Without indentation, alignment of comments and empty lines, which differ between a guide and a test.
    static func normalised(_ code: String) -> String {
        code.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }.filter { !$0.isEmpty }
            .joined(separator: "\n")
    }
}
