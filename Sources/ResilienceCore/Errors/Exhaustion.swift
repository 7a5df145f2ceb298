/// What the caller gets from a call that no attempt and no fallback could save.
public enum Exhaustion: Sendable, Hashable {
    /// The operation's error, unchanged; of several attempts, the last. If that was a value that was not accepted, the
    /// value.
    case originalError
    /// The pattern's own error, which tells everything that was tried and wraps the original one.
    case exhaustedError
}

extension Exhaustion {
    /// The words of documents.
    package static var words: KeyValuePairs<String, Exhaustion> {
        ["originalError": .originalError, "exhaustedError": .exhaustedError]
    }
}
