public import ResilienceCore

extension KeyedFallback {
    /// One way to answer in the place of a call that failed. Made as part of ``Steps``.
    public struct Step: Sendable {
        @usableFromInline
        enum Source: Sendable {
            case value(Value)
            case action(Action)
            case lastGood(maxAge: Duration, capacity: Int)
        }

        /// As the user wrote it: wrapped to take a key in any case, it would cost each call a closure more.
        @usableFromInline
        enum Action: Sendable {
            case plain(@Sendable (any Error) async throws -> Value)
            case keyed(@Sendable (any Error, Key) async throws -> Value)

            @inlinable
            nonisolated(nonsending) func callAsFunction(_ error: any Error, _ key: Key) async throws -> Value {
                switch self {
                case .plain(let action): try await action(error)
                case .keyed(let action): try await action(error, key)
                }
            }
        }

        /// What the step is called in results, events and metrics. Different for each step of a fallback.
        public let name: String

        /// How many calls may run in the step at once, at least 1; the next is passed on to the step after. `nil`: no
        /// limit.
        public internal(set) var limit: Int?

        /// How long the step may take, at least 1 ns. Its task is cancelled then, and waited for. `nil`: no limit.
        public internal(set) var timeout: Duration?

        @usableFromInline let handles: ErrorCondition
        @usableFromInline var source: Source
    }

    /// Steps one after another.
    ///
    /// Written in the braces of a fallback, or as a value of their own:
    ///
    /// ```swift
    /// let steps: Fallback<Quote>.Steps = .lastGood(maxAge: .seconds(300)).value(.empty)
    /// ```
    ///
    /// Each method is there twice: as a static one, which begins with the step, and as one that adds it. Lines that
    /// begin with a dot are one expression to the compiler, so that the first is the static one.
    public struct Steps: Sendable {
        /// The steps, first to last.
        public let elements: [Step]

        init(_ elements: [Step]) {
            self.elements = elements
        }

        /// These steps, and after them others.
        public func followed(by others: Steps) -> Steps { Steps(elements + others.elements) }

        /// Begins with a fixed value.
        ///
        /// - Parameters:
        ///   - value: The answer.
        ///   - name: What the step is called. Default: `value`.
        ///   - handles: For which errors of the call the step is taken. Default: all.
        public static func value(
            _ value: Value, name: String = "value", handles: ErrorCondition = .all
        ) -> Steps {
            Steps([Step(name: name, limit: nil, timeout: nil, handles: handles, source: .value(value))])
        }

        /// Begins with the value that the protected call returned last, if it is not too old.
        ///
        /// A value is kept whenever a call succeeds, for each key one. Costs each success a clock reading and a lock.
        ///
        /// - Parameters:
        ///   - maxAge: How old the value may be, at least 1 ns. At exactly this age it still serves.
        ///   - capacity: For how many keys values are kept, at least 1. The one that was renewed longest ago goes
        ///     first. Of several such steps, the largest counts. Default: 1000.
        ///   - name: What the step is called. Default: `last good`.
        ///   - handles: For which errors of the call the step is taken. Default: all.
        public static func lastGood(
            maxAge: Duration, capacity: Int = 1_000, name: String = "last good",
            handles: ErrorCondition = .all
        ) -> Steps {
            let source = Step.Source.lastGood(maxAge: maxAge, capacity: capacity)
            return Steps([Step(name: name, limit: nil, timeout: nil, handles: handles, source: source)])
        }

        /// Begins with an action that is given the error of the call: another service, a computation.
        ///
        /// It runs on the caller's actor, as the operation did. What it throws takes the call to the next step.
        ///
        /// - Parameters:
        ///   - name: What the step is called.
        ///   - limit: How many calls may run in it at once, so that a failing service does not take its stand-in down
        ///     with it. At least 1. Default: no limit.
        ///   - timeout: How long it may take, at least 1 ns. Default: no limit.
        ///   - handles: For which errors of the call the step is taken. Default: all.
        ///   - action: What answers.
        public static func step(
            _ name: String, limit: Int? = nil, timeout: Duration? = nil,
            handles: ErrorCondition = .all,
            _ action: @escaping @Sendable (_ error: any Error) async throws -> Value
        ) -> Steps {
            step(name, limit, timeout, handles, .plain(action))
        }

        /// Begins with an action that is given the error of the call and its key, otherwise as the form with the error
        /// alone.
        public static func step(
            _ name: String, limit: Int? = nil, timeout: Duration? = nil,
            handles: ErrorCondition = .all,
            _ action: @escaping @Sendable (_ error: any Error, _ key: Key) async throws -> Value
        ) -> Steps {
            step(name, limit, timeout, handles, .keyed(action))
        }

        private static func step(
            _ name: String, _ limit: Int?, _ timeout: Duration?, _ handles: ErrorCondition,
            _ action: Step.Action
        ) -> Steps {
            Steps([Step(name: name, limit: limit, timeout: timeout, handles: handles, source: .action(action))])
        }
    }
}

extension KeyedFallback.Steps {
    /// Adds a fixed value; as the static method.
    public func value(
        _ value: Value, name: String = "value", handles: ErrorCondition = .all
    ) -> Self {
        followed(by: .value(value, name: name, handles: handles))
    }

    /// Adds the value that the protected call returned last; as the static method.
    public func lastGood(
        maxAge: Duration, capacity: Int = 1_000, name: String = "last good",
        handles: ErrorCondition = .all
    ) -> Self {
        followed(by: .lastGood(maxAge: maxAge, capacity: capacity, name: name, handles: handles))
    }

    /// Adds an action that is given the error of the call; as the static method.
    public func step(
        _ name: String, limit: Int? = nil, timeout: Duration? = nil,
        handles: ErrorCondition = .all,
        _ action: @escaping @Sendable (_ error: any Error) async throws -> Value
    ) -> Self {
        followed(by: .step(name, limit: limit, timeout: timeout, handles: handles, action))
    }

    /// Adds an action that is given the error of the call and its key; as the static method.
    public func step(
        _ name: String, limit: Int? = nil, timeout: Duration? = nil,
        handles: ErrorCondition = .all,
        _ action: @escaping @Sendable (_ error: any Error, _ key: Key) async throws -> Value
    ) -> Self {
        followed(by: .step(name, limit: limit, timeout: timeout, handles: handles, action))
    }
}

/// Collects the steps of a fallback, first to last; with `if`, `if`-`else`, `switch` and `for`.
@resultBuilder
public enum FallbackBuilder<Key: Hashable & Sendable, Value: Sendable> {
    /// The steps of a fallback.
    public typealias Steps = KeyedFallback<Key, Value>.Steps

    /// Steps.
    public static func buildExpression(_ steps: Steps) -> Steps { steps }

    /// Steps one after another.
    public static func buildBlock(_ steps: Steps...) -> Steps { buildArray(steps) }

    /// Steps that are there only under a condition.
    public static func buildOptional(_ steps: Steps?) -> Steps { steps ?? Steps([]) }

    /// The first branch of a condition.
    public static func buildEither(first steps: Steps) -> Steps { steps }

    /// The second branch of a condition.
    public static func buildEither(second steps: Steps) -> Steps { steps }

    /// Steps of a loop.
    public static func buildArray(_ steps: [Steps]) -> Steps { Steps(steps.flatMap(\.elements)) }
}
