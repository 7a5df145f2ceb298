import Foundation
import Testing

/// The landing pages of the documentation, which say what the README and the guides say, and list the public types that
/// there are. They are written again by `RESILIENCE_WRITE_PAGES=1 RESILIENCE_TESTS=GuideTests swift test --filter
/// CatalogTests`.
@Suite("Landing pages of the documentation")
struct CatalogTests {
    static let root = GuideBlocksTests.root
    static let sources = root.appending(path: "Sources")

    /// Every library that has something public.
    static let modules: [String] = {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: sources.path)) ?? []
        return folders.filter { $0 != "ResilienceDemo" && isPublic($0) }.sorted()
    }()

    @Test("every page is up to date", arguments: modules)
    func page(_ module: String) throws {
        let expected = try Self.page(of: module)
        let file = Self.sources.appending(path: "\(module)/\(module).docc/\(module).md")
        if ProcessInfo.processInfo.environment["RESILIENCE_WRITE_PAGES"] != nil {
            let folder = file.deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try expected.write(to: file, atomically: true, encoding: .utf8)
        }
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? "nothing"
        #expect(text == expected, "write the pages again: RESILIENCE_WRITE_PAGES=1")
    }

    @Test("Swift Package Index is asked for the pages of exactly these libraries")
    func index() throws {
        let file = try String(contentsOf: Self.root.appending(path: ".spi.yml"), encoding: .utf8)
        let targets = file.matches(of: /\n +- (\w+)$/.anchorsMatchLineEndings()).map { String($0.1) }
        #expect(Set(targets).isSuperset(of: Self.modules))
        #expect(Set(targets).count == targets.count)
        for target in targets {
            #expect(FileManager.default.fileExists(atPath: Self.sources.appending(path: target).path), "\(target)")
        }
    }

    static func page(of module: String) throws -> String {
        let row = try row(of: module)
        var page = "# ``\(module)``\n\n\(row.text.prefix(1).uppercased())\(row.text.dropFirst()).\n\n"
        if let guide = row.guide {
            let text = try String(contentsOf: root.appending(path: guide), encoding: .utf8)
            let paragraphs = text.components(separatedBy: "\n\n").dropFirst()
            let overview = flattened(paragraphs.first ?? "")
            page += "## Overview\n\n\(overview)\n\nThe guide is `\(guide)` in the repository.\n\n"
        }
        let groups = Dictionary(grouping: try types(of: module), by: \.group)
        // What adds to the types of others has none of its own.
        page += groups.isEmpty ? "" : "## Topics\n"
        for (group, types) in groups.sorted(by: { $0.key < $1.key }) {
            page += "\n### \(group)\n\n" + types.map { "- ``\($0.name)``\n" }.sorted().joined()
        }
        return page
    }

    /// What the README says of a library, and the guide that it names first.
    static func row(of module: String) throws -> (text: String, guide: String?) {
        let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        for line in readme.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard let place = cells.firstIndex(of: "`\(module)`"), place + 1 < cells.count else { continue }
            let guide = line.firstMatch(of: /\]\((Guides\/\w+\.md)/).map { String($0.1) }
            return (flattened(cells[place + 1]), guide ?? (place == 1 ? "Guides/Integrations.md" : nil))
        }
        // The one that stands in the lines of those that are made of it.
        let semantics = "what HTTP says about failures, repeats and limits, for clients and servers of any library"
        return try #require(
            module == "HTTPSemantics" ? (semantics, nil) : nil, "README.md has no line that begins with `\(module)`")
    }

    /// Without links, which lead elsewhere from a page.
    static func flattened(_ text: String) -> String {
        text.replacing(/\[([^\]]*)\]\([^)]*\)/) { $0.1 }
    }

    /// Whether a library has something public: types, or members of others' types.
    static func isPublic(_ module: String) -> Bool {
        guard
            let files = FileManager.default.enumerator(
                at: sources.appending(path: module), includingPropertiesForKeys: nil)
        else { return false }
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
            if text.contains(/^ *public (?!import)/.anchorsMatchLineEndings()) { return true }
        }
        return false
    }

    /// The public types that are not part of another, and the folder of their file.
    static func types(of module: String) throws -> [(name: String, group: String)] {
        let folder = sources.appending(path: module)
        guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return [] }
        var types: [String: String] = [:]
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            // What is compiled with a trait only is indented.
            let indent = text.hasPrefix("#if ") ? "    " : ""
            let parent = file.deletingLastPathComponent().lastPathComponent
            // What users have to see, but not to read about.
            let isHidden = /@_documentation\(visibility: internal\)\n(?: *@\w+\n)*/
            for line in text.replacing(isHidden, with: "// ").split(separator: "\n")
            where line.hasPrefix(indent + "public ") {
                let declaration = line.dropFirst(indent.count)
                guard
                    let match = declaration.firstMatch(
                        of: /^public (?:final )?(?:class|struct|enum|protocol|actor|typealias) (\w+)/),
                    !match.1.hasPrefix("_")
                else { continue }
                types[String(match.1)] = parent == module ? "Types" : parent
            }
        }
        return types.map { ($0.key, $0.value) }
    }
}
