internal import ResilienceCore

extension CircuitBreaker.BreakLength {
    /// A text is a fixed length. An object is a server's hint, or a growing length; and, where a function is declared
    /// in code, what stands around that.
    mutating func read(_ reader: ConfigurationReader) {
        if case .string = reader.value {
            if let length = reader.duration() { self = .fixed(length) }
            return
        }
        reader.object { object in
            if let hint = object.reader("serverHint") {
                readHint(hint)
            } else if case .custom(let upTo, let otherwise, let function) = kind,
                !object.has("from"), !object.has("factor"), !object.has("jitter")
            {
                var (upTo, otherwise) = (upTo, otherwise)
                object.read("upTo", &upTo)
                if let reader = object.reader("otherwise") { otherwise.read(reader) }
                self = .custom(upTo: upTo, otherwise: otherwise, function)
            } else {
                readGrowing(&object)
            }
        }
    }

    private mutating func readHint(_ reader: ConfigurationReader) {
        reader.object { object in
            var upTo: Duration? = if case .serverHint(let upTo, _, _) = kind { upTo } else { nil }
            let base = upTo == nil ? Self.serverHint(upTo: .nanoseconds(1)) : self
            guard case .serverHint(_, var jitter, var otherwise) = base.kind else { return }
            if upTo == nil && !object.has("upTo") { object.refuse(missing: "upTo") }
            upTo = object.reader("upTo")?.duration() ?? upTo
            object.read("jitter", &jitter)
            if let reader = object.reader("otherwise") { otherwise.read(reader) }
            if let upTo { self = .serverHint(upTo: upTo, jitter: jitter, otherwise: otherwise) }
        }
    }

    private mutating func readGrowing(_ object: inout ConfigurationReader.Object) {
        let base = if case .growing = kind { self } else { Self.growing() }
        guard case .growing(var from, var factor, var upTo, var jitter) = base.kind else { return }
        object.read("from", &from)
        object.read("factor", &factor)
        object.read("upTo", &upTo)
        object.read("jitter", &jitter)
        self = .growing(from: from, factor: factor, upTo: upTo, jitter: jitter)
    }

    var document: ConfigurationValue {
        switch kind {
        case .fixed(let length): .duration(length)
        case .growing(let from, let factor, let upTo, let jitter):
            ["from": .duration(from), "factor": .number(factor), "upTo": .duration(upTo), "jitter": .number(jitter)]
        case .serverHint(let upTo, let jitter, let otherwise):
            ["serverHint": ["upTo": .duration(upTo), "jitter": .number(jitter), "otherwise": otherwise.document]]
        case .custom(let upTo, let otherwise, _): ["upTo": .duration(upTo), "otherwise": otherwise.document]
        }
    }
}
