/// What is known about a call on its way through a policy.
///
/// The operation gets it by taking an argument: `policy.execute { context in … }`. A strategy passes it on to the
/// layers inside, changed where it has something to say. A context costs no allocation unless a value is set in it.
public struct Context: Sendable {
    @usableFromInline let scope: PolicyScope
    @usableFromInline var extras: ContextExtras?

    /// Which attempt this is: 1 for the first, 2 for the first retry.
    public var attempt: Int = 1

    /// When the call has to be over, on ``time``; `nil` if nothing limits it.
    ///
    /// Strategies only ever shorten it. The deadline of a call around this one holds as well, also where the context of
    /// that one was not handed on; what is set here does not lengthen it.
    public var deadline: TimeSource.Instant? {
        get {
            guard let outer = CallLimit.current?.earliest(on: time) else { return ownDeadline }
            return ownDeadline.map { min($0, outer) } ?? outer
        }
        set { ownDeadline = newValue }
    }

    /// The deadline as far as it has come with the context.
    private var ownDeadline: TimeSource.Instant?

    @usableFromInline
    init(scope: PolicyScope, extras: ContextExtras? = nil) {
        self.scope = scope
        self.extras = extras
    }

    /// The context of a strategy that stands alone: it makes one when it is built and hands it out as `rootContext`.
    public init(name: String, time: TimeSource) {
        self.init(scope: PolicyScope(name: name, time: time))
    }

    @usableFromInline static let standalone = Context(name: "", time: .continuous)

    /// The name of the policy, or of the strategy used alone.
    public var policyName: String { scope.name }

    /// The time the call is measured in.
    @inlinable public var time: TimeSource { scope.time }

    /// What is left until ``deadline``, zero if it has passed, `nil` if there is none. Pass it on to the service
    /// called, for example as a gRPC deadline.
    public var remaining: Duration? {
        deadline.map { max(.zero, time.now.duration(to: $0)) }
    }

    /// Whether the deadline has passed.
    public var isPastDeadline: Bool {
        if let ownDeadline, time.now >= ownDeadline { return true }
        return CallLimit.current?.isPast == true
    }

    /// The deadline on another time source: what is left until then is the same on both.
    ///
    /// - Parameter now: The present moment on that source.
    package func deadline(on source: TimeSource, now: @autoclosure () -> TimeSource.Instant) -> TimeSource.Instant? {
        deadline.map { source == time ? $0 : now().advanced(by: time.now.duration(to: $0)) }
    }

    /// The last nanosecond before the deadline, on another time source: what comes then is of use still. Without a
    /// deadline, in 292 years.
    package func lastMoment(on source: TimeSource, now: @autoclosure () -> TimeSource.Instant) -> TimeSource.Instant {
        deadline(on: source, now: now())?.advanced(by: .nanoseconds(-1)) ?? TimeSource.Instant(nanoseconds: .max)
    }

    /// Sets the deadline to a moment on a time source, unless there is an earlier one.
    ///
    /// The time source may be another than the context's: what is left is the same on both.
    public mutating func shortenDeadline(to instant: TimeSource.Instant, on source: TimeSource) {
        let translated = source == time ? instant : time.now.advanced(by: source.now.duration(to: instant))
        ownDeadline = ownDeadline.map { min($0, translated) } ?? translated
    }

    /// A value that outer strategies set for inner ones and for the operation.
    public subscript<Key: ContextKey>(_ key: Key.Type) -> Key.Value? {
        get {
            // The cast of a value that is not there would cost as much as two locks.
            guard let value = extras?.values[ObjectIdentifier(key)] else { return nil }
            return value as? Key.Value
        }
        set {
            var values = extras?.values ?? [:]
            values[ObjectIdentifier(key)] = newValue
            extras = (extras ?? .none).with(values: values)
        }
    }

    /// Whether a value may be set: without one a strategy is spared the search, which costs as much as a lock.
    @inlinable package var carriesValues: Bool { extras != nil }

    /// Adds a value to the ``Execution`` that `run` returns, under a key; in the order of reporting. Does nothing, at
    /// the cost of one comparison, when the call was not made with `run`.
    @inlinable
    public func report<Key: ContextKey>(_ key: Key.Type, _ value: @autoclosure () -> Key.Value) {
        if let record = extras?.record { record.report(key, value()) }
    }

    /// What the rules that policies declare for values make of this one; `nil` if they accept it.
    @inlinable
    package func failure<Value>(of value: Value) -> (any Error)? {
        extras == nil && scope.acceptances == nil ? nil : failureByDeclaration(value)
    }

    /// The innermost rules are asked first.
    @usableFromInline
    func failureByDeclaration<Value>(_ value: Value) -> (any Error)? {
        if let failure = scope.failure(of: value) { return failure }
        for scope in (extras?.outerScopes ?? []).reversed() {
            if let failure = scope.failure(of: value) { return failure }
        }
        return nil
    }

    /// The context inside a nested policy: its name and time; the attempt, deadline and values of the outer one.
    @usableFromInline
    func entering(_ inner: PolicyScope) -> Context {
        var context = Context(scope: inner)
        context.attempt = attempt
        if let ownDeadline { context.shortenDeadline(to: ownDeadline, on: time) }
        // The usual call: no values, and no rule for them that the inner policy does not know.
        guard extras != nil || scope.acceptances != nil else { return context }
        context.extras = scope.acceptances == nil ? extras : (extras ?? .none).entered(from: scope)
        return context
    }
}

/// A name, with a type, for a value in a ``Context`` or in an ``Execution``.
public protocol ContextKey {
    /// The type of the value.
    associatedtype Value: Sendable
}

/// What all calls of one policy share.
@usableFromInline
final class PolicyScope: Sendable {
    @usableFromInline let name: String
    @usableFromInline let time: TimeSource
    @usableFromInline let acceptances: [any Acceptance]?

    @usableFromInline
    init(name: String, time: TimeSource, acceptances: [any Acceptance]? = nil) {
        self.name = name
        self.time = time
        self.acceptances = acceptances
    }

    @usableFromInline
    func failure<Value>(of value: Value) -> (any Error)? {
        for acceptance in acceptances ?? [] {
            if let failure = acceptance.failure(of: value) { return failure }
        }
        return nil
    }
}

/// What only some calls carry. A new one is always made from the one before, so that nothing of it is forgotten.
@usableFromInline
final class ContextExtras: Sendable {
    let values: [ObjectIdentifier: any Sendable]
    /// The policies around this one that have rules for values.
    let outerScopes: [PolicyScope]
    @usableFromInline let record: CallRecord?

    static let none = ContextExtras(values: [:], outerScopes: [], record: nil)

    private init(values: [ObjectIdentifier: any Sendable], outerScopes: [PolicyScope], record: CallRecord?) {
        self.values = values
        self.outerScopes = outerScopes
        self.record = record
    }

    func with(values: [ObjectIdentifier: any Sendable]) -> ContextExtras {
        ContextExtras(values: values, outerScopes: outerScopes, record: record)
    }

    func with(record: CallRecord) -> ContextExtras {
        ContextExtras(values: values, outerScopes: outerScopes, record: record)
    }

    func entered(from outer: PolicyScope) -> ContextExtras {
        // A policy that is nested in itself need not be asked twice.
        guard !outerScopes.contains(where: { $0 === outer }) else { return self }
        return ContextExtras(values: values, outerScopes: outerScopes + [outer], record: record)
    }

    /// The same with further values, which replace those that are here.
    func adding(_ values: [ObjectIdentifier: any Sendable]) -> ContextExtras {
        with(values: self.values.merging(values) { $1 })
    }
}
