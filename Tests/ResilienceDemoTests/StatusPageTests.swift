import Foundation
import Testing

@testable import ResilienceDemo

@Suite("Status page")
struct StatusPageTests {
    private let page = StatusPage.html

    @Test(
        "The page refers to nothing outside of it, and no text becomes markup",
        arguments: [
            "http:", "https:", "src=", "@import", "url(", "//cdn", "import(", "XMLHttpRequest", "WebSocket", "eval(",
            "innerHTML",
        ])
    func selfContained(text: String) {
        #expect(!page.contains(text))
    }

    @Test("The page's only links are to this server")
    func links() {
        let links = page.matches(of: /href="([^"]*)"/).map { String($0.1) }
        #expect(Set(links) == ["data:,", "metrics", "health", "status.json"])
        let asked = StatusPage.script.matches(of: /fetch\("([^"]*)"/).map { String($0.1) }
        #expect(asked == ["status.json"])
    }

    @Test("The page declares what phones, dark mode and screen readers need")
    func accessible() {
        #expect(page.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">\n"))
        #expect(page.contains("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"))
        #expect(page.contains("id=\"breaker\" aria-live=\"polite\""))
        #expect(page.contains("id=\"connection\" role=\"status\""))
        #expect(page.contains("@media (prefers-color-scheme: dark)"))
        #expect(page.contains("@media (min-width: 600px)"))
    }

    @Test("Every element that the script writes to is there once")
    func elements() {
        let used = StatusPage.script.matches(of: /(?:byId|put)\("([^"]*)"/).map { String($0.1) }
        #expect(used.count > 30)
        for id in Set(used) {
            #expect(page.components(separatedBy: "id=\"\(id)\"").count == 2, "\(id)")
        }
        let declared = page.matches(of: /id="([^"]*)"/).map { String($0.1) }
        #expect(Set(declared).count == declared.count)
    }

    @Test("All data that the script reads is there")
    func scriptData() throws {
        let answer = try StatusStage().get("/status.json")
        let data = try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
        let paths = StatusPage.script.matches(of: /data\.(\w+)(?:\.(\w+))?/).map { ($0.1, $0.2) }
        #expect(paths.count > 20)
        for (key, inner) in paths {
            let value = try #require(data[String(key)], "\(key)")
            guard let inner, let object = value as? [String: Any] else { continue }
            #expect(object[String(inner)] != nil, "\(key).\(inner)")
        }
        let side = try #require(data["unprotected"] as? [String: Any])
        for name in StatusPage.script.matches(of: /\bs\.(\w+)/).map({ String($0.1) }) where name != "map" {
            #expect(side[name] != nil, "\(name)")
        }
    }

    @Test("Each element that is opened is closed")
    func closedElements() {
        let html = page.replacing(/<script>[\s\S]*<\/script>/, with: "").replacing(/<style>[\s\S]*<\/style>/, with: "")
        var open: [String] = []
        for tag in html.matches(of: /<(\/?)([a-z0-9]+)[^>]*>/) {
            let name = String(tag.2)
            if ["meta", "link"].contains(name) { continue }
            if tag.1.isEmpty {
                open.append(name)
            } else {
                let last = open.popLast()
                #expect(last == name)
            }
        }
        #expect(open.isEmpty)
    }
}
