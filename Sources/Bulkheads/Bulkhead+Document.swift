public import ResilienceCore

/// Of a configuration, a document can say everything but an algorithm of one's own and the rule which errors count as
/// drops, which stays as code declares it.
extension Bulkhead.Configuration: DocumentRepresentable {
    /// `bulkhead`
    public static var documentKey: String { "bulkhead" }

    /// The defaults.
    public static var documentBase: Self { Self() }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("limit") { limit.read(reader) }
            if let reader = object.reader("queue") { queue.read(reader) }
            if let reader = object.reader("partitions") { readPartitions(reader) }
            object.read("partitionsBorrow", &partitionsBorrow)
        }
    }

    /// All partitions: those that are not listed are gone, for their shares would have to fit those that are.
    private mutating func readPartitions(_ reader: ConfigurationReader) {
        reader.object { object in
            var read: [String: Double] = [:]
            for name in object.keys { read[name] = object.reader(name)?.number() }
            partitions = read
        }
    }

    /// What a document can say about this configuration.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        var values: [String: ConfigurationValue] = [
            "queue": queue.document,
            "partitions": .object(partitions.mapValues { .number($0) }),
            "partitionsBorrow": .boolean(partitionsBorrow),
        ]
        values["limit"] = limit.document
        return .object(values)
    }
}

extension Bulkhead.Queue {
    mutating func read(_ reader: ConfigurationReader) {
        if reader.isNull {
            self = .none
            return
        }
        reader.object { object in
            // What is said of a queue that is none would have no effect.
            if capacity == 0 && !object.has("capacity") { object.refuse(missing: "capacity") }
            object.read("capacity", &capacity)
            object.read("maxWait", &maxWait)
            object.read("order", &order)
        }
    }

    var document: ConfigurationValue {
        ["capacity": .integer(capacity), "maxWait": .duration(maxWait), "order": .word(order)]
    }
}

extension Bulkhead.Limit {
    /// A number is a fixed limit, an object an algorithm.
    ///
    /// An algorithm that stays as it was remains the same one, so that what it has learned stays; a changed one goes on
    /// from that. The rule for drops is kept in both cases.
    mutating func read(_ reader: ConfigurationReader) {
        guard case .object = reader.value else {
            if let limit = reader.integer() { self = .fixed(limit) }
            return
        }
        var present: Adaptive?
        if case .adaptive(let adaptive) = kind { present = adaptive }
        let known = present?.initial as? any DocumentedLimit
        var read: (any DocumentedLimit)?
        reader.object { object in
            if object.oneOf(["windowed"] + KnownLimit.words) == "windowed" {
                if let reader = object.reader("windowed") { read = AnyWindowedLimit.read(reader, onto: known) }
            } else {
                read = KnownLimit.read(&object, onto: known)
                if read == nil { KnownLimit.refuseNone(object, beside: ["windowed"]) }
            }
        }
        guard let read, read.document != known?.document else { return }
        self = present.map { .adaptive(read, handles: $0.handles) } ?? .adaptive(read)
    }

    /// `nil` for an algorithm of one's own.
    var document: ConfigurationValue? {
        switch kind {
        case .fixed(let limit): .integer(limit)
        case .adaptive(let adaptive): (adaptive.initial as? any DocumentedLimit)?.document
        }
    }
}
