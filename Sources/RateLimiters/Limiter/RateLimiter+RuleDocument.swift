internal import ResilienceCore

extension RateLimiter.Rule {
    /// What a document is read onto that has to declare a rule. Fails every check.
    static let undeclared = Self(kind: .tokenBucket(burst: .min), permits: 0, period: .zero)

    /// Without a `kind` it changes what is there. A limit and a period hold for every kind; a burst, for a token
    /// bucket.
    mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            var (kind, permits, period) = (kind, permits, period)
            if let word = object.reader("kind")?.word(Kind.Word.self), word != kind.word { kind = .base(of: word) }
            object.read("permits", &permits)
            object.read("period", &period)
            if case .tokenBucket(let present) = kind {
                // A burst that is no other than the limit follows it.
                var burst = present == .min || present == self.permits ? nil : present
                if let reader = object.reader("burst") {
                    if reader.isNull { burst = nil } else if let read = reader.integer() { burst = read }
                }
                kind = .tokenBucket(burst: burst ?? permits)
            }
            self = Self(kind: kind, permits: permits, period: period)
        }
    }

    var document: ConfigurationValue {
        var values: [String: ConfigurationValue] = [
            "kind": .word(kind.word), "permits": .integer(permits), "period": .duration(period),
        ]
        if case .tokenBucket(let burst) = kind { values["burst"] = burst == permits ? .null : .integer(burst) }
        return .object(values)
    }
}

extension RateLimiter.Rule.Kind {
    /// What documents call the kinds.
    fileprivate enum Word: String, CaseIterable {
        case tokenBucket
        case pacing
        case fixedWindow
        case slidingWindow
        case slidingLog
    }

    fileprivate var word: Word {
        switch self {
        case .tokenBucket: .tokenBucket
        case .pacing: .pacing
        case .fixedWindow: .fixedWindow
        case .slidingWindow: .slidingWindow
        case .slidingLog: .slidingLog
        }
    }

    /// The kind of a word; a token bucket with the burst that is its limit.
    fileprivate static func base(of word: Word) -> Self {
        switch word {
        case .tokenBucket: .tokenBucket(burst: .min)
        case .pacing: .pacing
        case .fixedWindow: .fixedWindow
        case .slidingWindow: .slidingWindow
        case .slidingLog: .slidingLog
        }
    }
}
