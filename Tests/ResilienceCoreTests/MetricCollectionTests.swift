import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore

@Suite("Metric collection")
struct MetricCollectionTests {
    static let calls = MetricFamily("test.calls", .counter, labels: ["name", "kind"], help: "Calls.")
    static let level = MetricFamily("test.level", .gauge, labels: ["name"], help: "Level.")

    /// Adds what it is told to.
    final class Source: MetricSource {
        let samples: [(family: MetricFamily, labels: [String], value: Int)]

        init(_ samples: [(MetricFamily, [String], Int)]) {
            self.samples = samples.map { (family: $0, labels: $1, value: $2) }
        }

        func collect(into metrics: inout MetricCollection) {
            for sample in samples { metrics.add(sample.family, sample.labels, sample.value) }
        }
    }

    private func lines(_ metrics: MetricCollection, _ name: String) -> [String] {
        metrics.samples(of: name).map { sample in
            guard case .integer(let value) = sample.value else { return "\(sample)" }
            return "\(sample.labels.joined(separator: ",")) \(value)"
        }
    }

    @Test("families of one name are one, also when they are described in several places")
    func merged() {
        let again = MetricFamily("test.calls", .counter, labels: ["name", "kind"], help: "Other words.")
        let metrics = MetricCollection(of: [
            Source([(Self.calls, ["a", "x"], 1)]), Source([(again, ["b", "x"], 2)]),
        ])
        #expect(metrics.entries.count == 1)
        #expect(metrics.entries[0].family.help == "Calls.")
        #expect(lines(metrics, "test.calls") == ["a,x 1", "b,x 2"])
        #expect(metrics.conflicts.isEmpty)
    }

    @Test("what differs in any one label is another series, and what is said again is the same")
    func labels() {
        let family = MetricFamily("test.steps", .counter, labels: ["name", "step", "kind"], help: "Steps.")
        let said = [["a", "x", "k"], ["a", "y", "k"], ["a", "x", "l"], ["a", "y", "k"]]
        let metrics = MetricCollection(of: [Source(said.map { (family, $0, 1) })])
        #expect(lines(metrics, "test.steps") == ["a,x,k 1", "a,y,k 1", "a,x,l 1"])
    }

    @Test("a family that contradicts one of its name is left out and told, once")
    func conflicting() {
        let others = [
            MetricFamily("test.calls", .gauge, labels: ["name", "kind"], help: "Calls."),
            MetricFamily("test.calls", .counter, unit: "bytes", labels: ["name", "kind"], help: "Calls."),
            MetricFamily("test.calls", .counter, labels: ["kind", "name"], help: "Calls."),
        ]
        let sources = others.map { Source([($0, ["a", "x"], 7), ($0, ["b", "x"], 7)]) }
        let metrics = MetricCollection(of: [Source([(Self.calls, ["a", "x"], 1)])] + sources)
        #expect(lines(metrics, "test.calls") == ["a,x 1"])
        #expect(metrics.conflicts == others)
    }

    @Test("sources of one name stay apart, in the order of collection")
    func sameName() {
        func source(_ value: Int) -> Source {
            Source([
                (Self.calls, ["a", "x"], value), (Self.calls, ["a", "y"], value), (Self.level, ["a"], value),
            ])
        }
        let metrics = MetricCollection(of: [source(1), source(2), source(3)])
        #expect(lines(metrics, "test.calls") == ["a,x 1", "a,y 1", "a#2,x 2", "a#2,y 2", "a#3,x 3", "a#3,y 3"])
        #expect(lines(metrics, "test.level") == ["a 1", "a#2 2", "a#3 3"])
    }

    @Test("the number of a source is the same in all its families, also in those that no other of its name has")
    func numberInAllFamilies() {
        let others = (1...3).map { MetricFamily("test.other\($0)", .gauge, labels: ["name"], help: "Other.") }
        let first = Source([(Self.level, ["a"], 1)])
        let second = Source([(Self.level, ["a"], 2)] + others.map { ($0, ["a"], 2) })
        let third = Source(others.map { ($0, ["a"], 3) } + [(Self.level, ["a"], 3)])
        let metrics = MetricCollection(of: [first, second, third])
        #expect(lines(metrics, "test.level") == ["a 1", "a#2 2", "a#3 3"])
        #expect(lines(metrics, "test.other1") == ["a#2 2", "a 3"])
        for other in others.dropFirst() { #expect(lines(metrics, other.name) == ["a#2 2", "a 3"]) }
    }

    @Test("a name that looks like a distinguished one is kept apart too")
    func nameWithNumber() {
        let metrics = MetricCollection(
            of: ["a", "a", "a#2", "a"].map { Source([(Self.level, [$0], 1)]) })
        #expect(lines(metrics, "test.level") == ["a 1", "a#2 1", "a#2#2 1", "a#3 1"])
    }

    @Test("what a source adds after it has collected another is its own")
    func nestedSources() {
        final class Outer: MetricSource {
            let inner: Source
            init(_ inner: Source) { self.inner = inner }

            func collect(into metrics: inout MetricCollection) {
                metrics.add(MetricCollectionTests.calls, ["a", "x"], 1)
                metrics.collect(inner)
                metrics.add(MetricCollectionTests.calls, ["a", "y"], 3)
            }
        }
        let metrics = MetricCollection(of: [Outer(Source([(Self.calls, ["a", "x"], 2)]))])
        #expect(lines(metrics, "test.calls") == ["a,x 1", "a#2,x 2", "a,y 3"])
    }

    @Test("an object is collected once, a value as often as it is given")
    func once() {
        struct Value: MetricSource {
            func collect(into metrics: inout MetricCollection) {
                metrics.add(MetricCollectionTests.level, ["value"], 1)
            }
        }
        let object = Source([(Self.level, ["object"], 1)])
        let metrics = MetricCollection(of: [object, Value(), object, Value()])
        #expect(lines(metrics, "test.level") == ["object 1", "value 1", "value#2 1"])
    }

    @Test("a source that adds the same labels again replaces the value", arguments: [1, 3, 16, 17, 40])
    func repeated(count: Int) {
        let names = ["a", "b", "c"]
        var samples: [(MetricFamily, [String], Int)] = []
        for round in 1...2 {
            for kind in 0..<count {
                for name in names { samples.append((Self.calls, [name, "\(kind)"], round)) }
            }
        }
        let metrics = MetricCollection(of: [Source(samples)])
        let all = metrics.samples(of: "test.calls")
        #expect(all.count == names.count * count)
        #expect(Set(all.map(\.labels)).count == all.count)
        #expect(all.allSatisfy { $0.value == .integer(2) })
    }

    @Test("labels that are equal are one, however they are written and however many there are", arguments: 0...20)
    func writtenOtherwise(before: Int) {
        let (one, two) = ("\u{e9}", "e\u{301}")
        for name in ["a", "b"] {
            let others = (0..<before).map { (Self.calls, [name, "\($0)"], 7) }
            let metrics = MetricCollection(of: [
                Source(others + [(Self.calls, ["a", one], 1), (Self.calls, ["a", two], 2)])
            ])
            #expect(metrics.samples(of: "test.calls").count == before + 1)
            #expect(metrics.samples(of: "test.calls").last?.value == .integer(2))
            let names = MetricCollection(of: [one, two].map { Source(others + [(Self.level, [$0], 1)]) })
            #expect(names.samples(of: "test.level").map(\.labels) == [[one], ["\(two)#2"]])
        }
    }

    @Test("a value that is not of the family's kind is left out and told")
    func wrongKind() {
        let time = MetricFamily("test.time", .histogram, labels: ["name"], help: "Time.")
        var metrics = MetricCollection()
        metrics.add(Self.level, ["a"], 1)
        metrics.add(Self.level, ["b"], .histogram(DurationHistogram().snapshot))
        metrics.add(time, ["a"], .histogram(DurationHistogram().snapshot))
        metrics.add(time, ["b"], 1)
        metrics.add(time, ["c"], 0.5)
        metrics.add(Self.calls, ["c"], .histogram(DurationHistogram().snapshot))
        #expect(lines(metrics, "test.level") == ["a 1"])
        #expect(metrics.samples(of: "test.time").map(\.labels) == [["a"]])
        #expect(metrics.samples(of: "test.calls").isEmpty)
        #expect(metrics.conflicts == [Self.level, time, Self.calls])
    }

    @Test("labels are fitted to the family", arguments: [[], ["a"], ["a", "b"], ["a", "b", "c"]])
    func fitted(labels: [String]) {
        let metrics = MetricCollection(of: [Source([(Self.calls, labels, 1)])])
        let fitted = Array((labels + ["", ""]).prefix(2))
        #expect(metrics.samples(of: "test.calls").map(\.labels) == [fitted])
    }

    @Test("a family without labels has one value, the last")
    func withoutLabels() {
        let family = MetricFamily("test.all", .gauge, labels: [], help: "All.")
        let metrics = MetricCollection(of: [Source([(family, [], 1)]), Source([(family, ["x"], 2)])])
        #expect(metrics.samples(of: "test.all") == [MetricCollection.Sample(labels: [], value: .integer(2))])
    }

    @Test("a number is collected as it is, and none as not a number")
    func numbers() throws {
        for number in [0, 0.5, -3, .infinity] {
            var metrics = MetricCollection()
            metrics.add(Self.level, ["a"], number)
            #expect(metrics.samples(of: "test.level").map(\.value) == [.number(number)])
            metrics.add(Self.level, ["a"], nil as Double?)
            let samples = metrics.samples(of: "test.level")
            guard case .number(let none)? = samples.first?.value else { throw InjectedFailure("no number") }
            #expect(samples.count == 1 && none.isNaN)
        }
    }

    @Test("what is gone is added to what is there under the same name, and to nothing else")
    func increased() {
        let kin = MetricFamily("test.calls", .gauge, labels: ["name", "kind"], help: "Calls.")
        var metrics = MetricCollection(of: [
            Source([(Self.calls, ["a", "x"], 1), (Self.calls, ["a", "y"], 2), (Self.level, ["a"], 3)])
        ])
        metrics.increase(Self.calls, ["a", "y"], by: .integer(40))
        for labels in [["a", "z"], ["b", "y"], ["a"], []] { metrics.increase(Self.calls, labels, by: .integer(7)) }
        metrics.increase(kin, ["a", "x"], by: .integer(7))
        metrics.increase(MetricFamily("test.none", .counter, labels: ["name"], help: ""), ["a"], by: .integer(7))
        metrics.increase(Self.calls, ["a", "x"], by: .number(7))
        #expect(lines(metrics, "test.calls") == ["a,x 1", "a,y 42"])
        #expect(lines(metrics, "test.level") == ["a 3"])
        #expect(metrics.entries.count == 2)
    }

    @Test("policies of one name are called in the order in which they are collected, whatever measures their calls")
    func measuredPolicies() async throws {
        let calls = CallMetrics(buckets: nil)
        let policies = try (0..<3).map { _ in try Policy("p", observers: [calls]) { CallMetricsTests.Through() } }
        for (index, policy) in policies.enumerated() { for _ in 0...index { try await policy.execute {} } }
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            var later = MetricCollection(of: order.map { policies[$0] })
            later.collect(calls)
            for metrics in [later, MetricCollection(of: [calls] + order.map { policies[$0] })] {
                let succeeded = lines(metrics, "resilience.policy.calls").filter { $0.contains("succeeded") }
                let names = zip(["p", "p#2", "p#3"], order).map { "\($0),succeeded \($1 + 1)" }
                #expect(Set(succeeded) == Set(names) && succeeded.count == 3)
            }
        }
    }

    @Test("random sources never give two samples the same labels, and the last value of each source stands")
    func model() {
        forSeeds(1...400) { seed, random in
            let families = [Self.calls, Self.level]
            let plans = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                (0..<Int.random(in: 0...60, using: &random)).map { step in
                    let family = families[Int.random(in: 0...1, using: &random)]
                    let name = ["a", "b", "a#2", ""][Int.random(in: 0...3, using: &random)]
                    let kind = "\(Int.random(in: 0...20, using: &random))"
                    return (family, family == Self.calls ? [name, kind] : [name], step)
                }
            }
            let metrics = MetricCollection(of: plans.map(Source.init))
            for family in families {
                let samples = metrics.samples(of: family.name)
                #expect(Set(samples.map(\.labels)).count == samples.count, "seed \(seed)")
                // Names are for the reader; each source's values are all there.
                var expected: [Int] = []
                for plan in plans {
                    var last: [[String]: Int] = [:]
                    for (own, labels, value) in plan where own == family { last[labels] = value }
                    expected += last.values
                }
                let values = samples.compactMap { if case .integer(let value) = $0.value { value } else { nil } }
                #expect(values.sorted() == expected.sorted(), "seed \(seed)")
            }
        }
    }
}
