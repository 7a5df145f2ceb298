/// The failure that layers see when a value was returned but not accepted.
///
/// If a classifier says what is wrong with the value, that is its ``failure``, and decides for every layer: conditions,
/// hints, overload and labels are those of the failure.
///
/// It does not reach the caller of `execute`: a value that is still the outcome in the end is returned. Classifiers,
/// functions for delays and break lengths, and fallbacks may look for it, and at the value.
public struct UnacceptedResultError: Error, Sendable, RetryAfterProviding, CustomStringConvertible {
    /// When the failure or, if that does not, the value says to try again, if its type conforms to
    /// ``RetryAfterProviding``: a response with a `Retry-After`.
    public let retryAfter: Duration?

    /// What a classifier made of the value; `nil` for a value that was only not accepted.
    public let failure: (any Error)?

    private let held: HeldValue?

    /// Creates the failure, without a value.
    public init() {
        retryAfter = nil
        failure = nil
        held = nil
    }

    /// The rules for values say no more than that a value is not accepted.
    @usableFromInline package static let unjudged: any Error = UnacceptedResultError()

    /// - Parameter failure: What the rules made of the value.
    @usableFromInline
    init(holding held: HeldValue, _ failure: any Error) {
        self.held = held
        self.failure = type(of: failure) == UnacceptedResultError.self ? nil : failure
        retryAfter =
            self.failure.flatMap { ($0 as? any RetryAfterProviding)?.retryAfter }
            ?? (held.erased as? any RetryAfterProviding)?.retryAfter
    }

    /// The value that was not accepted.
    ///
    /// - Parameter type: What to see it as. It is `Sendable`, because a failure may be looked at anywhere.
    /// - Returns: `nil` if the value is of another type, or is no longer held: a layer that runs the operation again
    ///   lets go of it first, and the caller of `execute` takes it.
    public func value<Value: Sendable>(as type: Value.Type = Value.self) -> Value? {
        // Everything is `any Sendable` to a cast, which cannot check it.
        Value.self == (any Sendable).self ? nil : held?.erased as? Value
    }

    /// The value, for a look at what it conforms to.
    package var erasedValue: Any? { held?.erased }

    /// Gives the value up, because it will not be the outcome of its call: nothing refers to it afterwards, and what
    /// the call is to do with such values is done.
    @usableFromInline package nonisolated(nonsending) func release() async { await held?.release() }

    @usableFromInline
    func take<Value>(as type: Value.Type) -> Value? { held?.take() as? Value }

    /// The failure of a value that its caller has taken, with the value to look at once more.
    @usableFromInline
    package static func showing<Value>(_ value: Value, _ failure: any Error) -> any Error {
        guard let unaccepted = failure as? UnacceptedResultError else { return failure }
        return UnacceptedResultError(holding: HeldValue(value), unaccepted.failure ?? unjudged)
    }

    /// The failure of a value with which a permit ends; `nil` if it is accepted, also by the rules of the context.
    ///
    /// It holds the value until ``letGo(of:)``, for conditions and functions that look at it.
    package static func ofPermit<Value>(
        _ value: Value, in context: Context, accepting isAccepted: (Value) -> Bool
    ) -> (any Error)? {
        let failure = isAccepted(value) ? context.failure(of: value) : unjudged
        return failure.map { holding(value, $0) }
    }

    /// Forgets the value, without doing anything with it: that of a permit, whose holder has it.
    package static func letGo(of error: any Error) { _ = (error as? UnacceptedResultError)?.held?.take() }

    /// A sentence for logs.
    public var description: String {
        "the result was not accepted" + (failure.map { ": \($0)" } ?? "")
    }
}

extension UnacceptedResultError {
    /// The value of a call that ends with an error, if it is that of a value that was not accepted.
    ///
    /// Asks for the type alone, which costs a rejection next to nothing; a cast would cost more than rejecting does.
    /// Not a member of `Error`: to pass an error on as `Self` makes another box for it.
    ///
    /// - Parameter latest: The value that was accepted last, where a layer has thrown the failure by itself.
    @inlinable
    static func value<Value>(in error: any Error, orElse latest: Value?) -> Value? {
        guard type(of: error) == UnacceptedResultError.self, let failure = error as? UnacceptedResultError else {
            return nil
        }
        return failure.take(as: Value.self) ?? latest
    }
}
