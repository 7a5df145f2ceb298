public import ResilienceCore

/// A document can say all of a configuration.
extension FleetCircuit.Configuration: DocumentRepresentable {
    /// `fleetCircuit`
    public static var documentKey: String { "fleetCircuit" }

    /// The defaults.
    public static var documentBase: Self { Self() }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("trip", as: "rule.trip") { rule.trip.read(reader) }
            object.read("window", &rule.window, as: "rule.window")
            object.read("minimumNodes", &rule.minimumNodes, as: "rule.minimumNodes")
            object.read("minimumShare", &rule.minimumShare, as: "rule.minimumShare")
            object.read("maxNodeShare", &rule.maxNodeShare, as: "rule.maxNodeShare")
            if let reader = object.reader("breakLength", as: "rule.breakLength") { rule.breakLength.read(reader) }
            object.read("tick", &tick)
            object.read("operationLimit", &operationLimit)
            object.read("leaseLength", &leaseLength)
            object.read("grace", &grace)
            object.read("maxRetryDelay", &maxRetryDelay)
            object.read("isRequired", &isRequired)
        }
    }

    /// What a document can say about this configuration.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        [
            "trip": rule.trip.document,
            "window": .duration(rule.window),
            "minimumNodes": .integer(rule.minimumNodes),
            "minimumShare": .number(rule.minimumShare),
            "maxNodeShare": .number(rule.maxNodeShare),
            "breakLength": rule.breakLength.document,
            "tick": .duration(tick),
            "operationLimit": .duration(operationLimit),
            "leaseLength": .duration(leaseLength),
            "grace": .duration(grace),
            "maxRetryDelay": .duration(maxRetryDelay),
            "isRequired": .boolean(isRequired),
        ]
    }
}

extension SharedCircuitRule.Trip {
    /// What is absent is as in the rule that is there, if that is of the same kind.
    mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            var (failures, slow, minimumCalls): (Double?, Double?, Int) =
                switch self {
                case .failures: (nil, nil, 100)
                case .failureRate(let rate, let minimumCalls): (rate, nil, minimumCalls)
                case .slowCallRate(let rate, let minimumCalls): (nil, rate, minimumCalls)
                }
            let kind = object.oneOf(["failures", "failureRate", "slowCallRate"])
            if kind == "failures" {
                if let count = object.reader("failures")?.integer() { self = .failures(count) }
                return
            }
            if kind == "failureRate" && failures == nil || kind == "slowCallRate" && slow == nil { minimumCalls = 100 }
            if kind == "failureRate" { slow = nil }
            if kind == "slowCallRate" { failures = nil }
            object.read("failureRate", &failures)
            object.read("slowCallRate", &slow)
            object.read("minimumCalls", &minimumCalls)
            if let slow {
                self = .slowCallRate(slow, minimumCalls: minimumCalls)
            } else if let failures {
                self = .failureRate(failures, minimumCalls: minimumCalls)
            }
        }
    }

    var document: ConfigurationValue {
        switch self {
        case .failures(let count): ["failures": .integer(count)]
        case .failureRate(let rate, let minimumCalls):
            ["failureRate": .number(rate), "minimumCalls": .integer(minimumCalls)]
        case .slowCallRate(let rate, let minimumCalls):
            ["slowCallRate": .number(rate), "minimumCalls": .integer(minimumCalls)]
        }
    }
}
