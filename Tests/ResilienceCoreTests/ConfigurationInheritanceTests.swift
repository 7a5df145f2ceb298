import Testing

@testable import ResilienceCore

/// Named defaults that others inherit from.
@Suite("Configuration: inheritance")
struct ConfigurationInheritanceTests {
    private struct Outcome {
        var sample = Sample()
        var faults: [String] = []
    }

    private func read(
        _ entry: ConfigurationValue, defaults: [String: ConfigurationValue], onto base: Sample = Sample()
    ) -> Outcome {
        let findings = Findings(DocumentEnvironment())
        var outcome = Outcome(sample: base)
        var document = DocumentEntry(entry, at: "policies.payments", defaults: defaults, findings)
        document.read(onto: &outcome.sample)
        document.finish()
        outcome.faults = findings.faults.map(\.description)
        return outcome
    }

    @Test("what stands in the entry overrides what it inherits; the rest is inherited")
    func overrides() {
        let outcome = read(
            ["inherit": "careful", "sample": ["count": 2]],
            defaults: ["careful": ["sample": ["count": 9, "wait": "9s"]], "other": ["sample": ["share": 1]]])
        #expect(outcome.faults == [] && outcome.sample == Sample(count: 2, wait: .seconds(9)))
    }

    @Test("of several parents the later override the earlier; grandparents come first")
    func generations() {
        let defaults: [String: ConfigurationValue] = [
            "base": ["sample": ["count": 1, "share": 0.1, "wait": "1s", "pause": "1s"]],
            "left": ["inherit": "base", "sample": ["share": 0.2, "wait": "2s", "pause": "2s"]],
            "right": ["inherit": ["base"], "sample": ["wait": "3s", "pause": "3s"]],
        ]
        let outcome = read(["inherit": ["left", "right"], "sample": ["pause": "4s"]], defaults: defaults)
        #expect(outcome.faults == [])
        #expect(outcome.sample == Sample(count: 1, share: 0.2, wait: .seconds(3), pause: .seconds(4)))
    }

    @Test("null takes away what is inherited")
    func takenAway() {
        let defaults: [String: ConfigurationValue] = ["careful": ["sample": ["count": 9]]]
        let findings = Findings(DocumentEnvironment())
        var entry = DocumentEntry(["inherit": "careful", "sample": nil], at: "p", defaults: defaults, findings)
        var sample = Sample(count: 5)
        #expect(!entry.has("sample") && entry.read(onto: &sample) && sample == Sample(count: 5))
        entry = DocumentEntry(["inherit": "careful"], at: "p", defaults: defaults, findings)
        #expect(entry.has("sample") && !entry.has("other") && entry.read(onto: &sample) && sample == Sample(count: 9))
        entry = DocumentEntry(["inherit": nil], at: "p", defaults: defaults, findings)
        #expect(!entry.has("sample") && findings.faults == [])
    }

    @Test("a fault is reported where its value stands, once")
    func paths() {
        let defaults: [String: ConfigurationValue] = [
            "careful": ["sample": ["count": -1, "share": 3, "wait": "x", "cuont": 1], "smple": 1]
        ]
        let outcome = read(["inherit": "careful", "sample": ["share": 2]], defaults: defaults)
        #expect(
            outcome.faults == [
                "defaults.careful.sample.wait: \"x\" is not a duration such as \"250ms\", \"2s\" or \"1m30s\"",
                "defaults.careful.sample.cuont: 1 is for an unknown key; did you mean count?",
                "defaults.careful.sample.count: -1 is below 0",
                "policies.payments.sample.share: 2 is outside 0.0...1.0",
                "defaults.careful.smple: 1 is for an unknown key; did you mean sample?",
            ])
        #expect(outcome.sample == Sample())
    }

    @Test("two that inherit from a faulty default report it once")
    func reportedOnce() {
        let defaults: [String: ConfigurationValue] = [
            "careful": ["inherit": "x", "sample": ["count": -1, "z": 1, "wait": 3]]
        ]
        let findings = Findings(DocumentEnvironment())
        for name in ["a", "b"] {
            var entry = DocumentEntry(["inherit": "careful"], at: "policies.\(name)", defaults: defaults, findings)
            var sample = Sample()
            #expect(!entry.read(onto: &sample) && sample == Sample())
            entry.finish()
        }
        #expect(
            findings.faults.map(\.field) == [
                "defaults.careful.inherit", "defaults.careful.sample.wait", "defaults.careful.sample.z",
                "defaults.careful.sample.count",
            ])
        #expect(throws: ConfigurationError.self) { try findings.finish() }
    }

    @Test("names that lead nowhere, in circles, or are none")
    func badNames() {
        let defaults: [String: ConfigurationValue] = [
            "a": ["inherit": "b"], "b": ["inherit": ["c"]], "c": ["inherit": "a"], "self": ["inherit": "self"],
            "careful": [:], "text": "careful",
        ]
        func faults(_ inherit: ConfigurationValue) -> [String] {
            read(["inherit": inherit], defaults: defaults).faults
        }
        #expect(faults("a") == ["defaults.c.inherit: \"a\" inherits from itself: a, b, c, a"])
        #expect(faults("self") == ["defaults.self.inherit: \"self\" inherits from itself: self, self"])
        #expect(
            faults("carefull") == [
                "policies.payments.inherit: \"carefull\" is the name of no default; did you mean careful?"
            ])
        #expect(faults(["careful", 3]) == ["policies.payments.inherit[1]: 3 is not the name of a default"])
        #expect(faults(true) == ["policies.payments.inherit: true is not the name of a default"])
        #expect(faults("text") == ["defaults.text: \"careful\" is not an object"])
        #expect(read("careful", defaults: defaults).faults == ["policies.payments: \"careful\" is not an object"])
    }

    @Test("a line of ancestors has an end, and a wide family costs no more than its members")
    func largeFamilies() {
        var line: [String: ConfigurationValue] = [:]
        for index in 0..<20_000 { line["d\(index)"] = ["inherit": .string("d\(index + 1)")] }
        #expect(
            read(["inherit": "d0"], defaults: line).faults == [
                "defaults.d31.inherit: \"d32\" is more than 32 generations away"
            ])
        var family: [String: ConfigurationValue] = ["d30": ["sample": ["count": 4]]]
        for index in 0..<30 {
            let parent = ConfigurationValue.string("d\(index + 1)")
            family["d\(index)"] = ["inherit": [parent, parent, parent]]
        }
        let outcome = read(["inherit": "d0"], defaults: family)
        #expect(outcome.faults == [] && outcome.sample.count == 4)
    }
}
