public import ResilienceCore

/// Of a configuration, a document can say everything but ``handles`` and ``ignores``, a rule of
/// ``CircuitBreaker/Trip/when(_:)``, which stays in force along with what the document says, and the function of
/// ``CircuitBreaker/BreakLength/custom(upTo:otherwise:_:)``.
extension CircuitBreaker.Configuration: DocumentRepresentable {
    /// `circuitBreaker`
    public static var documentKey: String { "circuitBreaker" }

    /// The defaults.
    public static var documentBase: Self { Self() }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("trip") { trip.read(reader) }
            if let reader = object.reader("window") { window.read(reader) }
            object.read("slowCallDuration", &slowCallDuration)
            if let reader = object.reader("breakLength") { breakLength.read(reader) }
            if let reader = object.reader("halfOpen") { halfOpen.read(reader) }
            object.read("initialState", &initialState, among: CircuitBreaker.State.allCases.filter { $0 != .halfOpen })
            object.read("endsBreakByTimer", &endsBreakByTimer)
        }
    }

    /// What a document can say about this configuration.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        var values: [String: ConfigurationValue] = [
            "window": window.document,
            "slowCallDuration": .duration(slowCallDuration),
            "breakLength": breakLength.document,
            "halfOpen": halfOpen.document,
            "initialState": .word(initialState),
            "endsBreakByTimer": .boolean(endsBreakByTimer),
        ]
        values["trip"] = trip.document
        return .object(values)
    }
}

extension CircuitBreaker.Window {
    mutating func read(_ reader: ConfigurationReader) {
        if case .string = reader.value {
            if let window = reader.word(["automatic": Self.automatic, "unbounded": .unbounded]) { self = window }
            return
        }
        reader.object { object in
            if object.oneOf(["calls", "duration"]) == "calls" {
                if let count = object.reader("calls")?.integer() { self = .calls(count) }
                return
            }
            var (length, buckets): (Duration?, Int) =
                if case .time(let length, let buckets) = kind { (length, buckets) } else { (nil, 10) }
            if length == nil && !object.has("duration") { object.refuse(missing: "duration") }
            length = object.reader("duration")?.duration() ?? length
            object.read("buckets", &buckets)
            if let length { self = .time(length, buckets: buckets) }
        }
    }

    var document: ConfigurationValue {
        switch kind {
        case .automatic: "automatic"
        case .unbounded: "unbounded"
        case .calls(let count): ["calls": .integer(count)]
        case .time(let duration, let buckets): ["duration": .duration(duration), "buckets": .integer(buckets)]
        }
    }
}

extension CircuitBreaker.HalfOpen {
    mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            object.read("probes", &probes)
            if let reader = object.reader("verdict") { verdict.read(reader) }
            object.read("maxWait", &maxWait)
            object.read("afterMaxWait", &afterMaxWait, among: [.open, .closed])
        }
    }

    var document: ConfigurationValue {
        [
            "probes": .integer(probes), "verdict": verdict.document, "maxWait": .duration(maxWait),
            "afterMaxWait": .word(afterMaxWait),
        ]
    }
}

extension CircuitBreaker.Verdict {
    mutating func read(_ reader: ConfigurationReader) {
        if case .string = reader.value {
            if let verdict = reader.word(["all": Self.all]) { self = verdict }
            return
        }
        reader.object { object in
            if object.oneOf(["successes", "failureRate"]) == "successes" {
                if let count = object.reader("successes")?.integer() { self = .successes(atLeast: count) }
                return
            }
            var (failures, slow): (Double?, Double?) =
                if case .rate(let failures, let slow) = kind { (failures, slow) } else { (nil, nil) }
            if failures == nil && !object.has("failureRate") { object.refuse(missing: "failureRate") }
            failures = object.reader("failureRate")?.number() ?? failures
            object.read("slowCallRate", &slow)
            if let failures { self = .failureRate(below: failures, slowCallRate: slow) }
        }
    }

    var document: ConfigurationValue {
        switch kind {
        case .all: "all"
        case .successes(let count): ["successes": .integer(count)]
        case .rate(let failures, let slow):
            ["failureRate": .number(failures), "slowCallRate": slow.map { .number($0) } ?? .null]
        }
    }
}
