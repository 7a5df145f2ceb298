internal import ResilienceCore

extension Backoff {
    /// A text is a constant delay, a list the delays of a list, both without jitter. An object names its kind; without
    /// a kind it changes what is there.
    mutating func read(_ reader: ConfigurationReader) {
        switch reader.value {
        case .string: if let delay = reader.checked(as: "backoff.constant").duration() { self = .constant(delay) }
        case .array: if let delays = reader.checked(as: "backoff.list").durations() { self = .list(delays) }
        default: reader.object { readObject(&$0) }
        }
    }

    private mutating func readObject(_ object: inout ConfigurationReader.Object) {
        var isNew = false
        if let read = object.reader("kind")?.word(Word.self), read != kind.word {
            self = .base(of: read)
            isNew = true
        }
        switch kind {
        case .constant(var delay):
            if isNew && !object.has("delay") { object.refuse(missing: "delay") }
            object.read("delay", &delay, as: "constant")
            kind = .constant(delay)
        case .list(var delays):
            if isNew && !object.has("delays") { object.refuse(missing: "delays") }
            if let read = object.reader("delays", as: "list")?.durations() { delays = read }
            kind = .list(delays)
        case .linear(var from, var step):
            // By default the delay grows by the first.
            if object.has("from") && !object.has("by") && step == from { object.read("from", &step) }
            object.read("from", &from)
            object.read("by", &step)
            kind = .linear(from: from, by: step)
        case .exponential(var from, var factor):
            object.read("from", &from)
            object.read("factor", &factor)
            kind = .exponential(from: from, factor: factor)
        case .fibonacci(var from):
            object.read("from", &from)
            kind = .fibonacci(from: from)
        case .custom: break
        }
        if let reader = object.reader("jitter") { jitter.read(reader, remembers: true) }
    }

    /// What documents call the kinds.
    fileprivate enum Word: String, CaseIterable {
        case constant
        case linear
        case exponential
        case fibonacci
        case list
    }

    /// What a kind starts from, where a document gives no more than its name.
    private static func base(of word: Word) -> Backoff {
        switch word {
        case .constant: .constant(.zero)
        case .linear: .linear()
        case .exponential: .exponential()
        case .fibonacci: .fibonacci()
        case .list: .list([])
        }
    }

    /// One of each kind that a document can say.
    package static let bases = Word.allCases.map(base)

    var document: ConfigurationValue {
        var values: [String: ConfigurationValue] = ["jitter": jitter.document]
        values["kind"] = kind.word.map { .word($0) }
        switch kind {
        case .constant(let delay):
            if jitter == .none { return .duration(delay) }
            values["delay"] = .duration(delay)
        case .list(let delays):
            let list = ConfigurationValue.array(delays.map { .duration($0) })
            if jitter == .none { return list }
            values["delays"] = list
        case .linear(let from, let step):
            values["from"] = .duration(from)
            values["by"] = .duration(step)
        case .exponential(let from, let factor):
            values["from"] = .duration(from)
            values["factor"] = .number(factor)
        case .fibonacci(let from): values["from"] = .duration(from)
        case .custom: break
        }
        return .object(values)
    }
}

extension Backoff.Kind {
    /// What documents call it; `nil` for what only code can say.
    fileprivate var word: Backoff.Word? {
        switch self {
        case .constant: .constant
        case .linear: .linear
        case .exponential: .exponential
        case .fibonacci: .fibonacci
        case .list: .list
        case .custom: nil
        }
    }
}
