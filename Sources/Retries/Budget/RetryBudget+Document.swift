public import ResilienceCore

extension RetryBudget.Configuration: DocumentRepresentable {
    /// `retryBudget`
    public static var documentKey: String { "retryBudget" }

    /// A fifth of the calls, as of a budget without a configuration.
    public static var documentBase: Self { .ratio(0.2) }

    /// Takes what the document holds. Without a `kind` it changes what is there.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let read = object.reader("kind")?.word(Word.self), read != word { self = .base(of: read) }
            switch kind {
            case .ratio(var ratio, var minimumPerSecond, var window):
                object.read("ratio", &ratio)
                object.read("minimumPerSecond", &minimumPerSecond)
                object.read("window", &window)
                self = .ratio(ratio, minimumPerSecond: minimumPerSecond, window: window)
            case .throttle(var maxTokens, var tokenRatio):
                object.read("maxTokens", &maxTokens)
                object.read("tokenRatio", &tokenRatio)
                self = .throttle(maxTokens: maxTokens, tokenRatio: tokenRatio)
            case .quota(var tokens, var cost):
                object.read("tokens", &tokens)
                object.read("cost", &cost)
                self = .quota(tokens, cost: cost)
            }
        }
    }

    /// What a document can say about this configuration: all of it.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        let word = ConfigurationValue.word(word)
        return switch kind {
        case .ratio(let ratio, let minimumPerSecond, let window):
            [
                "kind": word, "ratio": .number(ratio), "minimumPerSecond": .number(minimumPerSecond),
                "window": .duration(window),
            ]
        case .throttle(let maxTokens, let tokenRatio):
            ["kind": word, "maxTokens": .integer(maxTokens), "tokenRatio": .number(tokenRatio)]
        case .quota(let tokens, let cost): ["kind": word, "tokens": .integer(tokens), "cost": .integer(cost)]
        }
    }

    /// What documents call the kinds.
    private enum Word: String, CaseIterable {
        case ratio
        case throttle
        case quota
    }

    private var word: Word {
        switch kind {
        case .ratio: .ratio
        case .throttle: .throttle
        case .quota: .quota
        }
    }

    /// What a kind starts from, where a document gives no more than its name.
    private static func base(of word: Word) -> Self {
        switch word {
        case .ratio: .documentBase
        case .throttle: .throttle()
        case .quota: .quota()
        }
    }

    /// One of each kind.
    package static let bases = Word.allCases.map(base)
}
