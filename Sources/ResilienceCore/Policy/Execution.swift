/// Everything there is to know about one call, from `run`.
public struct Execution<Value> {
    /// The value, or the error the call would have thrown.
    public let result: Result<Value, any Error>
    /// The policy, or the strategy used alone.
    public let policyName: String
    /// How often the operation was started: 0 if the call was rejected.
    public let attempts: Int
    /// The time from the ask to the result, fallback included.
    public let duration: Duration
    /// Whether the value was accepted. False for an error.
    public let isAccepted: Bool
    /// The error of the operation or the layers for which the fallback ran.
    public let fallbackCause: (any Error)?

    let reports: [CallRecord.Report]

    /// Whether the value is the fallback's.
    public var isServedByFallback: Bool { fallbackCause != nil && value != nil }

    /// What refused the call, whether or not a fallback ran then. An ``ErrorWrapper`` is looked through.
    public var rejection: (any PolicyRejection)? {
        if let fallbackCause { return fallbackCause.unwrapped as? any PolicyRejection }
        guard case .failure(let error) = result else { return nil }
        return error.unwrapped as? any PolicyRejection
    }

    /// The value, or `nil` if the call failed.
    public var value: Value? { try? result.get() }

    /// What the layers reported under a key, in order.
    public subscript<Key: ContextKey>(_ key: Key.Type) -> [Key.Value] {
        reports.compactMap { $0.key == ObjectIdentifier(key) ? $0.value as? Key.Value : nil }
    }

    /// The value, or throws the error.
    public func get() throws -> Value { try result.get() }
}

extension Execution: Sendable where Value: Sendable {}

/// What is noted down about a call made with `run`.
@usableFromInline
final class CallRecord: Sendable {
    struct Report: Sendable {
        let key: ObjectIdentifier
        let value: any Sendable
    }

    struct Notes {
        var attempts = 0
        var reports: [Report] = []
    }

    private let notes = Lock(Notes())
    /// The listener to reports, called as they are made, in place of a record.
    private let listener: ReportListener?
    /// Where reports go besides.
    private let outer: CallRecord?

    @usableFromInline
    init() {
        listener = nil
        outer = nil
    }

    /// A record of a call within a call that somebody listens to.
    init(within outer: CallRecord?) {
        listener = nil
        self.outer = outer?.listener == nil ? nil : outer
    }

    /// A record that passes on what is reported: to a listener, and to the record of the call around it, but not to a
    /// listener further out.
    init(within outer: CallRecord?, _ listener: @escaping ReportListener) {
        self.listener = listener
        self.outer = outer?.listener == nil ? outer : outer?.outer
    }

    @usableFromInline
    func countAttempt() {
        notes.withLock { $0.attempts.increment() }
    }

    @usableFromInline
    func report<Key: ContextKey>(_ key: Key.Type, _ value: Key.Value) {
        outer?.report(key, value)
        if let listener { return listener(key, value) }
        notes.withLock { $0.reports.append(Report(key: ObjectIdentifier(key), value: value)) }
    }

    var current: Notes { notes.withLock { $0 } }
}

/// Hears what the layers of one call report, when they report it, on the task that does.
package typealias ReportListener = @Sendable (_ key: any ContextKey.Type, _ value: any Sendable) -> Void

extension Context {
    /// The same context, which tells a listener what the layers inside report, in place of a listener further out. The
    /// `Execution` of the call gets the reports as well.
    package func reporting(to listener: @escaping ReportListener) -> Context {
        var context = self
        context.extras = (extras ?? .none).with(record: CallRecord(within: extras?.record, listener))
        return context
    }
}

extension Strategy {
    /// Runs an operation as `execute` does but never throws: tells all about the call, successful or not.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        await recorded(isAccepted) { _ in try await operation() }
    }

    /// Runs an operation that asks for its ``Context``, and tells all about the call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        await recorded(isAccepted, operation)
    }

    /// Runs an operation and, if it fails or is rejected, a fallback; and tells all about the call.
    ///
    /// The fallback runs under the same rules as that of `execute`.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        await recorded(isAccepted, { _ in try await operation() }, fallback)
    }

    /// Runs an operation that asks for its ``Context`` and, if it fails or is rejected, a fallback; and tells all about
    /// the call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        await recorded(isAccepted, operation, fallback)
    }

    @inlinable
    nonisolated(nonsending) func recorded<Value>(
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        let (context, record, start) = beginRecording()
        var failure: (any Error)?
        var value: Value?
        do {
            try await attempt(context, isAccepted, into: &value) { context in
                record.countAttempt()
                return try await operation(context)
            }
        } catch {
            failure = error
        }
        let outcome = if let failure { failure.unacceptedValue(orElse: value) } else { value }
        let result: Result<Value, any Error> =
            if let outcome {
                .success(outcome)
            } else {
                .failure(failure ?? OperationNotRun(policyName: context.policyName))
            }
        return execution(context, record, start, result, isAccepted: failure == nil && outcome != nil, cause: nil)
    }

    @inlinable
    nonisolated(nonsending) func recorded<Value>(
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        _ fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        let (context, record, start) = beginRecording()
        var cause: (any Error)?
        var result: Result<Value, any Error>
        do {
            let counted = { (context: Context) async throws -> Value in
                record.countAttempt()
                return try await operation(context)
            }
            let noted = { (error: any Error) async throws -> Value in
                cause = error
                return try await fallback(error)
            }
            result = .success(try await call(context, isAccepted, counted, noted))
        } catch {
            result = .failure(error)
        }
        let isAccepted = if case .success = result { true } else { false }
        return execution(context, record, start, result, isAccepted: isAccepted, cause: cause)
    }

    @usableFromInline
    func beginRecording() -> (Context, CallRecord, TimeSource.Instant) {
        let record = CallRecord()
        var context = rootContext
        context.extras = (context.extras ?? .none).with(record: record)
        return (context, record, context.time.now)
    }

    @usableFromInline
    func execution<Value>(
        _ context: Context, _ record: CallRecord, _ start: TimeSource.Instant, _ result: Result<Value, any Error>,
        isAccepted: Bool, cause: (any Error)?
    ) -> Execution<Value> {
        let notes = record.current
        return Execution(
            result: result, policyName: context.policyName, attempts: notes.attempts,
            duration: start.duration(to: context.time.now), isAccepted: isAccepted, fallbackCause: cause,
            reports: notes.reports)
    }
}
