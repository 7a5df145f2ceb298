/// Which errors a pattern handles, ignores or recovers from: the same value in the configuration of every pattern.
///
/// ```swift
/// CircuitBreaker.layer(.init(ignores: .only(NotFound.self)))
/// Retry.layer(.init(handles: .except(NotFound.self)))
/// ```
///
/// Never asked about the caller's own cancellation (any error while its task is cancelled): every pattern knows what to
/// do then. A `CancellationError` in a task that is not cancelled is an error like any other: a client's own.
///
/// Types match as `is` does: subclasses too, and errors bridged to them. An ``ErrorWrapper``, such as the error of a
/// retry that gave up, matches by its own type and by that of the error inside. A function is given the error inside.
///
/// A value that was not accepted (``UnacceptedResultError``) is handled by every condition but ``none`` and what you
/// make with ``init(_:)``, which is asked about everything; and it is never an exception, such as an error to ignore.
public struct ErrorCondition: Sendable {
    /// What a condition says about a value that was not accepted.
    private enum Values: Sendable {
        case handled
        case unhandled
        /// The rule decides.
        case asked
    }

    private let rule: @Sendable (any Error) -> Bool
    private let values: Values
    /// What documents call it; `nil` for what only code can say.
    package let word: Word?
    /// Whether rejections for which it holds are asked for by name.
    package let namesRejections: Bool

    /// What documents call those that need no function.
    package enum Word: String, CaseIterable, Sendable {
        case all
        case none
        case rejections
    }

    /// The condition of a word.
    package init(_ word: Word) {
        self =
            switch word {
            case .all: .all
            case .none: .none
            case .rejections: .rejections
            }
    }

    private init(
        word: Word? = nil, values: Values = .handled, namesRejections: Bool = false,
        _ rule: @escaping @Sendable (any Error) -> Bool
    ) {
        self.rule = rule
        self.values = values
        self.word = word
        self.namesRejections = namesRejections
    }

    /// The errors for which a function says so, and the values: it is asked about ``UnacceptedResultError`` too.
    ///
    /// - Parameter holds: Given the error inside of wrappers. Runs outside every lock.
    public init(_ holds: @escaping @Sendable (any Error) -> Bool) {
        self.init(values: .asked) { holds(unwrapped($0)) }
    }

    /// Every error.
    public static let all = ErrorCondition(word: .all) { _ in true }

    /// No error.
    public static let none = ErrorCondition(word: Word.none, values: .unhandled) { _ in false }

    /// Errors by which a layer inside refused the call: an open breaker, a full bulkhead. The operation did not run,
    /// unless it uses a policy itself and threw what that refused.
    public static let rejections = ErrorCondition(word: .rejections, namesRejections: true) {
        unwrapped($0) is any PolicyRejection
    }

    /// Errors by which a service says that it has too much to do (``OverloadError``), such as a timeout's. Not the
    /// rejections of layers inside: the service never saw those calls.
    public static let overload = ErrorCondition(values: .handled) {
        let error = unwrapped($0)
        return (error as? any OverloadError)?.isOverload == true && !(error is any PolicyRejection)
    }

    /// Errors of these types.
    public static func only(_ types: any Error.Type...) -> ErrorCondition {
        ErrorCondition(namesRejections: types.contains { $0 is any PolicyRejection.Type }) { isAny($0, of: types) }
    }

    /// Errors of all types but these.
    public static func except(_ types: any Error.Type...) -> ErrorCondition {
        ErrorCondition(values: .handled) { !isAny($0, of: types) }
    }

    /// Errors for which a function says so.
    ///
    /// - Parameter holds: Given the error inside of wrappers, and never ``UnacceptedResultError``. Runs outside every
    ///   lock.
    public static func errors(where holds: @escaping @Sendable (any Error) -> Bool) -> ErrorCondition {
        ErrorCondition(values: .handled) {
            let error = unwrapped($0)
            return !(error is UnacceptedResultError) && holds(error)
        }
    }

    /// Whether it holds for every error, without asking a function.
    @usableFromInline package var isAll: Bool { word == Self.all.word }

    /// Whether an error is handled, or a value that was not accepted.
    @usableFromInline
    package func handles(_ error: any Error) -> Bool {
        rule(error) || values == .handled && unwrapped(error) is UnacceptedResultError
    }

    /// Whether an error is an exception to what is handled.
    package func excludes(_ error: any Error) -> Bool {
        rule(error) && (values == .asked || !(unwrapped(error) is UnacceptedResultError))
    }
}

/// What an error means to a pattern that counts successes and failures.
package struct ErrorConditions: Sendable {
    /// What a pattern makes of an error.
    package enum Verdict: Sendable {
        /// A failure of the service.
        case failure
        /// No failure: the service did what it could.
        case success
        /// Says nothing about the service.
        case ignored
        /// The caller gave up.
        case cancelled
    }

    private let handles: ErrorCondition
    private let ignores: ErrorCondition

    package init(handles: ErrorCondition, ignores: ErrorCondition) {
        self.handles = handles
        self.ignores = ignores
    }

    /// Decides by the two conditions, and by whose doing the end was.
    package func judge(_ error: any Error, in context: Context?) -> Verdict {
        switch CallEnd(error, in: context) {
        case .rejected: .ignored
        case .cancelled: .cancelled
        case .expired: .failure
        case .failed: ignores.excludes(error) ? .ignored : handles.handles(error) ? .failure : .success
        }
    }
}
