/// A place in a configuration document, from which a configuration takes its values.
///
/// What cannot be read is noted as a fault with its path, the value that was there before stays, and reading goes on:
/// so all faults of a document are found at once. Ranges are not checked here but by the configuration itself, which
/// checks them for values from code as well (``DocumentRepresentable/validate()``).
public struct ConfigurationReader {
    /// Where the value stands, from the outside in: `policies.payments.retry.maxAttempts`.
    public let path: String

    /// The value there.
    public let value: ConfigurationValue

    /// What names in the document stand for.
    public var environment: DocumentEnvironment { findings.environment }

    /// The same place as the configuration's own check names it: `maxAttempts`.
    let field: String
    let depth: Int
    let findings: Findings

    init(_ value: ConfigurationValue, path: String, field: String, depth: Int, _ findings: Findings) {
        self.value = value
        self.path = path
        self.field = field
        self.depth = depth
        self.findings = findings
        findings.origins[field] = Findings.Origin(path: path, value: value.isContainer ? nil : value.quoted)
    }

    /// Notes that the value cannot be used.
    ///
    /// - Parameter violation: What is wrong, as the end of a sentence that begins with the value:
    ///   `is not a whole number`.
    public func refuse(_ violation: String) {
        findings.note(.init(field: path, value: value.quoted, violation: violation))
    }

    /// The same value, under another name in the configuration's own check.
    public func checked(as field: String) -> ConfigurationReader {
        ConfigurationReader(value, path: path, field: field, depth: depth, findings)
    }

    // MARK: Values

    /// Whether the value is `null`.
    public var isNull: Bool {
        findings.notes?.note(.null, at: path)
        return value == .null
    }

    /// Whether the value is one word that stands beside values of another form, such as `"unlimited"` beside a number.
    public func says(_ word: String) -> Bool {
        findings.notes?.note(words: [word], at: path)
        return value == .string(word)
    }

    /// A whole number; a number such as 4.0 is one.
    public func integer() -> Int? {
        findings.questions?.expect(.integer, at: path)
        findings.notes?.note(.integer, at: path)
        switch value {
        case .integer(let value): return value
        case .number(let number):
            if let value = Int(exactly: number) { return value }
            refuse(number.isFinite && number.rounded() == number ? "is too large" : "is not a whole number")
        default: refuse("is not a whole number")
        }
        return nil
    }

    /// A number.
    public func number() -> Double? {
        findings.questions?.expect(.number, at: path)
        findings.notes?.note(.number, at: path)
        switch value {
        case .integer(let value): return Double(value)
        case .number(let value): return value
        default: refuse("is not a number")
        }
        return nil
    }

    /// A number, or a word that stands for something else.
    package enum NumberOrWord<Word> {
        case number(Double)
        case word(Word)
    }

    /// A number, or one of some words that are raw values of a type.
    package func number<Word: DocumentWord>(orWord choices: [Word]) -> NumberOrWord<Word>? {
        findings.questions?.expect(.number, at: path)
        findings.notes?.note(.number, at: path)
        switch value {
        case .integer(let value): return .number(Double(value))
        case .number(let value): return .number(value)
        default:
            let words = choices.map { (key: $0.rawValue, value: $0) }
            return word(words, otherwise: "is neither a number nor one of").map { .word($0) }
        }
    }

    /// True or false.
    public func boolean() -> Bool? {
        findings.questions?.expect(.boolean, at: path)
        findings.notes?.note(.boolean, at: path)
        if case .boolean(let value) = value { return value }
        refuse("is neither true nor false")
        return nil
    }

    /// A text.
    public func text() -> String? {
        findings.questions?.expect(.text, at: path)
        findings.notes?.note(.text, at: path)
        if case .string(let text) = value { return text }
        refuse("is not a text")
        return nil
    }

    /// A duration: a text such as `"250ms"`, `"2s"` or `"1m30s"`.
    public func duration() -> Duration? {
        findings.questions?.expect(.text, at: path)
        findings.notes?.note(.duration, at: path)
        guard case .string(let text) = value else {
            switch value {
            case .integer, .number:
                refuse("is a number without a unit; write \"\(value.quoted)s\" or \"\(value.quoted)ms\"")
            default: refuse("is not a duration such as \"250ms\", \"2s\" or \"1m30s\"")
            }
            return nil
        }
        switch Duration.reading(text) {
        case .duration(let duration): return duration
        case .malformed: refuse("is not a duration such as \"250ms\", \"2s\" or \"1m30s\"")
        case .tooLong: refuse("is longer than a duration can be")
        }
        return nil
    }

    /// One of a few words.
    ///
    /// - Parameter words: The words, with what they stand for.
    public func word<Choice>(_ words: KeyValuePairs<String, Choice>) -> Choice? {
        word(words.map { ($0.key, $0.value) })
    }

    /// One of the words that are the raw values of a type.
    ///
    /// - Parameters:
    ///   - type: The type.
    ///   - choices: Those that may be chosen. Default: all.
    public func word<Word: DocumentWord>(_ type: Word.Type = Word.self, among choices: [Word]? = nil) -> Word? {
        word((choices ?? Array(Word.allCases)).map { ($0.rawValue, $0) })
    }

    private func word<Choice>(
        _ words: [(key: String, value: Choice)], otherwise violation: String = "is none of"
    ) -> Choice? {
        findings.questions?.expect(.text, at: path)
        findings.notes?.note(words: words.map(\.key), at: path)
        let listed = words.map(\.key).joined(separator: ", ")
        if case .string(let text) = value {
            if let match = words.first(where: { $0.key == text }) { return match.value }
            refuse("\(violation) \(listed)\(NearMiss.question(for: text, among: words.map(\.key)))")
        } else {
            refuse("\(violation) \(listed)")
        }
        return nil
    }

    /// The elements of a list, each with its own path: `backoff[0]`.
    public func elements() -> [ConfigurationReader]? {
        findings.questions?.expect(.list, at: path)
        findings.notes?.note(.list, at: path)
        guard case .array(let values) = value else {
            refuse("is not a list")
            return nil
        }
        guard !isTooDeep else { return nil }
        return values.enumerated().map { index, value in
            ConfigurationReader(
                value, path: "\(path)[\(index)]", field: "\(field)[\(index)]", depth: depth + 1, findings)
        }
    }

    /// The durations of a list; `nil` if not all of it can be read.
    public func durations() -> [Duration]? {
        guard let elements = elements() else { return nil }
        let durations = elements.map { $0.duration() }
        return durations.contains(nil) ? nil : durations.compactMap { $0 }
    }

    /// Reads an object. A key that `body` did not ask for is a fault.
    ///
    /// - Parameter body: Takes what it needs from the object. Not run if the value is none.
    public func object(_ body: (inout Object) -> Void) {
        findings.notes?.note(.object, at: path)
        guard case .object(let values) = value else { return refuse("is not an object") }
        guard !isTooDeep else { return }
        var object = Object(self, values)
        body(&object)
        object.refuseUnknownKeys()
    }

    private var isTooDeep: Bool {
        guard depth >= ConfigurationValue.maxDepth else { return false }
        refuse("is nested more than \(ConfigurationValue.maxDepth) deep")
        return true
    }
}

/// A choice whose cases are words in documents: what can be written can be read back.
public typealias DocumentWord = CaseIterable & RawRepresentable<String>
