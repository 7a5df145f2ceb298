/// A rule for values of one type, kept by a policy that is not generic.
@usableFromInline
protocol Acceptance: Sendable {
    /// What the rule makes of a value; `nil` if that is accepted.
    func failure<Value>(of value: Value) -> (any Error)?
}

struct TypedAcceptance<Expected>: Acceptance {
    let predicate: @Sendable (Expected) -> Bool

    /// Values of other types are not this predicate's business.
    func failure<Value>(of value: Value) -> (any Error)? {
        guard let value = value as? Expected else { return nil }
        return predicate(value) ? nil : UnacceptedResultError.unjudged
    }
}

struct TypedClassifier<Expected>: Acceptance {
    let isThrown: Bool
    let classify: @Sendable (Expected) -> (any Error)?

    func failure<Value>(of value: Value) -> (any Error)? {
        guard let value = value as? Expected, let failure = classify(value) else { return nil }
        return isThrown ? ThrownFailure(error: failure) : failure
    }
}

/// What is made of a value that does not come back: the failure is thrown in its place.
@usableFromInline
struct ThrownFailure: Error {
    let error: any Error

    /// What is to be thrown, if it is that.
    @usableFromInline
    static func error(_ failure: any Error) -> (any Error)? { (failure as? ThrownFailure)?.error }
}
