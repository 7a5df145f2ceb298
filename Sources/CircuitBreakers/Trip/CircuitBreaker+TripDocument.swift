internal import ResilienceCore

extension CircuitBreaker.Trip {
    /// Rules that are functions stay.
    mutating func read(_ reader: ConfigurationReader) {
        let functions = rules.filter { !$0.isPlain }
        let plain = rules.filter(\.isPlain)
        var read: [Rule]?
        reader.object { object in
            guard object.oneOf(["consecutiveFailures", "failureRate", "slowCallRate", "any"]) == "any" else {
                read = Rule(&object, onto: plain.count == 1 ? plain.first : nil).map { [$0] }
                return
            }
            guard let elements = object.reader("any")?.elements() else { return }
            if elements.isEmpty && functions.isEmpty {
                object.reader("any")?.refuse("is empty")
                return
            }
            read = []
            for element in elements {
                element.object { object in
                    _ = object.oneOf(["consecutiveFailures", "failureRate", "slowCallRate"])
                    if let rule = Rule(&object, onto: nil) { read?.append(rule) }
                }
            }
            // A list none of which could be read is no rule at all: its faults are noted, and that is enough.
            if read?.isEmpty == true && !elements.isEmpty { read = nil }
        }
        if let read { self = Self(rules: read + functions) }
    }

    /// `nil` if all rules are functions.
    var document: ConfigurationValue? {
        let documents = rules.compactMap(\.document)
        return documents.count > 1 ? ["any": .array(documents)] : documents.first
    }
}

extension CircuitBreaker.Trip.Rule {
    var isPlain: Bool { if case .predicate = self { false } else { true } }

    /// Reads a rule; what is absent is as in `base`, if that is a rule of the same kind.
    ///
    /// - Returns: `nil`, with a fault noted, if there is no rule.
    init?(_ object: inout ConfigurationReader.Object, onto base: Self?) {
        if let reader = object.reader("consecutiveFailures") {
            guard let count = reader.integer() else { return nil }
            self = .consecutiveFailures(count)
            return
        }
        var (rate, slowRate, minimumCalls): (Double?, Double?, Int) =
            switch base {
            case .failureRate(let rate, let minimumCalls): (rate, nil, minimumCalls)
            case .slowCallRate(let rate, let minimumCalls): (nil, rate, minimumCalls)
            default: (nil, nil, 20)
            }
        let failureReader = object.reader("failureRate")
        let slowReader = object.reader("slowCallRate")
        if failureReader != nil && rate == nil || slowReader != nil && slowRate == nil { minimumCalls = 20 }
        object.read("minimumCalls", &minimumCalls)
        if let failureReader {
            guard let rate = failureReader.number() else { return nil }
            self = .failureRate(rate, minimumCalls: minimumCalls)
        } else if let slowReader {
            guard let rate = slowReader.number() else { return nil }
            self = .slowCallRate(rate, minimumCalls: minimumCalls)
        } else if let rate {
            self = .failureRate(rate, minimumCalls: minimumCalls)
        } else if let slowRate {
            self = .slowCallRate(slowRate, minimumCalls: minimumCalls)
        } else {
            object.reader.refuse("holds none of consecutiveFailures, failureRate, slowCallRate, any")
            return nil
        }
    }

    var document: ConfigurationValue? {
        switch self {
        case .consecutiveFailures(let count): ["consecutiveFailures": .integer(count)]
        case .failureRate(let rate, let minimumCalls):
            ["failureRate": .number(rate), "minimumCalls": .integer(minimumCalls)]
        case .slowCallRate(let rate, let minimumCalls):
            ["slowCallRate": .number(rate), "minimumCalls": .integer(minimumCalls)]
        case .predicate: nil
        }
    }
}
