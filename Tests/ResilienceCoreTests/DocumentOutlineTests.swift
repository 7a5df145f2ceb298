import ResilienceCore
import Testing

@Suite("Document outline")
struct DocumentOutlineTests {
    /// Has every shape that configurations have: values, a choice of keys, text or keys, and another of its kind.
    private struct Part: DocumentRepresentable {
        static var documentKey: String { "part" }
        static var documentBase: Part { Part() }
        var count = 1

        init() {}
        init(from decoder: any Decoder) throws {}
        func encode(to encoder: any Encoder) throws {}
        func document(in environment: DocumentEnvironment) -> ConfigurationValue { [:] }
        func validate() throws(ConfigurationError) {}

        mutating func read(_ reader: ConfigurationReader) {
            if case .string = reader.value {
                _ = reader.duration()
                return
            }
            reader.object { object in
                object.read("count", &count)
                if object.oneOf(["rate", "list"]) == "list" {
                    _ = object.reader("list")?.durations()
                    return
                }
                if let rate = object.reader("rate")?.number(), rate > 0 { return }
                if let choice = object.reader("choice") {
                    if case .string = choice.value {
                        _ = choice.word(["all": 1])
                    } else {
                        choice.object { object in _ = object.reader("on")?.boolean() }
                    }
                }
                if let inner = object.reader("inner") { read(inner) }
            }
        }
    }

    @Test("every key is found, with the forms of its values, as deep as documents go")
    func places() {
        let places = Dictionary(
            uniqueKeysWithValues: DocumentOutline(of: Part.self).places.map {
                ($0.path.joined(separator: "."), $0.forms)
            })
        #expect(places[""] == [.text])
        #expect(places["count"] == [.integer])
        #expect(places["rate"] == [.number])
        #expect(places["list"] == [.list])
        #expect(places["choice"] == [.text])
        #expect(places["choice.on"] == [.boolean])
        #expect(places["inner"] == [.text])
        #expect(places["inner.inner.inner.count"] == [.integer])
        #expect(places["inner.inner.inner.inner.count"] == nil)
        #expect(places["inner.inner.choice.on"] == [.boolean])
        #expect(places.keys.allSatisfy { $0.split(separator: ".").count <= DocumentOutline.maxDepth })
    }
}
