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
        if let read = object.reader("kind")?.word(Self.standards), read.kind.word != kind.word {
            self = read
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
        if let reader = object.reader("jitter") { jitter.read(reader) }
    }

    /// What a kind starts from, where a document gives no more than its name.
    private static var standards: KeyValuePairs<String, Backoff> {
        [
            "constant": .constant(.zero), "linear": .linear(), "exponential": .exponential(),
            "fibonacci": .fibonacci(), "list": .list([]),
        ]
    }

    var document: ConfigurationValue {
        var values: [String: ConfigurationValue] = ["jitter": jitter.document]
        values["kind"] = kind.word.map { .string($0) }
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
    fileprivate var word: String? {
        switch self {
        case .constant: "constant"
        case .linear: "linear"
        case .exponential: "exponential"
        case .fibonacci: "fibonacci"
        case .list: "list"
        case .custom: nil
        }
    }
}

extension Jitter {
    mutating func read(_ reader: ConfigurationReader) {
        if case .object = reader.value {
            reader.object { object in
                var ratio: Double?
                if object.has("ratio") {
                    ratio = object.reader("ratio")?.number()
                } else {
                    object.refuse(missing: "ratio")
                }
                if let ratio { self = .ratio(ratio) }
            }
        } else if let jitter = reader.word(words) {
            self = jitter
        }
    }

    var document: ConfigurationValue {
        if case .ratio(let ratio) = kind { ["ratio": .number(ratio)] } else { .word(self, words) }
    }
}

private let words: KeyValuePairs<String, Jitter> = [
    "none": .none, "full": .full, "equal": .equal, "decorrelated": .decorrelated,
]
