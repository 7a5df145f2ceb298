internal import ResilienceCore

/// A family under the name and with the labels that Prometheus sees.
struct ExposedFamily {
    enum Kind: String {
        case counter, gauge, histogram, summary
    }

    /// With the unit, and for a counter without `_total`.
    let name: String
    let kind: Kind
    let unit: String?
    let help: String
    let labels: [String]
    let values: [MetricValue]
    /// The labels of one value after those of another.
    let labelValues: [String]
    /// For a summary, whose values are numbers of calls: their durations in nanoseconds, where they are known.
    var sums: [UInt128?] = []

    init(
        _ name: String, _ kind: Kind, unit: String? = nil, labels: [String], help: String,
        values: [MetricValue], labelValues: [String]
    ) {
        let unit = unit.map(Self.validName)
        var name = Self.validName(name)
        if kind == .counter, name.hasSuffix("_total") { name.removeLast("_total".count) }
        if let unit, !name.hasSuffix("_" + unit) { name += "_" + unit }
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
        self.labels = Self.validKeys(labels, kind)
        self.values = values
        self.labelValues = Self.withoutZeros(labelValues, width: labels.count)
    }

    init(_ entry: MetricCollection.Entry) {
        let kind: Kind =
            switch entry.family.kind {
            case .counter: .counter
            case .gauge: .gauge
            case .histogram: .histogram
            }
        self.init(
            entry.family.name, kind, unit: entry.family.unit, labels: entry.family.labels, help: entry.family.help,
            values: entry.values, labelValues: entry.labels)
    }

    /// The names that this family's lines use, and that no other family may.
    var names: [String] {
        switch kind {
        case .counter: [name, name + "_total", name + "_created"]
        case .gauge: [name]
        case .histogram: [name, name + "_bucket", name + "_sum", name + "_count", name + "_created"]
        case .summary: [name, name + "_sum", name + "_count", name + "_created"]
        }
    }

    /// Letters, digits, `_` and `:`, not beginning with a digit; anything else becomes `_`.
    private static func validName(_ name: String) -> String {
        var valid = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_", ":", "0"..."9":
                if valid.isEmpty, ("0"..."9").contains(scalar) { valid += "_" }
                valid.unicodeScalars.append(scalar)
            default: valid += "_"
            }
        }
        return valid.isEmpty ? "_" : valid
    }

    /// Label values without zero bytes, at which some parsers stop: U+FFFD takes their place. What then reads as
    /// another's gets one more, so that no series is there twice.
    private static func withoutZeros(_ values: [String], width: Int) -> [String] {
        guard values.contains(where: { $0.utf8.contains(0) }) else { return values }
        var result = values.map { $0.replacing("\u{0}", with: "\u{FFFD}") }
        let starts = stride(from: 0, to: values.count, by: width)
        // Values whose labels have not changed keep them.
        var taken = Set(starts.map { values[$0..<$0 + width] })
        for start in starts where values[start..<start + width] != result[start..<start + width] {
            while !taken.insert(result[start..<start + width]).inserted { result[start] += "\u{FFFD}" }
        }
        return result
    }

    /// Valid names, each once, none that begins with two underscores, which Prometheus keeps to itself.
    private static func validKeys(_ keys: [String], _ kind: Kind) -> [String] {
        var taken: Set<String> = kind == .histogram ? ["le"] : kind == .summary ? ["quantile"] : []
        return keys.map { key in
            var valid = validName(key)
            valid = String(valid.map { $0 == ":" ? "_" : $0 })
            while valid.hasPrefix("__") { valid.removeFirst() }
            while !taken.insert(valid).inserted { valid += "_" }
            return valid
        }
    }
}

/// The families of a page, in the order of their names, none in the way of another.
struct Catalogue {
    private(set) var omitted: [String] = []
    private var byName: [String: ExposedFamily] = [:]
    private var taken: Set<String> = []

    /// The families, in the order of their names.
    var families: [ExposedFamily] { byName.values.sorted { $0.name < $1.name } }

    mutating func add(_ family: ExposedFamily) {
        guard !family.values.isEmpty else { return }
        guard taken.isDisjoint(with: family.names) else {
            omitted.append(family.name)
            return
        }
        taken.formUnion(family.names)
        byName[family.name] = family
    }
}
