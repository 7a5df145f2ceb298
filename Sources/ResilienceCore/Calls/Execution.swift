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
    /// As what failure the value counts, if it does.
    @usableFromInline let unaccepted: (any Error)?
    /// The error of the operation or the layers for which the fallback ran.
    public let fallbackCause: (any Error)?

    @usableFromInline let reports: [CallRecord.Report]

    @inlinable
    init(
        result: Result<Value, any Error>, policyName: String, attempts: Int, duration: Duration,
        unaccepted: (any Error)?, fallbackCause: (any Error)?, reports: [CallRecord.Report]
    ) {
        self.result = result
        self.policyName = policyName
        self.attempts = attempts
        self.duration = duration
        self.unaccepted = unaccepted
        self.fallbackCause = fallbackCause
        self.reports = reports
    }

    /// Whether the value was accepted. False for an error.
    public var isAccepted: Bool { if case .success = result { unaccepted == nil } else { false } }

    /// What a classifier made of the value; `nil` if it made nothing of it, or there is no value.
    public var failure: (any Error)? { unaccepted.flatMap { unacceptedResult(in: $0)?.failure } }

    /// Whether the value is the fallback's.
    public var isServedByFallback: Bool { fallbackCause != nil && value != nil }

    /// What refused the call, whether or not a fallback ran then. An ``ErrorWrapper`` is looked through.
    public var rejection: (any PolicyRejection)? {
        if let fallbackCause { return unwrapped(fallbackCause) as? any PolicyRejection }
        guard case .failure(let error) = result else { return nil }
        return unwrapped(error) as? any PolicyRejection
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

/// What layers report, in order.
@_documentation(visibility: internal)
public struct CallReports {
    @usableFromInline var reports: [CallRecord.Report] = []

    @usableFromInline
    init() {}

    /// Adds a value under a key.
    package mutating func add<Key: ContextKey>(_ key: Key.Type, _ value: Key.Value) {
        reports.append(CallRecord.Report(key: ObjectIdentifier(key), value: value))
    }
}

/// What is noted down about a call made with `run`.
@usableFromInline
final class CallRecord: Sendable {
    @usableFromInline
    struct Report: Sendable {
        let key: ObjectIdentifier
        let value: any Sendable
    }

    struct Notes {
        var attempts = 0
        var reports: [Report] = []
    }

    private let notes: Lock<Notes>
    /// Hears of reports when they are made; they are not noted then.
    private let listener: ReportListener?
    /// Where reports go as well.
    private let outer: CallRecord?

    @usableFromInline
    init() {
        notes = Lock(Notes())
        listener = nil
        outer = nil
    }

    /// A record of a call of which something has happened.
    @usableFromInline
    init(attempts: Int, _ reports: CallReports) {
        notes = Lock(Notes(attempts: attempts, reports: reports.reports))
        listener = nil
        outer = nil
    }

    /// A record of a call within a call that has a listener.
    init(within outer: CallRecord?) {
        notes = Lock(Notes())
        listener = nil
        self.outer = outer?.listener == nil ? nil : outer
    }

    /// A record that passes on what is reported: to a listener, and to the record of the call around it, but not to a
    /// listener further out.
    init(within outer: CallRecord?, _ listener: @escaping ReportListener) {
        notes = Lock(Notes())
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
    @usableFromInline
    func recorded(by record: CallRecord) -> Context {
        var context = self
        context.extras = (extras ?? .none).with(record: record)
        return context
    }

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
    @inlinable @inline(__always)
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        guard !_isGated else { return await runBehindGate(isAccepted, operation) }
        var passage = Passage()
        return await pass(recording: &passage, isAccepted, operation)
    }

    /// The way of a call that is told all about; see `pass(_:_:_:)`.
    @inlinable @inline(__always)
    nonisolated(nonsending) func pass<Value>(
        recording passage: inout Passage, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        let start = rootContext.time.now
        var obstacle: (any Error)?
        let entered = _enter(&passage, at: 0, &obstacle)
        guard entered == _depth else {
            return await goOnRecording(&passage, entered, obstacle, attempts: 0, start, isAccepted) { _ in
                try await operation()
            }
        }
        let value: Value
        do {
            value = try await operation()
        } catch {
            return await goOnRecording(&passage, entered, error, attempts: 1, start, isAccepted) { _ in
                try await operation()
            }
        }
        if let failure = isAccepted(value) ? _failure(of: value) : UnacceptedResult.unjudged {
            let failure = UnacceptedResult.holding(consume value, failure)
            return await goOnRecording(&passage, entered, failure, attempts: 1, start, isAccepted) { _ in
                try await operation()
            }
        }
        return leaveRecording(&passage, value, start)
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
        return finished(context, record, start, failure, value)
    }

    @inlinable
    func finished<Value>(
        _ context: Context, _ record: CallRecord, _ start: TimeSource.Instant, _ failure: (any Error)?, _ value: Value?
    ) -> Execution<Value> {
        let outcome = if let failure { UnacceptedResult.value(in: failure, orElse: value) } else { value }
        let result: Result<Value, any Error> =
            if let outcome {
                .success(outcome)
            } else {
                .failure(failure ?? OperationNotRun(policyName: context.policyName))
            }
        return execution(
            context, record, start, result, unaccepted: outcome == nil ? nil : failure, cause: nil)
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
        return execution(context, record, start, result, unaccepted: nil, cause: cause)
    }

    /// The end of a call that succeeded at once.
    @inlinable @inline(never)
    func leaveRecording<Value>(
        _ passage: inout Passage, _ value: Value, _ start: TimeSource.Instant
    ) -> Execution<Value> {
        var reports = CallReports()
        _describe(&passage, at: 0, entered: _depth, isRefused: false, &reports)
        _leave(&passage, at: 0)
        let context = rootContext
        return Execution(
            result: .success(value), policyName: context.policyName, attempts: 1,
            duration: start.duration(to: context.time.now), unaccepted: nil, fallbackCause: nil,
            reports: reports.reports)
    }

    /// The rest of a call that met an obstacle; see ``goOn(_:_:_:_:_:)``.
    @inlinable @inline(never)
    nonisolated(nonsending) func goOnRecording<Value>(
        _ passage: inout Passage, _ entered: Int, _ obstacle: (any Error)?, attempts: Int, _ start: TimeSource.Instant,
        _ isAccepted: (Value) -> Bool, _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        var reports = CallReports()
        _describe(
            &passage, at: 0, entered: entered, isRefused: attempts == 0 && obstacle != nil, &reports)
        let record = CallRecord(attempts: attempts, reports)
        let context = rootContext.recorded(by: record)
        var obstacle = obstacle
        let position = leaving(&passage, entered, &obstacle, context)
        var value: Value?
        var failure = obstacle
        if position != .left || obstacle == nil {
            do {
                try await _resume(&passage, at: 0, position, obstacle, context) { context in
                    record.countAttempt()
                    try context.judge(try await operation(context), isAccepted, into: &value)
                }
                failure = nil
            } catch {
                failure = error
            }
        }
        return finished(context, record, start, failure, value)
    }

    @usableFromInline
    func beginRecording() -> (Context, CallRecord, TimeSource.Instant) {
        let record = CallRecord()
        let context = rootContext.recorded(by: record)
        return (context, record, context.time.now)
    }

    @usableFromInline
    func execution<Value>(
        _ context: Context, _ record: CallRecord, _ start: TimeSource.Instant, _ result: Result<Value, any Error>,
        unaccepted: (any Error)?, cause: (any Error)?
    ) -> Execution<Value> {
        let notes = record.current
        return Execution(
            result: result, policyName: context.policyName, attempts: notes.attempts,
            duration: start.duration(to: context.time.now), unaccepted: unaccepted, fallbackCause: cause,
            reports: notes.reports)
    }
}
