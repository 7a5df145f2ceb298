internal import ResilienceCore

extension Jitter {
    /// A word, or an object with a ratio.
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
        } else if let word = reader.word(Word.self) {
            self = Jitter(word)
        }
    }

    var document: ConfigurationValue {
        switch kind {
        case .none: .word(Word.none)
        case .full: .word(Word.full)
        case .equal: .word(Word.equal)
        case .decorrelated: .word(Word.decorrelated)
        case .ratio(let ratio): ["ratio": .number(ratio)]
        }
    }

    /// What documents call the kinds without numbers.
    private enum Word: String, CaseIterable {
        case none
        case full
        case equal
        case decorrelated
    }

    private init(_ word: Word) {
        self =
            switch word {
            case .none: .none
            case .full: .full
            case .equal: .equal
            case .decorrelated: .decorrelated
            }
    }
}
