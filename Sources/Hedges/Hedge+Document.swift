public import ResilienceCore

/// Of a configuration, a document can say everything but ``handles`` and the function of ``Hedge/Delay/from(_:)``. A
/// budget is given by its name.
extension Hedge.Configuration: DocumentRepresentable {
    /// `hedge`
    public static var documentKey: String { "hedge" }

    /// The defaults.
    public static var documentBase: Self { Self() }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("delay") { delay.read(reader) }
            object.read("maxHedges", &maxHedges)
            object.read("maxHint", &maxHint)
            object.read("hintJitter", &hintJitter)
            if let reader = object.reader("budget") {
                if reader.isNull { budget = nil } else if let named = reader.budget() { budget = named }
            }
        }
    }

    /// What a document can say about this configuration. A budget that has no name in the environment is left out.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        var values: [String: ConfigurationValue] = [
            "maxHedges": .integer(maxHedges), "maxHint": .duration(maxHint), "hintJitter": .number(hintJitter),
        ]
        values["delay"] = delay.document
        values["budget"] = budget.map { environment.name(of: $0).map { .string($0) } } ?? .null
        return .object(values)
    }
}

extension Hedge.Delay {
    /// A text is a fixed delay or `"onlyAfterFailure"`, a list the delays of a list, an object a percentile.
    mutating func read(_ reader: ConfigurationReader) {
        switch reader.value {
        case .string("onlyAfterFailure"): self = .onlyAfterFailure
        case .array: if let delays = reader.checked(as: "delay.list").durations() { self = .list(delays) }
        case .object: reader.object { readPercentile(&$0) }
        default: if let delay = reader.duration() { self = .fixed(delay) }
        }
    }

    private mutating func readPercentile(_ object: inout ConfigurationReader.Object) {
        guard let base = percentile ?? Self.percentile().percentile else { return }
        var (share, window, warmUp) = (base.share, base.window, base.warmUp)
        var (minimum, fallback) = (base.minimum, base.fallback)
        object.read("percentile", &share)
        object.read("window", &window)
        object.read("warmUp", &warmUp)
        object.read("minimum", &minimum)
        object.read("fallback", &fallback)
        self = .percentile(share, window: window, warmUp: warmUp, minimum: minimum, fallback: fallback)
    }

    /// `nil` for a function.
    var document: ConfigurationValue? {
        switch kind {
        case .fixed(let delay): .duration(delay)
        case .list(let delays): .array(delays.map { .duration($0) })
        case .percentile(let percentile):
            [
                "percentile": .number(percentile.share), "window": .integer(percentile.window),
                "warmUp": .integer(percentile.warmUp), "minimum": .duration(percentile.minimum),
                "fallback": .duration(percentile.fallback),
            ]
        case .custom: nil
        case .never: "onlyAfterFailure"
        }
    }
}
