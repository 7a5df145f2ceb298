public import ResilienceCore

/// A document can say all of a configuration.
extension SharedRateLimiter.Configuration: DocumentRepresentable {
    /// `sharedRateLimiter`
    public static var documentKey: String { "sharedRateLimiter" }

    /// The defaults, and a rule that is yet to be declared: there is no default.
    public static var documentBase: Self { Self(rule: .undeclared) }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("rule") { rule.read(reader) }
            object.read("mode", &mode)
            object.read("maxWait", &maxWait)
            object.read("operationLimit", &operationLimit)
            if let reader = object.reader("whenUnavailable") { whenUnavailable.read(reader) }
            object.read("leaseLength", &leaseLength)
            object.read("isRequired", &isRequired)
        }
    }

    /// What a document can say about this configuration.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        [
            "rule": rule.document,
            "mode": .word(mode),
            "maxWait": .duration(maxWait),
            "operationLimit": .duration(operationLimit),
            "whenUnavailable": whenUnavailable.document,
            "leaseLength": leaseLength.map { .duration($0) } ?? .null,
            "isRequired": .boolean(isRequired),
        ]
    }
}

extension SharedQuotaRule {
    /// What a document is read onto that has to declare a rule. Fails every check.
    static let undeclared = Self(permits: .min, period: .zero, burst: .min)

    mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            object.read("permits", &permits)
            object.read("period", &period)
            object.read("burst", &burst)
        }
    }

    var document: ConfigurationValue {
        ["permits": .integer(permits), "period": .duration(period), "burst": .integer(burst)]
    }
}

extension SharedRateLimiter.WhenUnavailable {
    /// A word, or an object with the share of a node that decides alone.
    mutating func read(_ reader: ConfigurationReader) {
        if let word = Word.allCases.first(where: { reader.says($0.rawValue) }) {
            self = Self(word)
        } else {
            reader.object { object in
                var share = 0.1
                if case .local(let present) = self { share = present }
                object.read("local", &share, as: "share")
                self = .local(share: share)
            }
        }
    }

    var document: ConfigurationValue {
        switch self {
        case .open: .word(Word.open)
        case .closed: .word(Word.closed)
        case .local(let share): ["local": .number(share)]
        }
    }

    /// What documents call the choices without numbers.
    private enum Word: String, CaseIterable {
        case open
        case closed
    }

    private init(_ word: Word) {
        self =
            switch word {
            case .open: .open
            case .closed: .closed
            }
    }
}
