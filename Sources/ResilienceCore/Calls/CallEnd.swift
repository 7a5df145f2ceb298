internal import Synchronization

/// How a call ended that did not succeed, and whose doing that was.
///
/// Every pattern asks this before it counts an error for or against a service, and so should a strategy of your own.
public enum CallEnd: Sendable, Hashable {
    /// The service failed, or its client did. So does a `CancellationError` that nothing around the call asked for: a
    /// connection pool that closes and an inner task that was cancelled throw it too.
    case failed

    /// The call was cut off because its deadline had passed: the service did not answer in time, and has failed.
    case expired

    /// A layer inside rejected the call, which says nothing about the service, whatever happened meanwhile.
    case rejected

    /// The caller's task was cancelled, and the deadline of the call had not passed.
    case cancelled

    /// Decides from the error and from the state of the current task; call it where the error was caught.
    ///
    /// - Parameters:
    ///   - error: What the call threw. An ``ErrorWrapper`` is looked through.
    ///   - context: The call's context, for its deadline. Without it, the deadline of the call around the task is
    ///     asked.
    public init(_ error: any Error, in context: Context? = nil) {
        // Once a cancellation tells its reason (SE-0526), it is asked here.
        if ErrorKind(error) == .rejection {
            self = .rejected
        } else if !Task.isCancelled {
            self = .failed
        } else {
            let isPastDeadline = context.map(\.isPastDeadline) ?? (CallLimit.current?.isPast == true)
            self = isPastDeadline ? .expired : .cancelled
        }
    }

    /// Whether the service is to blame: it failed, or did not answer in time.
    public var isFailure: Bool { self == .failed || self == .expired }
}

extension Context {
    /// Whether the current task is cancelled, and not because the call's deadline has passed: there is no caller left
    /// for which another attempt or a fallback could be of use.
    @usableFromInline package var isCancelledByCaller: Bool { Task.isCancelled && !isPastDeadline }
}

/// An error that stands for another, which decides what it means.
///
/// What a retry or a fallback throws when it gives up conforms. Conform an error of your own that adds something to
/// another: conditions see the error inside.
public protocol ErrorWrapper: Error {
    /// The error that this one stands for.
    var wrappedError: any Error { get }
}

/// The error that decides what another means: itself, unless it is an ``ErrorWrapper``.
///
/// A function and not a member of `Error`: to pass an error on as `Self` makes another box for it.
package func unwrapped(_ error: any Error) -> any Error {
    guard ErrorKind.ofType(of: error).hasContent else { return error }
    var error = error
    // Bounded, because a wrapper of the user's may be its own content.
    for _ in 0..<32 {
        if let unaccepted = error as? UnacceptedResultError {
            guard let failure = unaccepted.failure else { break }
            error = failure
        } else {
            guard let wrapper = error as? any ErrorWrapper else { break }
            error = wrapper.wrappedError
        }
    }
    return error
}

/// The failure of a value that was not accepted, if an error is that or wraps it.
package func unacceptedResult(in error: any Error) -> UnacceptedResultError? {
    guard ErrorKind.ofType(of: error).hasContent else { return nil }
    var error = error
    for _ in 0..<32 {
        if let unaccepted = error as? UnacceptedResultError { return unaccepted }
        guard let wrapper = error as? any ErrorWrapper else { break }
        error = wrapper.wrappedError
    }
    return nil
}

/// Whether an error, or the one that it wraps, is of one of these types, as `is` tells: a subclass is, and an error
/// that is bridged to the type.
package func isAny(_ error: any Error, of types: [any Error.Type]) -> Bool {
    let unwrapped = unwrapped(error)
    return types.contains { $0.isType(of: error) || $0.isType(of: unwrapped) }
}

extension Error {
    fileprivate static func isType(of error: any Error) -> Bool { error is Self }
}

/// What an error's type says.
private enum ErrorKind: UInt {
    case rejection = 1
    case wrapper = 2
    case other = 3
    /// A value that was not accepted, and perhaps a classifier's failure.
    case value = 4

    /// Whether there may be another error inside, which decides.
    var hasContent: Bool { self == .wrapper || self == .value }

    /// What an error says, or the one that it wraps.
    init(_ error: any Error) {
        let kind = Self.ofType(of: error)
        self = kind.hasContent ? Self.ofType(of: unwrapped(error)) : kind
    }

    static func ofType(of error: any Error) -> ErrorKind {
        #if canImport(ObjectiveC)
            // The type of a bridged error does not say what it can be cast to.
            ErrorKind(asking: error)
        #else
            ErrorKinds.shared.kind(of: error)
        #endif
    }

    init(asking error: any Error) {
        if error is any PolicyRejection {
            self = .rejection
        } else if error is UnacceptedResultError {
            self = .value
        } else {
            self = error is any ErrorWrapper ? .wrapper : .other
        }
    }
}

/// Remembers the answers for a few types: asking an error whether it conforms to a protocol takes longer than rejecting
/// a call.
private final class ErrorKinds: @unchecked Sendable {  // The pointer never changes, and points to atomics.
    static let shared = ErrorKinds()

    private static let count = 16

    /// Each the address of a type's metadata, whose three low bits are zero, and the answer in these.
    private let slots = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: count)

    private init() {
        for index in 0..<Self.count { (slots + index).initialize(to: Atomic(0)) }
    }

    func kind(of error: any Error) -> ErrorKind {
        let address = UInt(bitPattern: ObjectIdentifier(type(of: error)))
        let slot = Int((address >> 4 ^ address >> 8) % UInt(Self.count))
        let known = slots[slot].load(ordering: .relaxed)
        if known & ~7 == address, let kind = ErrorKind(rawValue: known & 7) { return kind }
        let kind = ErrorKind(asking: error)
        if address & 7 == 0 { slots[slot].store(address | kind.rawValue, ordering: .relaxed) }
        return kind
    }
}
