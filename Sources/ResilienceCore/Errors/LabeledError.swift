/// An error that says by which word it is to be counted: `503`, `UNAVAILABLE`.
///
/// Traces write it as `error.type`, where the name of the error's type stands otherwise.
public protocol LabeledError: Error {
    /// One of a small number of words, which names neither a caller nor what the call was about.
    var label: String { get }
}

/// What an error is counted by: its label, or that of the error inside of it, or the name of its type.
package func errorLabel(_ error: any Error) -> String {
    let cause = unwrapped(error)
    if let labeled = (error as? any LabeledError) ?? (cause as? any LabeledError) { return labeled.label }
    return error is UnacceptedResultError ? "\(type(of: cause))" : "\(type(of: error))"
}
