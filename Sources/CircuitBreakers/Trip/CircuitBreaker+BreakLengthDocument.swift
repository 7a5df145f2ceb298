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
            guard case .serverHint(_, var hintJitter, var otherwise) = base.kind else { return }
            if upTo == nil && !object.has("upTo") { object.refuse(missing: "upTo") }
            upTo = object.reader("upTo")?.duration() ?? upTo
            object.read("hintJitter", &hintJitter)
            if let reader = object.reader("otherwise") { otherwise.read(reader) }
            if let upTo { self = .serverHint(upTo: upTo, hintJitter: hintJitter, otherwise: otherwise) }
        }
    }

    private mutating func readGrowing(_ object: inout ConfigurationReader.Object) {
        let base = if case .growing = kind { self } else { Self.growing() }
        guard case .growing(var from, var factor, var upTo, var jitter) = base.kind else { return }
        object.read("from", &from)
        object.read("factor", &factor)
        object.read("upTo", &upTo)
        if let reader = object.reader("jitter") { jitter.read(reader, remembers: false) }
        self = .growing(from: from, factor: factor, upTo: upTo, jitter: jitter)
    }

    var document: ConfigurationValue {
        switch kind {
        case .fixed(let length): .duration(length)
        case .growing(let from, let factor, let upTo, let jitter):
            ["from": .duration(from), "factor": .number(factor), "upTo": .duration(upTo), "jitter": jitter.document]
        case .serverHint(let upTo, let hintJitter, let otherwise):
            [
                "serverHint": [
                    "upTo": .duration(upTo), "hintJitter": .number(hintJitter), "otherwise": otherwise.document,
                ]
            ]
        case .custom(let upTo, let otherwise, _): ["upTo": .duration(upTo), "otherwise": otherwise.document]
        }
    }
}
