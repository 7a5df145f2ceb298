extension ScriptedOperation {
    /// What one call of a scripted operation does.
    public enum Step: Sendable {
        /// Returns a value, at once or after a delay on the operation's clock.
        ///
        /// During a delay, cancellation ends the call with `CancellationError`; without one it has no effect.
        case success(Value, after: Duration = .zero)
        /// Throws an error, at once or after a delay, as above.
        case failure(any Error, after: Duration = .zero)
        /// Suspends until the task is cancelled, and throws `CancellationError`; or until it is released.
        case hang
        /// Suspends until it is released, whatever happens to the task: an operation that ignores cancellation.
        case hangIgnoringCancellation

        var delay: Duration {
            switch self {
            case .success(_, let delay), .failure(_, let delay): delay
            case .hang, .hangIgnoringCancellation: .zero
            }
        }

        var isEndless: Bool {
            switch self {
            case .success, .failure: false
            case .hang, .hangIgnoringCancellation: true
            }
        }
    }
}

/// What a scripted operation does when it is called after the last step of its script.
public enum ScriptEnd: Sendable {
    /// Takes the last step again, every time.
    case repeatLast
    /// Starts the script over.
    case repeatAll
    /// Throws ``ScriptExhaustedError``.
    case fail
}

/// The error of a call for which the script of a ``ScriptedOperation`` has no step.
public struct ScriptExhaustedError: Error, Sendable, Hashable, CustomStringConvertible {
    /// How many steps the script has.
    public let steps: Int
    /// The number of the call, the first being 1.
    public let call: Int

    /// Creates the error.
    public init(steps: Int, call: Int) {
        self.steps = steps
        self.call = call
    }

    /// A sentence for logs: `call 3 finds no step in a script of 2`.
    public var description: String { "call \(call) finds no step in a script of \(steps)" }
}
