public import ResilienceCore

/// Of a configuration, a document can say everything but functions: of ``handles`` and ``neverRan`` only `"all"`,
/// `"none"` and `"rejections"`, and not the delay of ``Backoff/custom(jitter:_:)``.
extension Retry.Configuration: DocumentRepresentable {
    /// `retry`
    public static var documentKey: String { "retry" }

    /// The defaults.
    public static var documentBase: Self { Self() }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("backoff") { backoff.read(reader) }
            if let reader = object.reader("maxAttempts") {
                if reader.says("unlimited") {
                    maxAttempts = Retry.unlimited
                } else if let count = reader.integer() {
                    maxAttempts = count
                }
            }
            object.read("maxDelay", &maxDelay)
            object.read("maxDuration", &maxDuration)
            object.read("lastDelay", &lastDelay, lastDelays)
            object.read("handles", &handles, conditions)
            object.read("serverHints", &serverHints, serverHintWords)
            object.read("hintJitter", &hintJitter)
            object.read("onRejection", &onRejection, onRejections)
            object.read("idempotent", &isIdempotent)
            object.read("neverRan", &neverRan, conditions)
            if let reader = object.reader("budget") { readBudget(reader, &object) }
            object.read("exhaustion", &exhaustion, Exhaustion.words)
        }
    }

    /// A name stands for a shared budget; an object declares one. If it is that of the retry already, the retry keeps
    /// it with its tokens.
    private mutating func readBudget(_ reader: ConfigurationReader, _ object: inout ConfigurationReader.Object) {
        switch reader.value {
        case .null where reader.isNull: budget = nil
        case .object:
            let own = budget as? RetryBudget
            var settings = own?.configuration ?? .documentBase
            guard object.read("budget", onto: &settings), settings != own?.configuration else { return }
            budget = (try? RetryBudget(settings, clock: reader.environment.clock)) ?? budget
        default: if let named = reader.budget() { budget = named }
        }
    }

    /// What a document can say about this configuration. A budget that has a name in the environment is written as that
    /// name; another ``RetryBudget`` as its configuration, so that whoever reads it gets a budget of its own.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        var values: [String: ConfigurationValue] = [
            "backoff": backoff.document,
            "maxAttempts": maxAttempts == Retry.unlimited ? "unlimited" : .integer(maxAttempts),
            "maxDelay": .duration(maxDelay),
            "maxDuration": .duration(maxDuration),
            "lastDelay": .word(lastDelay, lastDelays),
            "serverHints": .word(serverHints, serverHintWords),
            "hintJitter": .number(hintJitter),
            "onRejection": .word(onRejection, onRejections),
            "idempotent": .boolean(isIdempotent),
            "exhaustion": .word(exhaustion, Exhaustion.words),
        ]
        values["handles"] = handles.word.map { .string($0) }
        values["neverRan"] = neverRan.word.map { .string($0) }
        if let budget {
            values["budget"] =
                environment.name(of: budget).map { .string($0) }
                ?? (budget as? RetryBudget)?.configuration.document(in: environment)
        } else {
            values["budget"] = .null
        }
        return .object(values)
    }
}

private let lastDelays: KeyValuePairs<String, Retry.LastDelay> = ["refuse": .refuse, "trim": .trim]

private let serverHintWords: KeyValuePairs<String, Retry.ServerHints> = [
    "shortened": .shortened, "exact": .exact, "ignored": .ignored,
]

private let onRejections: KeyValuePairs<String, Retry.OnRejection> = [
    "giveUp": .giveUp, "waitUntilRetryAfter": .waitUntilRetryAfter,
]

private let conditions: KeyValuePairs<String, ErrorCondition> = [
    "all": .all, "none": .none, "rejections": .rejections,
]
