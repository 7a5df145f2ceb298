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
