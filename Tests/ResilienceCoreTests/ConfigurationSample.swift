import ResilienceCore

/// A configuration with a value of each kind.
struct Sample: DocumentRepresentable, Hashable {
    enum Colour: String, Sendable, CaseIterable { case red, green }

    var count = 1
    var share = 0.5
    var wait = Duration.seconds(1)
    var pause: Duration?
    var isOn = false
    var colour = Colour.green
    var list: [Duration] = []
    var depth = 0

    static var documentKey: String { "sample" }
    static var documentBase: Sample { Sample() }

    mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            object.read("count", &count)
            object.read("share", &share)
            object.read("wait", &wait)
            object.read("pause", &pause)
            object.read("isOn", &isOn)
            object.read("colour", &colour)
            if let durations = object.reader("list")?.durations() { list = durations }
            if let inner = object.reader("inner") { readInner(inner) }
        }
    }

    private mutating func readInner(_ reader: ConfigurationReader) {
        reader.object { object in
            object.read("depth", &depth)
            if let again = object.reader("again") { readInner(again) }
        }
    }

    func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        [
            "count": .integer(count), "share": .number(share), "wait": .duration(wait), "pause": .duration(pause),
            "isOn": .boolean(isOn), "colour": .word(colour),
            "list": .array(list.map { .duration($0) }), "inner": ["depth": .integer(depth)],
        ]
    }

    func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("sample")
        check.require("count", count, atLeast: 0)
        check.require("share", share, in: 0...1)
        check.require(positive: "wait", wait)
        check.require("inner.depth", depth, atLeast: 0)
        try check.finish()
    }
}
