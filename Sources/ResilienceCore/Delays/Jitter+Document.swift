extension Jitter {
    /// A word, or a number: the ratio.
    ///
    /// - Parameter remembers: Whether delays come one after another, as for ``check(_:_:remembers:)``.
    package mutating func read(_ reader: ConfigurationReader, remembers: Bool) {
        switch reader.number(orWord: Word.allCases.filter { remembers || $0 != .decorrelated }) {
        case .number(let ratio): self = .ratio(ratio)
        case .word(let word): self = Jitter(word)
        case nil: break
        }
    }

    package var document: ConfigurationValue {
        switch kind {
        case .none: .word(Word.none)
        case .full: .word(Word.full)
        case .equal: .word(Word.equal)
        case .decorrelated: .word(Word.decorrelated)
        case .ratio(let ratio): .number(ratio)
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
