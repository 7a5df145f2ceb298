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
            object.read("lastDelay", &lastDelay)
            object.read("handles", &handles)
            object.read("serverHints", &serverHints)
            object.read("hintJitter", &hintJitter)
            object.read("onRejection", &onRejection)
            object.read("isIdempotent", &isIdempotent)
            object.read("neverRan", &neverRan)
            if let reader = object.reader("budget") { readBudget(reader, &object) }
            object.read("exhaustion", &exhaustion)
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
            guard let new = try? RetryBudget(settings, clock: reader.environment.clock) else { return }
            new.belongToOneRetry()
            budget = new
        default: if let named = reader.budget() { budget = named }
        }
    }

    /// What a document can say about this configuration. A budget that has a name in the environment is written as that
    /// name; another ``RetryBudget`` as its configuration, so that each reader gets a budget of its own.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        var values: [String: ConfigurationValue] = [
            "backoff": backoff.document,
            "maxAttempts": maxAttempts == Retry.unlimited ? "unlimited" : .integer(maxAttempts),
            "maxDelay": .duration(maxDelay),
            "maxDuration": .duration(maxDuration),
            "lastDelay": .word(lastDelay),
            "serverHints": .word(serverHints),
            "hintJitter": .number(hintJitter),
            "onRejection": .word(onRejection),
            "isIdempotent": .boolean(isIdempotent),
            "exhaustion": .word(exhaustion),
        ]
        values["handles"] = handles.word.map { .word($0) }
        values["neverRan"] = neverRan.word.map { .word($0) }
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

extension ConfigurationReader.Object {
    fileprivate mutating func read(_ key: String, _ condition: inout ErrorCondition) {
        if let word = reader(key)?.word(ErrorCondition.Word.self) { condition = ErrorCondition(word) }
    }
}
