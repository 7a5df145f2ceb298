/// Why a store of shared state could not answer.
///
/// A store that is there and knows nothing is no error: it answers with the state of something new.
public enum SharedStateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no connection, or the store takes no commands now: it starts, fails over, is read-only or out of
    /// memory. Says why, without secrets.
    case unavailable(String)

    /// No answer came within the time that an operation may take.
    case timedOut(Duration)

    /// The record was written by a version that this one does not know.
    case incompatibleVersion(found: Int, known: Int)

    /// What came back is no answer to what was asked.
    case malformed(String)

    /// The store refuses to serve this client, and will until that is changed: a password, a permission, a version that
    /// is too old. Says why, without secrets.
    case refused(String)

    /// Says what happened in a sentence.
    public var description: String {
        switch self {
        case .unavailable(let why): "the shared state is unavailable: \(why)"
        case .timedOut(let limit): "the shared state did not answer within \(limit)"
        case .incompatibleVersion(let found, let known):
            "the shared state was written in version \(found), and version \(known) is the newest known here"
        case .malformed(let what): "the shared state gave no proper answer: \(what)"
        case .refused(let why): "the shared state refuses this client: \(why)"
        }
    }
}
