extension ConfigurationReader {
    /// An object of the document, from which values are taken by their keys.
    ///
    /// A key that is absent leaves the value as it is.
    public struct Object {
        /// Where the object stands.
        public let reader: ConfigurationReader
        private let values: [String: ConfigurationValue]
        private var known: Set<String> = []

        init(_ reader: ConfigurationReader, _ values: [String: ConfigurationValue]) {
            self.reader = reader
            self.values = values
        }

        /// The keys of the object, in alphabetical order.
        public var keys: [String] { values.keys.sorted() }

        /// Whether there is such a key. Asking does not make the key known.
        public func has(_ key: String) -> Bool { values[key] != nil }

        /// The value of a key, which is known from now on; `nil` if it is absent.
        ///
        /// - Parameters:
        ///   - key: The key.
        ///   - field: What the configuration's own check calls the value, if that is not the key; with dots if it lies
        ///     further in.
        public mutating func reader(_ key: String, as field: String? = nil) -> ConfigurationReader? {
            known.insert(key)
            reader.findings.questions?.ask(for: reader.path.step(key))
            reader.findings.notes?.ask(for: key, in: reader.path)
            guard let value = values[key] else { return nil }
            let inside = reader.field.isEmpty ? "" : reader.field + "."
            return ConfigurationReader(
                value, path: reader.path.step(key), field: field.map { inside + $0 } ?? reader.field.step(key),
                depth: reader.depth + 1, reader.findings)
        }

        /// Notes that a key which is needed is not there.
        public func refuse(missing key: String) {
            reader.findings.note(
                .init(field: reader.path.step(key), value: "nothing", violation: "is given, but the key is needed"))
        }

        /// Reads a whole number.
        public mutating func read(_ key: String, _ value: inout Int, as field: String? = nil) {
            if let read = reader(key, as: field)?.integer() { value = read }
        }

        /// Reads a number.
        public mutating func read(_ key: String, _ value: inout Double, as field: String? = nil) {
            if let read = reader(key, as: field)?.number() { value = read }
        }

        /// Reads true or false.
        public mutating func read(_ key: String, _ value: inout Bool, as field: String? = nil) {
            if let read = reader(key, as: field)?.boolean() { value = read }
        }

        /// Reads a duration.
        public mutating func read(_ key: String, _ value: inout Duration, as field: String? = nil) {
            if let read = reader(key, as: field)?.duration() { value = read }
        }

        /// Reads a duration that need not be; `null` takes it away.
        public mutating func read(_ key: String, _ value: inout Duration?, as field: String? = nil) {
            guard let reader = reader(key, as: field) else { return }
            if reader.isNull { value = nil } else if let read = reader.duration() { value = read }
        }

        /// Reads a number that need not be; `null` takes it away.
        public mutating func read(_ key: String, _ value: inout Double?, as field: String? = nil) {
            guard let reader = reader(key, as: field) else { return }
            if reader.isNull { value = nil } else if let read = reader.number() { value = read }
        }

        /// Reads one of the words that are the raw values of a type.
        ///
        /// - Parameters:
        ///   - key: The key.
        ///   - value: Where it goes; stays what it is if the key is absent, or its value is none of the words.
        ///   - choices: Those that may be chosen. Default: all.
        public mutating func read<Word: DocumentWord>(_ key: String, _ value: inout Word, among choices: [Word]? = nil)
        {
            if let read = reader(key)?.word(Word.self, among: choices) { value = read }
        }

        /// Reads one of a few words.
        public mutating func read<Choice>(_ key: String, _ value: inout Choice, _ words: KeyValuePairs<String, Choice>)
        {
            if let read = reader(key)?.word(words) { value = read }
        }

        /// Reads a configuration of its own, onto what it is, and checks it.
        ///
        /// - Returns: Whether it was there, without a fault. It is changed only then.
        public mutating func read<Part: DocumentRepresentable>(_ key: String, onto value: inout Part) -> Bool {
            guard let reader = reader(key) else { return false }
            return reader.findings.read([reader], onto: &value)
        }

        /// Tells which of several keys, of which there can be only one, there is. Several are a fault.
        ///
        /// - Parameter keys: The keys. All of them are known from now on.
        /// - Returns: The first of the keys that is there; `nil` if none is.
        public mutating func oneOf(_ keys: [String]) -> String? {
            known.formUnion(keys)
            for key in keys {
                reader.findings.questions?.ask(for: reader.path.step(key))
                reader.findings.notes?.ask(for: key, in: reader.path)
            }
            let present = keys.filter(has)
            if present.count > 1 {
                reader.refuse("holds \(present.joined(separator: " and ")), of which there can be only one")
            }
            return present.first
        }

        func refuseUnknownKeys() {
            for key in values.keys.filter({ !known.contains($0) }).sorted() {
                let question = NearMiss.question(for: key, among: known)
                reader.findings.note(
                    .init(
                        field: reader.path.step(key), value: values[key]?.quoted ?? "null",
                        violation: "is for an unknown key\(question)"))
            }
        }
    }
}

extension String {
    /// A path one step further in.
    package func step(_ key: String) -> String { isEmpty ? key.pathStep : "\(self).\(key.pathStep)" }
}
