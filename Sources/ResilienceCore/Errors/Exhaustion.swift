/// What the caller gets from a call that no attempt and no fallback could save.
public enum Exhaustion: String, Sendable, Hashable, Codable, CaseIterable {
    /// The operation's error, unchanged; of several attempts, the last. If that was a value that was not accepted, the
    /// value.
    case originalError
    /// The pattern's own error, which tells everything that was tried and wraps the original one.
    case exhaustedError
}
