/// The values of many sources at one moment, by family.
///
/// ```swift
/// var metrics = MetricCollection()
/// metrics.collect(payments)
/// ```
///
/// One thing that is measured has one series, and two things never share one:
///
/// - A source that is an object is collected once, however many policies it is part of. So is what is measured by
///   several ``CallMetrics``, or handed over in several copies or under several names: the first that is collected is
///   shown.
/// - Two things with one name stay apart: the second of `payments` becomes `payments#2` in all its families, in the
///   order of collection.
/// - Families of one name are one family.
public struct MetricCollection: Sendable {
    /// One value of a family.
    public struct Sample: Sendable, Hashable {
        /// The values of the family's labels, as many as it has.
        public internal(set) var labels: [String]
        /// The value.
        public internal(set) var value: MetricValue

        /// Creates a sample.
        public init(labels: [String], value: MetricValue) {
            self.labels = labels
            self.value = value
        }
    }

    /// A family and its values.
    public struct Entry: Sendable {
        /// What is measured.
        public let family: MetricFamily
        /// The values, in the order of collection.
        package private(set) var values: [MetricValue] = []
        /// The labels of one value after those of another: an array for each would take longer than all the rest.
        package private(set) var labels: [String] = []

        /// Which owner has which name.
        private var owners: [String: Owner] = [:]
        private var run = Run()

        /// The samples that one source adds one after another under one name.
        private struct Run {
            var source = -1
            var start = 0
            var name = ""
            /// If it is not the name.
            var finalName: String?
        }

        /// Where all samples are, once there are too many to look at those of a run.
        private var index: [[String]: Int]?

        init(_ family: MetricFamily, expecting count: Int) {
            self.family = family
            owners.reserveCapacity(count)
        }

        /// The values with their labels, in the order of collection, no two with the same labels.
        public var samples: [Sample] {
            values.indices.map { Sample(labels: Array(self.labels[range(of: $0)]), value: values[$0]) }
        }

        private var width: Int { family.definition.labels.count }

        private func range(of position: Int) -> Range<Int> { position * width..<(position + 1) * width }

        /// - Parameter replaces: Whether the value takes the place of one that the source has added for the same
        ///   labels.
        mutating func add(
            _ labels: [String], _ value: MetricValue, from source: Int, _ numbers: inout [Owner: Int], replaces: Bool
        ) {
            var labels = labels.count == width ? labels : fitted(labels)
            if !labels.isEmpty {
                if run.source != source || run.name != labels[0] { begin(source, labels[0], &numbers) }
                if let finalName = run.finalName { labels[0] = finalName }
            }
            if let position = position(of: labels) {
                if replaces { values[position] = value }
            } else {
                index?[labels] = values.count
                values.append(value)
                self.labels.append(contentsOf: labels)
                if index == nil, values.count - run.start > 16 { buildIndex() }
            }
        }

        /// Adds to a value that is there, whose ever it is.
        mutating func increase(_ labels: [String], by value: MetricValue) {
            let position = values.indices.first { self.labels[range(of: $0)].elementsEqual(labels) }
            if let position { values[position] = values[position].adding(value) }
        }

        /// Finds the name under which a source stands here.
        ///
        /// - Parameter numbers: The numbers that sources got where their names were taken, to be used again here.
        mutating func begin(_ source: Int, _ name: String, _ numbers: inout [Owner: Int]) {
            let owner = Owner(source: source, name: name)
            var number = numbers.isEmpty || owners[name] == owner ? 1 : numbers[owner] ?? 1
            if number == 1 {
                // One look-up where the name is new, as it is nearly always.
                guard let other = owners.updateValue(owner, forKey: name) else {
                    run = Run(source: source, start: values.count, name: name)
                    return
                }
                owners[name] = other
            }
            var finalName = number > 1 ? "\(name)#\(number)" : name
            while let other = owners[finalName], other != owner {
                number += 1
                finalName = "\(name)#\(number)"
            }
            if number > 1, numbers[owner] == nil { numbers[owner] = number }
            let isBack = owners.updateValue(owner, forKey: finalName) != nil
            run = Run(source: source, start: values.count, name: name, finalName: number > 1 ? finalName : nil)
            // The source had turned to another name in between, and may say again what it has said before that.
            if isBack, index == nil { buildIndex() }
        }

        private mutating func buildIndex() {
            index = Dictionary(values.indices.map { (Array(labels[range(of: $0)]), $0) }) { $1 }
        }

        /// Where these labels have been in this run. What came before it has another name.
        private func position(of labels: [String]) -> Int? {
            if let index { return index[labels] }
            guard let last = labels.last else { return values.isEmpty ? nil : 0 }
            return (run.start..<values.count).first { position in
                // The last first: nearly always they differ, and the first are the same.
                let range = range(of: position)
                return self.labels[range.upperBound - 1] == last && self.labels[range].elementsEqual(labels)
            }
        }

        private func fitted(_ labels: [String]) -> [String] {
            let count = family.labels.count
            return Array((labels + Array(repeating: "", count: count)).prefix(count))
        }
    }

    /// A source, and its own name for itself: it may have several.
    struct Owner: Hashable {
        let source: Int
        let name: String
    }

    /// The families that were collected, in the order in which they were first met.
    public var entries: [Entry] { known.filter { !$0.values.isEmpty } }

    /// The families, also those in which a name was taken and nothing added.
    private var known: [Entry] = []

    /// The families of which something was left out: one of that name has another kind, unit or labels, or the value
    /// was not of the family's kind.
    public private(set) var conflicts: [MetricFamily] = []

    /// Where each family is. An entry holds on to its family, so that no other gets its identity.
    private var positions: [ObjectIdentifier: Int] = [:]
    private var positionsByName: [String: Int] = [:]
    private var latest = 0
    /// What has been collected, held so that nothing else gets its identity.
    private var collected: [ObjectIdentifier: any AnyObject & Sendable] = [:]
    /// As which source what is measured from several places is known.
    private var subjects: [ObjectIdentifier: Int] = [:]
    /// The numbers of the sources whose names were taken.
    private var numbers: [Owner: Int] = [:]
    /// Collected once everything else has been: what they measure is called as what it is measured of.
    private var postponed: [CallMetrics] = []
    /// Whether more will be collected, by the initializer.
    private var isGathering = false
    private var source = 0
    private var sources = 0
    /// How many sources there will be, as far as is known.
    private var expected = 0

    /// Creates an empty collection.
    public init() {}

    /// Creates a collection of some sources, those that are ``CallMetrics`` last.
    public init(of sources: [any MetricSource]) {
        expected = sources.count
        isGathering = true
        for source in sources { collect(source) }
        isGathering = false
        collectPostponed()
    }

    /// Collects a source, unless it is an object that has been collected.
    public mutating func collect(_ source: some MetricSource) {
        // What a class makes is one reference; asking for it with `as` takes as long as reading most sources.
        if type(of: source) is AnyClass, !isNew(unsafeBitCast(source, to: (any AnyObject & Sendable).self)) { return }
        if type(of: source) == CallMetrics.self, let metrics = source as? CallMetrics {
            postponed.append(metrics)
        } else {
            collect { source.collect(into: &$0) }
        }
        if self.source == 0, !isGathering { collectPostponed() }
    }

    private mutating func collectPostponed() {
        let metrics = postponed
        postponed = []
        for metrics in metrics { collect { metrics.collect(into: &$0) } }
    }

    /// Collects what a value tells of an object, unless that has been told by another value, under whatever name.
    package mutating func collect(_ object: any AnyObject & Sendable, _ body: (inout MetricCollection) -> Void) {
        if isNew(object) { collect(body) }
    }

    private mutating func isNew(_ object: any AnyObject & Sendable) -> Bool {
        collected.updateValue(object, forKey: ObjectIdentifier(object)) == nil
    }

    private mutating func collect(_ body: (inout MetricCollection) -> Void) {
        let outer = source
        sources += 1
        source = sources
        body(&self)
        source = outer
    }

    /// Says that the present source is what others measure at a place, so that both go by one name. To be called before
    /// the source adds anything.
    package mutating func claim(_ place: MeterPoint) {
        guard let family = place.callFamily else {
            if place.isAttached { assume(place.subject) }
            return
        }
        assume(place.subject)
        // What adds nothing of its own takes its name nevertheless.
        guard let position = position(of: family) else { return }
        known[position].begin(source, place.name, &numbers)
    }

    /// Collects what is measured at a place.
    mutating func collect(_ meter: Meter) {
        collect { metrics in
            metrics.assume(meter.subject)
            meter.collect(into: &metrics)
        }
    }

    private mutating func assume(_ subject: MeterSubject) {
        if let known = subjects[ObjectIdentifier(subject)] {
            source = known
        } else {
            subjects[ObjectIdentifier(subject)] = source
        }
    }

    /// Adds a value.
    ///
    /// - Parameters:
    ///   - family: What is measured.
    ///   - labels: The values of the family's labels; missing ones are empty, those too many are dropped. A value that
    ///     the same source has added for the same labels is replaced.
    ///   - value: The value: durations for a histogram, a number for anything else.
    public mutating func add(_ family: MetricFamily, _ labels: [String], _ value: MetricValue) {
        add(family, labels, value, replaces: true)
    }

    /// Adds a value, unless the same thing has one for these labels, which another has measured.
    mutating func addMissing(_ family: MetricFamily, _ labels: [String], _ value: MetricValue) {
        add(family, labels, value, replaces: false)
    }

    private mutating func add(_ family: MetricFamily, _ labels: [String], _ value: MetricValue, replaces: Bool) {
        guard family.admits(value) else { return note(conflict: family) }
        guard let position = position(of: family) else { return }
        known[position].add(labels, value, from: source, &numbers, replaces: replaces)
    }

    /// Adds a whole number.
    public mutating func add(_ family: MetricFamily, _ labels: [String], _ value: Int) {
        add(family, labels, .integer(value))
    }

    /// Adds a number; `nil` is not a number.
    public mutating func add(_ family: MetricFamily, _ labels: [String], _ value: Double?) {
        add(family, labels, .number(value ?? .nan))
    }

    /// Adds to a value that has been collected; does nothing where there is none.
    package mutating func increase(_ family: MetricFamily, _ labels: [String], by value: MetricValue) {
        guard let position = positionsByName[family.name], known[position].family.agrees(with: family) else { return }
        known[position].increase(labels, by: value)
    }

    /// Whether an object has been collected.
    package func hasCollected(_ object: AnyObject) -> Bool { collected[ObjectIdentifier(object)] != nil }

    /// The values of a family, by its name.
    public func samples(of name: String) -> [Sample] {
        positionsByName[name].map { known[$0].samples } ?? []
    }

    private mutating func position(of family: MetricFamily) -> Int? {
        if latest < known.count, known[latest].family.definition === family.definition { return latest }
        let found = positions[ObjectIdentifier(family.definition)] ?? positionsByName[family.name]
        let position = found ?? known.count
        if found == nil {
            known.append(Entry(family, expecting: expected))
            positionsByName[family.name] = position
            positions[ObjectIdentifier(family.definition)] = position
        }
        guard known[position].family.agrees(with: family) else {
            note(conflict: family)
            return nil
        }
        latest = position
        return position
    }

    private mutating func note(conflict family: MetricFamily) {
        if !conflicts.contains(family) { conflicts.append(family) }
    }
}
